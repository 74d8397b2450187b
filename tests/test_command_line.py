"""Tests of `pix2pix <command>`: the dispatcher, the help of each command, and exit codes."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import HfApi

import pix2pix
import train_hub
from pix2pix.__main__ import COMMANDS, main
from pix2pix.commands import publish
from pix2pix.flags import flag_arguments, parse
from tests.commands import ROOT
from tests.hub_server import USER, WRITE_TOKEN, HubServer
from tests.published_run import TINY_FLAGS

STARTER = ROOT / "assets" / "starter_model"
HEAVY = ("tensorflow", "keras", "datasets", "gradio")
# The flags that train_hub.py had before `pix2pix <command>`: scripts use them, so they stay.
FLAGS = [
    "--dataset_name", "--dataset_revision", "--input_column", "--target_column", "--direction",
    "--image_size", "--load_size", "--input_channels", "--target_channels", "--augmentation",
    "--max_train_samples", "--validation_samples", "--recipe", "--generator_filters",
    "--discriminator_filters", "--dropout", "--generator_norm", "--gan_loss", "--l1_weight",
    "--num_train_epochs", "--max_train_steps", "--train_batch_size", "--learning_rate",
    "--discriminator_learning_rate", "--adam_beta1", "--lr_schedule", "--ema_decay",
    "--mixed_precision", "--jit_compile", "--steps_per_execution", "--seed", "--cache",
    "--cache_dir", "--output_dir", "--sample_steps", "--checkpointing_steps",
    "--checkpoints_total_limit", "--resume_from_checkpoint", "--report_to", "--dry_run",
    "--push_to_hub", "--hub_model_id", "--hub_private_repo", "--hub_tag", "--hub_create_pr",
    "--hub_strategy", "--push_only", "--space_id", "--hf_job", "--hf_job_timeout",
    "--hf_job_source", "--dataset_config", "--train_split", "--pair_layout", "--force_split",
    "--aspect", "--bands", "--value_range", "--overwrite_output_dir", "--space_sdk",
    "--space_hardware", "--upsampling", "--generator_depth", "--feature_weight", "--color_balance",
    "--color_balance_decay",
    "--input_legend", "--target_legend", "--init_from", "--freeze_encoder", "--warmup_steps",
    "--publish_discriminator", "--validation_steps", "--selection_samples", "--selection_metric",
    "--early_stopping_patience", "--publish",
    "--publish_formats", "--trackio_space_id",
]  # fmt: skip
EVALUATION_FLAGS = [
    "--model", "--dataset_name", "--dataset_revision", "--input_column", "--target_column",
    "--direction", "--validation_samples", "--legend", "--cache", "--cache_dir", "--output",
]  # fmt: skip

EXPORT_FLAGS = ["--model", "--format", "--output", "--precision"]
PAIRS_FLAGS = [
    "--output", "--overwrite_output_dir", "--make", "--pair_layout", "--image_size", "--edge_sigma",
    "--edge_low", "--edge_high", "--low_res_factor", "--blank_share", "--colors", "--split_by",
    "--validation_share", "--duplicate_distance", "--max_shift", "--max_left_out", "--push_to_hub",
    "--hub_dataset_id", "--hub_private_repo", "--license",
]  # fmt: skip

TRANSLATE_FLAGS = [
    "--output", "--model", "--mode", "--format", "--side_by_side", "--skip_existing", "--bands",
    "--value_range", "--max_megapixels", "--dataset_name", "--dataset_config", "--dataset_revision",
    "--split", "--input_column", "--output_column", "--max_samples", "--shard_rows", "--num_proc",
    "--overwrite", "--push_to_hub", "--hub_private_repo", "--hf_job", "--hf_job_timeout",
    "--hf_job_source",
]  # fmt: skip


def run_pix2pix(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Runs `python -m pix2pix ...` in the repository."""
    return subprocess.run(
        [sys.executable, "-m", "pix2pix", *arguments], cwd=ROOT, env=os.environ | environment,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def help_of(capsys, *arguments: str) -> str:
    """Returns what a command prints for --help, as one line without indentation."""
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "--help"])
    assert caught.value.code == 0
    return re.sub(r"\s+", " ", capsys.readouterr().out)


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A finished run."""
    shutil.copytree(STARTER, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def token(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)


def test_help_lists_every_command_with_one_line():
    process = run_pix2pix("--help")
    assert process.returncode == 0 and process.stderr == ""
    lines = process.stdout.splitlines()
    assert lines[0] == "usage: pix2pix <command> [flag ...]"
    for name in ("train", "evaluate", "translate", "publish", "deploy", "job", "dry-run"):
        (line,) = (line for line in lines if line.startswith(f"  {name} "))
        assert len(line) <= 100 and len(line.split()) > 3


def test_every_module_of_the_commands_package_with_a_main_is_a_command():
    folder = ROOT / "pix2pix" / "commands"
    modules = [path.stem for path in folder.glob("*.py") if "\ndef main(" in path.read_text()]
    assert {name.replace("_", "-") for name in modules} == COMMANDS.keys()


def test_without_a_command_the_list_is_printed_on_stderr():
    process = run_pix2pix()
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith("usage: pix2pix <command>") and "dry-run" in process.stderr


def test_version_prints_the_version_of_the_package():
    process = run_pix2pix("--version")
    assert (process.returncode, process.stdout) == (0, f"pix2pix {pix2pix.__version__}\n")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("deplo", "unknown command deplo; did you mean deploy?"),
        ("xyz", "unknown command xyz (--help"),
        ("--verbose", "unknown flag --verbose (--help"),
    ],
)
def test_an_unknown_command_is_one_line_and_exits_with_2(capsys, word: str, message: str):
    assert main([word]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.startswith(f"pix2pix: {message}")
    assert len(printed.err.splitlines()) == 1


def test_a_command_with_a_dash_can_be_written_with_an_underscore(capsys):
    assert "usage: pix2pix dry-run" in help_of(capsys, "dry_run")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_is_fast_and_imports_nothing_heavy(name: str):
    code = (
        "import sys, time; started = time.process_time()\n"
        "from pix2pix.__main__ import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as error: assert error.code == 0, error.code\n"
        f"assert not set({HEAVY}) & set(sys.modules)\n"
        "print(time.process_time() - started)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, name, "--help"], cwd=ROOT, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith(f"usage: pix2pix {name} ")
    assert float(process.stdout.splitlines()[-1]) < 1.5, "CPU seconds"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_the_default_of_every_flag(capsys, name: str):
    text = help_of(capsys, name)
    # Where a flag is declared, its other spelling or its value follows.
    flags = re.findall(r" (--[a-z0-9_]+)(?:, --| [A-Z{])", text)
    described = re.findall(r"\((?:default: [^)]+|required)\)", text)
    known = {*FLAGS, *EVALUATION_FLAGS, *PAIRS_FLAGS, *TRANSLATE_FLAGS, "--port"}
    assert len(described) >= len(set(flags) & known) > 1
    assert "default: None" not in text


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_flag_exits_with_2_and_the_name_of_the_command(capsys, name: str):
    with pytest.raises(SystemExit) as caught:
        main([name, "--color"])
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"pix2pix {name}: ")


def test_train_hub_accepts_every_flag_it_ever_had(capsys):
    with pytest.raises(SystemExit) as caught:
        train_hub.main(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    accepted = set(re.findall(r"^  (--[a-z0-9_]+)", text, re.MULTILINE))
    assert accepted == set(FLAGS)
    assert text.startswith("usage: train_hub.py [flag ...]")


def test_evaluate_accepts_every_flag_it_ever_had(capsys):
    text = help_of(capsys, "evaluate")
    assert all(f" {flag} " in text for flag in EVALUATION_FLAGS)


@pytest.mark.parametrize(
    ("name", "flags"), [("pairs", PAIRS_FLAGS), ("translate", TRANSLATE_FLAGS)]
)
def test_a_command_accepts_its_flags(capsys, name: str, flags: list[str]):
    text = help_of(capsys, name)
    assert all(f" {flag} " in text or f" {flag}," in text for flag in flags)


def test_export_accepts_its_flags(capsys):
    text = help_of(capsys, "export")
    assert all(f" {flag} " in text for flag in EXPORT_FLAGS)


@pytest.mark.parametrize("name", ["job", "dry-run"])
def test_commands_of_a_training_take_all_flags_of_train(capsys, name: str):
    text = help_of(capsys, name)
    assert all(f" {flag} " in text or f" {flag}," in text for flag in FLAGS)


def test_a_failure_is_one_line_and_exits_with_1(capsys, tmp_path: Path):
    assert main(["train", "--dataset_name", str(tmp_path), "--output_dir", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pix2pix train: ") and str(tmp_path) in line


def test_a_missing_package_is_reported_with_how_to_install_it(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    for arguments in (["train"], ["dry-run"], ["evaluate", "--model", "x"]):
        assert main(arguments) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert "not installed (datasets)" in line and "extra `train`" in line


@pytest.mark.usefixtures("token")
def test_publish_uploads_the_artifacts_once(run_folder: Path, repo_id: str, capsys):
    arguments = ["publish", "--output_dir", str(run_folder), "--hub_model_id", repo_id]
    assert main([*arguments, "--hub_tag", "v1.0"]) == 0
    assert f"/{repo_id}" in capsys.readouterr().out
    assert "generator.onnx" in HfApi().list_repo_files(repo_id, revision="v1.0")
    commits = len(HfApi().list_repo_commits(repo_id))
    assert main([*arguments, "--hub_tag", "v1.0"]) == 0
    assert len(HfApi().list_repo_commits(repo_id)) == commits


@pytest.mark.usefixtures("token")
def test_publish_and_push_only_do_the_same(run_folder: Path, repo_id: str):
    flags = ["--output_dir", str(run_folder), "--hub_model_id"]
    assert main(["publish", *flags, repo_id]) == 0
    assert train_hub.main(["--push_only", *flags, f"{repo_id}-2"]) == 0
    first, second = (
        HfApi().list_repo_tree(name, recursive=True) for name in (repo_id, f"{repo_id}-2")
    )
    ids = [{file.path: getattr(file, "blob_id", "") for file in tree} for tree in (first, second)]
    for name in ("README.md", "notebook.ipynb"):  # contain the id of the repository
        assert ids[0].pop(name) != ids[1].pop(name)
    assert ids[0] == ids[1]


def test_publish_without_artifacts_is_refused(capsys, tmp_path: Path):
    assert main(["publish", "--output_dir", str(tmp_path)]) == 1
    assert f"pix2pix publish: {tmp_path} has no finished run" in capsys.readouterr().err


@pytest.mark.usefixtures("token")
def test_deploy_creates_a_space_for_a_published_model(
    hub: HubServer, run_folder: Path, repo_id: str, capsys
):
    assert main(["publish", "--output_dir", str(run_folder), "--hub_model_id", repo_id]) == 0
    arguments = ["deploy", "--hub_model_id", repo_id, "--space_id"]
    assert main([*arguments, f"{repo_id}-space"]) == 0
    assert f"serves {repo_id}@" in capsys.readouterr().out
    space = hub.store.repo("space", f"{repo_id}-space")
    assert space.variables["PIX2PIX_MODEL"]["value"].startswith(f"{repo_id}@")
    assert {"app.py", "train_hub.py"} <= space.head.tree.keys() and not space.private
    assert main([*arguments, f"{repo_id}-private", "--hub_private_repo"]) == 0
    assert hub.store.repo("space", f"{repo_id}-private").private


@pytest.mark.usefixtures("token")
def test_deploy_of_a_missing_model_creates_no_space(hub: HubServer, repo_id: str, capsys):
    space_id = f"{repo_id}-space"
    assert main(["deploy", "--hub_model_id", f"{USER}/nothing", "--space_id", space_id]) == 1
    assert f"{USER}/nothing" in capsys.readouterr().err
    assert ("space", space_id) not in hub.store.repos


@pytest.mark.usefixtures("token")
def test_job_submits_what_hf_job_submits(hub: HubServer, repo_id: str):
    dataset = f"{repo_id}-pairs"
    hub.store.create("dataset", dataset)
    flags = ["--hf_job", "t4-small", "--hf_job_source", "git+https://github.com/me/pix2pix"]
    flags += ["--dataset_name", dataset, "--hub_model_id", repo_id, "--seed", "3"]
    assert main(["job", *flags]) == 0
    assert train_hub.main(flags) == 0
    first, second = (
        {
            key: value
            for key, value in hub.store.jobs[index].items()
            if key not in ("id", "createdAt")
        }
        for index in (-2, -1)
    )
    assert first == second and "--seed" in first["command"]


def test_job_needs_the_hardware(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["job"])
    assert caught.value.code == 2
    assert "required: --hf_job" in capsys.readouterr().err


@pytest.mark.slow
def test_dry_run_prints_the_plan_that_train_prints(tmp_path: Path, capsys):
    flags = ["--dataset_name", "assets/sample_maps", *TINY_FLAGS, "--cache_dir", str(tmp_path)]
    flags += ["--output_dir", str(tmp_path / "run")]
    assert main(["dry-run", *flags]) == 0
    output = capsys.readouterr().out
    assert "nothing was trained or published" in output
    assert main(["train", "--dry_run", *flags]) == 0
    assert capsys.readouterr().out == output
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"batch_preview.png"}


def test_the_recovery_hint_is_a_command_line_with_the_flags_of_publishing():
    options = parse(
        "", ["--push_to_hub", "--output_dir", "my run", "--hub_model_id", "my-run",
             "--hub_tag", "v2", "--seed", "1"],
    )[1]  # fmt: skip
    from pix2pix.commands.publish import recovery_hint

    assert recovery_hint(options).endswith(
        "publish with: python train_hub.py --push_only --output_dir 'my run' "
        "--hub_model_id my-run --hub_tag v2"
    )
    arguments = flag_arguments(options, publish.FLAGS)
    assert parse("", ["--push_only", *arguments])[1] == replace(
        options, push_to_hub=False, push_only=True
    )
