"""Tests of the flags of a training, and of what imports and --help cost."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.fields import setting, settings_of
from pix2pix.flags import Subset, flag_arguments, parse, parse_as
from pix2pix.options import Options
from tests.commands import ROOT

# Flags that need another flag.
NEEDED = dict.fromkeys(
    ("hub_strategy", "hub_tag", "hub_create_pr", "hub_private_repo"), ["--push_to_hub"]
) | dict.fromkeys(("space_sdk", "space_hardware"), ["--space_id", "me/space"])
NEEDED["freeze_encoder"] = ["--init_from", "me/model"]
NEEDED["color_balance_decay"] = ["--color_balance", "1"]
NEEDED |= dict.fromkeys(
    ("selection_samples", "selection_metric", "early_stopping_patience", "publish"),
    ["--validation_steps", "100"],
)
NEEDED["trackio_space_id"] = ["--report_to", "trackio"]
# Values of settings that allow only some.
WORDS = {"bands": "1,2,3", "value_range": "0,4095", "generator_depth": "6"}
WORDS |= dict.fromkeys(("input_legend", "target_legend"), "000000,ff0000")
HEAVY = ("tensorflow", "keras", "datasets", "onnxruntime", "gradio")
EXAMPLES = {int: "300", float: "0.25", str: "text", Path: "folder"}


@dataclasses.dataclass(frozen=True)
class Lists:
    """Has positional arguments and a list."""

    inputs: tuple[Path, ...] = setting(help="files to read", positional=True)
    sizes: tuple[int, ...] = setting((1, 2), "sizes in pixels")
    output: Path = setting(Path("out"), "100 % of the results")


def run_python(code: str) -> subprocess.CompletedProcess:
    """Runs `code` in a fresh interpreter, in the repository."""
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


def heavy_modules_after(code: str) -> set[str]:
    """Returns the heavy packages that `code` imports."""
    process = run_python(f"{code}\nimport sys\nprint('LOADED', *set({HEAVY}) & set(sys.modules))")
    assert process.returncode == 0, process.stderr
    return set(process.stdout.rpartition("LOADED")[2].split())


def usage_error(capsys, *arguments: str, parts: tuple = (Config, Options)) -> str:
    """Parses a wrong command line, which must exit with 2; returns its only line on stderr."""
    with pytest.raises(SystemExit) as caught:
        parse_as(parts, "about", list(arguments), "pix2pix test")
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("pix2pix test: ") and line.endswith("(--help lists the flags)")
    return line


def test_without_flags_every_setting_has_its_default():
    assert parse("about", []) == (Config(), Options())


def test_the_default_options():
    options = Options()
    assert (options.sample_steps, options.checkpointing_steps) == (1000, 1000)
    assert options.checkpoints_total_limit == 3
    assert options.resume_from_checkpoint is None and not options.pushes


def test_flags_override_the_recipe():
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


@pytest.mark.parametrize(
    ("index", "name"),
    [
        (index, spec.name)
        for index, cls in enumerate((Config, Options))
        for spec in settings_of(cls)
    ],
)
def test_every_setting_has_a_flag(index: int, name: str):
    (spec,) = (spec for spec in settings_of((Config, Options)[index]) if spec.name == name)
    if spec.type is bool:
        value, arguments = True, [f"--{name}"]
    else:
        example = WORDS.get(name, EXAMPLES[spec.type])
        word = str(spec.choices[-1]) if spec.choices else example
        value, arguments = spec.type(word), [f"--{name}", word]
        value = (value,) if spec.repeated else value
    parsed = parse("about", arguments + NEEDED.get(name, []))[index]
    assert getattr(parsed, name) == value


def test_positional_arguments_and_lists_are_tuples_of_their_type():
    (parsed,) = parse_as((Lists,), "", ["a", "b", "--sizes", "3", "4", "--output", "c"], "p")
    assert parsed == Lists((Path("a"), Path("b")), (3, 4), Path("c"))
    (parsed,) = parse_as((Lists,), "", ["a"], "p")
    assert parsed == Lists((Path("a"),))


def test_a_missing_positional_argument_is_a_usage_error(capsys):
    assert "required: INPUTS" in usage_error(capsys, "--output", "c", parts=(Lists,))
    assert "invalid int value: 'x'" in usage_error(capsys, "a", "--sizes", "x", parts=(Lists,))


def test_help_has_usage_defaults_and_required_settings(capsys):
    with pytest.raises(SystemExit) as caught:
        parse_as((Lists,), "What it does.", ["--help"], "pix2pix test")
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith("usage: pix2pix test INPUTS [INPUTS ...] [flag ...]\n\nWhat it does.\n")
    assert "files to read (required)" in text
    assert "sizes in pixels (default: 1 2)" in text
    assert "100 % of the results (default: out)" in text


def test_a_subset_is_a_dict_of_the_flags_that_were_given(capsys):
    subset = Subset(Config, ("direction", "validation_samples"), fixed={"seed": 3})
    assert parse_as((subset,), "", [], "p") == ({"seed": 3},)
    arguments = ["--direction", "a_to_b"]
    assert parse_as((subset,), "", arguments, "p") == ({"direction": "a_to_b", "seed": 3},)
    assert "at least 0" in usage_error(capsys, "--validation_samples", "-1", parts=(subset,))
    assert "unrecognized arguments: --seed" in usage_error(capsys, "--seed", "1", parts=(subset,))


def test_a_setting_can_be_required_by_one_command(capsys):
    with pytest.raises(SystemExit) as caught:
        parse("about", [], "pix2pix job", required=("hf_job",))
    assert caught.value.code == 2
    assert "required: --hf_job" in capsys.readouterr().err


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(image_size=128, load_size=140),
        Config(image_size=128, l1_weight=50.0, dataset_name="my pairs"),
        Config.of_recipe("best"),
        Config.of_recipe("best", lr_schedule="constant", image_size=64, max_train_steps=5),
        Config(generator_norm="layer", lr_schedule="linear", learning_rate=4e-4),
    ],
)
def test_flag_arguments_of_a_config_parse_to_the_same_config(config: Config):
    assert parse("about", flag_arguments(config))[0] == config


def test_flag_arguments_leave_out_defaults_including_those_of_the_recipe_and_the_image_size():
    assert flag_arguments(Config()) == []
    config = Config.of_recipe("best", image_size=128, l1_weight=50.0)
    assert flag_arguments(config) == [
        "--recipe", "best", "--image_size", "128", "--l1_weight", "50.0",
    ]  # fmt: skip


def test_flag_arguments_of_options_include_lists_and_bools_and_only_the_named_settings():
    assert flag_arguments(Lists((Path("a"),), (3, 4)), ["sizes"]) == ["--sizes", "3", "4"]
    options = Options(push_to_hub=True, hub_model_id="me/m", sample_steps=0)
    arguments = ["--sample_steps", "0", "--push_to_hub", "--hub_model_id", "me/m"]
    assert flag_arguments(options) == arguments
    assert flag_arguments(options, ["hub_model_id"]) == arguments[3:]


def test_the_model_id_is_by_default_the_name_of_the_output_folder():
    _, options = parse("about", ["--push_to_hub", "--output_dir", "runs/my-maps"])
    assert options.hub_model_id == "my-maps"
    _, options = parse("about", ["--output_dir", "runs/my-maps"])
    assert options.hub_model_id is None
    with pytest.raises(UserError, match="--hub_model_id is missing"):
        _ = options.model_id


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--load_size", "100"], "--load_size is 100; it must be at least --image_size (256)"),
        (["--gan-loss", "other"], "invalid choice: 'other'"),
        (["--seed", "one"], "invalid int value: 'one'"),
        (
            ["--checkpoints_total_limit", "0"],
            "--checkpoints_total_limit is 0; it must be at least 1",
        ),
        (["--sample_steps", "-1"], "--sample_steps is -1; it must be at least 0"),
        (["--checkpointing_steps", "-5"], "--checkpointing_steps is -5; it must be at least 0"),
        (["--hub_strategy", "every_save"], "every_save needs --push_to_hub"),
        (["--resume_from_checkpoint", "hub"], "hub needs --hub_model_id"),
        (["--space_sdk", "static"], "--space_sdk has no effect without --space_id"),
        (["--space_hardware", "t4-small"], "--space_hardware has no effect without --space_id"),
        (["--space_id", "me/s", "--space_sdk", "docker"], "invalid choice: 'docker'"),
        (
            ["--space_id", "me/s", "--space_sdk", "static", "--space_hardware", "zero-a10g"],
            "A static Space has no hardware: leave out --space_hardware zero-a10g",
        ),
        (
            ["--push_to_hub", "--hub_private_repo", "--space_id", "me/s", "--space_sdk", "static"],
            "A static Space can't read a private model: leave out --hub_private_repo",
        ),
        (
            ["--early_stopping_patience", "3"],
            "--early_stopping_patience 3 has no effect without --validation_steps: add it",
        ),
        (["--publish", "best"], "--publish best has no effect without --validation_steps"),
        (["--selection_samples", "9"], "--selection_samples 9 has no effect without"),
        (["--selection_metric", "ssim"], "--selection_metric ssim has no effect without"),
        (["--validation_steps", "-1"], "--validation_steps is -1; it must be at least 0"),
        (["--validation_steps", "9", "--selection_metric", "psnr"], "invalid choice: 'psnr'"),
        (["--trackio_space_id", "me/s"], "no effect without --report_to trackio"),
        (["--report_to", "trackio", "--trackio_space_id", "me/s/t"], "no name of a repository"),
        (
            ["--report_to", "trackio", "--trackio_space_id", "me/s", "--space_id", "s"],
            "--trackio_space_id and --space_id name the same Space",
        ),
        (
            [
                "--report_to",
                "trackio",
                "--trackio_space_id",
                "s",
                "--push_to_hub",
                "--hub_private_repo",
            ],
            "The dashboard of --trackio_space_id is public",
        ),
        (["--color"], "--color"),
        (["--learning_rate"], "expected one argument"),
        (["unexpected"], "unrecognized arguments: unexpected"),
    ],
)
def test_a_usage_error_exits_with_2_and_is_one_line_with_the_flag(capsys, arguments, message):
    assert message in usage_error(capsys, *arguments)


@pytest.mark.parametrize(
    ("code", "limit"),
    [
        ("import pix2pix", 0.3),
        ("import train_hub\ntry: train_hub.main(['--help'])\nexcept SystemExit: pass", 1.0),
    ],
    ids=["import", "help"],
)
def test_import_and_help_are_fast(code, limit):
    """Measured in CPU seconds, which other processes do not change."""
    process = run_python(f"import time\nstarted = time.process_time()\n{code}\n"
                         "print('TOOK', time.process_time() - started)")  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert float(process.stdout.rpartition("TOOK")[2]) < limit


def test_import_pix2pix_imports_nothing_heavy():
    assert heavy_modules_after("import pix2pix") == set()


def test_the_translator_imports_nothing_heavy_until_it_opens_a_graph():
    assert heavy_modules_after("from pix2pix import Translator") == set()
    code = "import pix2pix; pix2pix.Translator.from_pretrained('assets/starter_model')"
    assert heavy_modules_after(code) == {"onnxruntime"}


def test_an_unknown_name_is_an_attribute_error():
    import pix2pix

    with pytest.raises(AttributeError, match="no attribute 'Generator'"):
        pix2pix.Generator  # noqa: B018
