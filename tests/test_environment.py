"""The environment is checked before anything else, and each fault is one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pix2pix import UserError, environment
from pix2pix.__main__ import main
from pix2pix.commands import resources
from pix2pix.config import Config
from pix2pix.data import Rows, SplitPlan
from pix2pix.flags import parse
from pix2pix.names import is_repository_name
from pix2pix.options import Options
from tests.builders import make_pairs, tiny_config, write_joined_pairs
from tests.commands import ROOT

PREPARE = """
import os, sys
from pix2pix import environment
if sys.argv[1]:
    os.setuid(int(sys.argv[1]))
print("\\n".join(environment.prepare_folders()))
print(environment.prepare_folders())
print(os.environ.get("HF_HOME"), "huggingface_hub" in sys.modules)
"""
NOBODY = 65534
FOLDER_VARIABLES = ("HF_HOME", "XDG_CACHE_HOME", "TMPDIR", "GRADIO_TEMP_DIR", "HF_HUB_CACHE")


def prepare_folders(user: int | None = None, **variables: str) -> list[str]:
    """Calls `prepare_folders` twice in a process with these variables; returns what it printed."""
    inherited = {k: v for k, v in os.environ.items() if k not in FOLDER_VARIABLES}
    process = subprocess.run(
        [sys.executable, "-c", PREPARE, str(user or "")], cwd=ROOT, env=inherited | variables,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


def test_folders_that_can_be_written_are_left_alone(tmp_path: Path):
    home = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "HF_HOME": str(tmp_path / "new" / "hf")}
    assert prepare_folders(**home) == ["", "[]", f"{tmp_path / 'new' / 'hf'} False"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FOLDER_VARIABLES)
def test_a_folder_that_cannot_be_written_is_replaced_and_named(tmp_path: Path, name: str):
    (tmp_path / "file").touch()
    first, again, _ = prepare_folders(
        **{"HOME": str(tmp_path), name: str(tmp_path / "file" / "folder")}
    )
    assert first.startswith(f"{name}: {tmp_path / 'file'}")
    assert "can't be written (Not a directory), so" in first and " instead; set " in first
    assert again == "[]"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_the_home_of_another_user_is_replaced(tmp_path: Path):
    first, _, last = prepare_folders(NOBODY, HOME="/root")
    assert first.startswith("HOME: ~/.cache/huggingface can't be written (Permission denied)")
    assert "pix2pix-" in last


@pytest.mark.slow
def test_keras_settings_of_the_user_are_not_used(tmp_path: Path):
    (tmp_path / "keras.json").write_text(
        '{"backend": "jax", "image_data_format": "channels_first"}'
    )
    program = (
        "from pix2pix import environment; print(environment.prepare_keras());"
        "import keras; c = keras.config; print(c.backend(), c.image_data_format(), c.floatx())"
    )
    variables = {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "torch"}
    output = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=os.environ | variables,
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "KERAS_BACKEND is torch" in output
    assert "backend tensorflow, image_data_format channels_last" in output
    assert output.splitlines()[-1] == "tensorflow channels_last float32"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"floatx": "float8"}', '{"epsilon": 1}'])
def test_a_keras_json_that_keras_refuses_is_not_used(tmp_path: Path, monkeypatch, content: str):
    (tmp_path / "keras.json").write_text(content)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    (note,) = environment.prepare_keras()
    assert str(tmp_path / "keras.json") in note
    assert environment.prepare_keras() == []


def test_names_with_accents_are_printed_in_ascii(tmp_path: Path):
    write_joined_pairs(tmp_path / "dé", "train", make_pairs(1), "png")
    command = ["translate", str(tmp_path / "dé"), "--output", str(tmp_path / "ü"), "--model"]
    output = subprocess.run(
        [sys.executable, "-m", "pix2pix", *command, "assets/starter_model"], cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True, check=True,
    )  # fmt: skip
    assert b"\\xfc" in output.stdout
    assert b"Traceback" not in output.stderr


def test_the_home_folder_is_expanded_in_every_path(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("HOME", str(tmp_path))
    config, options = parse(
        "", ["--dataset_name=~/d", "--output_dir", "~/o", "--cache_dir=~/c",
             "--resume_from_checkpoint=~/k"],
    )  # fmt: skip
    assert config.dataset_name == str(tmp_path / "d")
    assert (options.output_dir, options.cache_dir) == (tmp_path / "o", tmp_path / "c")
    assert options.resume_from_checkpoint == str(tmp_path / "k")


def test_a_seed_has_32_bits():
    assert Config(seed=2**32 - 1).seed == 2**32 - 1
    with pytest.raises(UserError, match="--seed is 4294967296; .* below 4,294,967,296"):
        Config(seed=2**32)


def test_more_memory_than_there_is_is_refused_with_both_figures():
    plan = SplitPlan(Rows("train", 0, 10**9), Rows("val", 0, 5))
    with pytest.raises(UserError, match=r"needs \d+\.\d GB .* and \d+\.\d GB are available"):
        resources.check_memory(tiny_config(), Options(cache="memory"), plan, False)
    resources.check_memory(tiny_config(), Options(cache="disk"), plan, False)
    with pytest.raises(UserError, match="--train_batch_size"):
        config = tiny_config(train_batch_size=10**7)
        resources.check_memory(config, Options(), plan, False)


def test_the_estimate_of_a_step_is_that_of_its_networks():
    from pix2pix.networks import build_discriminator, build_generator

    config = tiny_config(generator_filters=5, discriminator_filters=7, train_batch_size=2)
    networks = build_generator(config), build_discriminator(config)
    assert resources.step_bytes(config) == resources.memory_bytes(*networks, config)


@pytest.mark.parametrize("flag", [["--hub_tag", "v1"], ["--hub_create_pr"], ["--hub_private_repo"]])
def test_a_flag_for_publishing_is_refused_without_publishing(capsys, flag: list[str]):
    with pytest.raises(SystemExit):
        main(["train", *flag])
    assert f"{flag[0]} has no effect without --push_to_hub" in capsys.readouterr().err


def test_names_that_the_hub_refuses_are_refused_before_a_request():
    assert all(map(is_repository_name, ("a", "me/maps", "Me-2/p_x.y", "a/" + "b" * 90)))
    wrong = ("", "a b/c", "a/b/c", "-a/b", "a/b.", "a--b/c", "a/b..c", "a/b.git", "é/b", "a/" * 50)
    assert not any(map(is_repository_name, wrong))
    with pytest.raises(UserError, match="'a b/c', which is no name of a repository"):
        Options(push_to_hub=True, hub_model_id="a b/c")


@pytest.mark.parametrize("name", ["tests/nothing", "./x", "a/b/c", "a b/c", "x/"])
def test_a_mistyped_folder_of_a_model_is_not_looked_for_on_the_hub(capsys, tmp_path, name: str):
    command = ["translate", "assets/sample_maps", "--output", str(tmp_path), "--model", name]
    write_joined_pairs(tmp_path / "in", "train", make_pairs(1), "png")
    command[1] = str(tmp_path / "in")
    assert main(command) == 1
    assert f"There is no folder {name}; check the path" in capsys.readouterr().err
