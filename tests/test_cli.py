"""The command line of train_hub.py, and what importing the package costs."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pix2pix.cli import Options, parse
from pix2pix.config import Config
from pix2pix.errors import UserError
from tests.commands import ROOT

# Flags that another one does not make sense without.
NEEDED = {"hub_strategy": ["--push_to_hub"]}
HEAVY = ("tensorflow", "keras", "datasets", "onnxruntime")


def python(code: str) -> subprocess.CompletedProcess:
    """Runs `code` in a fresh interpreter, in the repository."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


def heavy_modules_after(code: str) -> set[str]:
    done = python(f"{code}\nimport sys\nprint('LOADED', *set({HEAVY}) & set(sys.modules))")
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED")[2].split())


def usage_error(capsys, *arguments: str) -> str:
    """What a wrong command line prints on stderr; it must exit with 2."""
    with pytest.raises(SystemExit) as caught:
        parse("about", list(arguments))
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.strip()


def test_no_flag_gives_the_defaults():
    assert parse("about", []) == (Config(), Options())


def test_default_options():
    options = Options()
    assert (options.sample_steps, options.checkpointing_steps) == (1000, 1000)
    assert options.checkpoints_total_limit == 3
    assert options.resume_from_checkpoint is None and not options.pushes


def test_flags_overrule_the_recipe():
    config, _ = parse("about", ["--recipe", "best", "--lr_schedule", "constant"])
    assert (config.recipe, config.lr_schedule) == ("best", "constant")
    assert config.generator_norm == Config.of_recipe("best").generator_norm != "instance"


@pytest.mark.parametrize("style", [str, lambda flag: flag.replace("_", "-")])
def test_underscores_and_dashes_both_work(style):
    config, options = parse(
        "about",
        [
            style("--dataset_name"), "my/maps", style("--image_size"), "128",
            style("--learning_rate"), "1e-3", style("--checkpoints_total_limit"), "5",
            style("--push_to_hub"), style("--hub_model_id"), "me/maps_a",
        ],
    )  # fmt: skip
    assert (config.dataset_name, config.image_size, config.learning_rate) == ("my/maps", 128, 1e-3)
    assert (options.checkpoints_total_limit, options.push_to_hub) == (5, True)
    assert options.hub_model_id == "me/maps_a"


def test_every_field_can_be_set():
    """One flag a field: what can be stored in pix2pix.json can be asked for again."""
    for cls in (Config, Options):
        for field in dataclasses.fields(cls):
            flag = f"--{field.name}"
            about = field.metadata
            if about["kind"] is bool:
                value, arguments = True, [flag]
            else:
                plain = {int: "300", float: "0.25", str: "text", Path: "there"}[about["kind"]]
                shown = str(about["choices"][-1]) if about["choices"] else plain
                value, arguments = about["kind"](shown), [flag, shown]
            arguments += NEEDED.get(field.name, [])
            parsed = parse("about", arguments)[0 if cls is Config else 1]
            assert getattr(parsed, field.name) == value, flag


def test_the_model_id_is_the_output_folders_name_by_default():
    _, options = parse("about", ["--push_to_hub", "--output_dir", "runs/my-maps"])
    assert options.hub_model_id == "my-maps"
    _, options = parse("about", ["--output_dir", "runs/my-maps"])
    assert options.hub_model_id is None
    with pytest.raises(UserError, match="--hub_model_id is missing"):
        _ = options.model_id


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--load_size", "100"], "--load_size is 100; it must be at least --image_size (256)"),
        (["--gan-loss", "other"], "invalid choice: 'other'"),
        (["--seed", "one"], "invalid int value: 'one'"),
        (["--checkpoints_total_limit", "0"], "--checkpoints_total_limit must be at least 1"),
        (["--sample_steps", "-1"], "--sample_steps is -1"),
        (["--checkpointing_steps", "-5"], "--checkpointing_steps is -5"),
        (["--hub_strategy", "every_save"], "every_save needs --push_to_hub"),
        (["--resume_from_checkpoint", "hub"], "hub needs --hub_model_id"),
        (["--colour"], "--colour"),
        (["--learning_rate"], "expected one argument"),
    ],
)
def test_a_usage_error_exits_with_2_and_names_the_flag(capsys, arguments, named):
    printed = usage_error(capsys, *arguments)
    assert named in printed.splitlines()[-1]
    assert "Traceback" not in printed


def test_a_usage_error_is_one_line(capsys):
    """Not the fifty lines of every flag before the one that says what is wrong."""
    assert len(usage_error(capsys, "--load_size", "100").splitlines()) == 1


def test_help_explains_every_flag_and_loads_nothing_heavy():
    code = "import train_hub\ntry:\n    train_hub.main(['--help'])\nexcept SystemExit as e:\n"
    done = python(f"{code}    assert e.code == 0\nimport sys\nprint('LOADED', *sys.modules)")
    assert done.returncode == 0, done.stderr
    text, _, loaded = done.stdout.rpartition("LOADED")
    assert not set(HEAVY) & set(loaded.split())
    for cls in (Config, Options):
        for field in dataclasses.fields(cls):
            assert f"--{field.name}" in text
    assert "(default 0.0002)" in text and "(default 256)" in text


@pytest.mark.parametrize(
    ("code", "limit"),
    [
        ("import pix2pix", 0.3),
        ("import train_hub\ntry: train_hub.main(['--help'])\nexcept SystemExit: pass", 1.0),
    ],
    ids=["import", "help"],
)
def test_what_a_user_waits_for_is_quick(code, limit):
    """In processor time, which a busy machine does not stretch."""
    done = python(f"import time\nstarted = time.process_time()\n{code}\n"
                  "print('TOOK', time.process_time() - started)")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.rpartition("TOOK")[2]) < limit


def test_import_pix2pix_loads_nothing_heavy():
    assert heavy_modules_after("import pix2pix") == set()


def test_the_translator_needs_onnx_runtime_alone():
    assert heavy_modules_after("import pix2pix.translate") == {"onnxruntime"}
    assert heavy_modules_after("from pix2pix import Translator") == {"onnxruntime"}


def test_an_unknown_name_is_an_attribute_error():
    import pix2pix

    with pytest.raises(AttributeError, match="no attribute 'Generator'"):
        pix2pix.Generator  # noqa: B018
