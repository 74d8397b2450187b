"""Tests of `--hf_job`: the request to Hugging Face Jobs, and the command that the job runs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi, JobHardwareInfo

import train_hub
from pix2pix.commands import job
from pix2pix.config import Config
from pix2pix.flags import parse
from pix2pix.hub import jobs
from pix2pix.options import Options
from tests.commands import install_package
from tests.deployed_space import DeployedSpace, read_settings
from tests.hub_server import (
    FREE_ORGANIZATION,
    FREE_TOKEN,
    USER,
    WRITE_TOKEN,
    Fault,
    HubServer,
)

DATASET = f"{USER}/pairs-for-a-job"
SOURCE = "git+https://github.com/me/pix2pix"
SETTINGS = ["--image_size", "128", "--l1_weight", "50", "--recipe", "best", "--hub_tag", "v2.0"]
pytestmark = pytest.mark.usefixtures("hub", "logged_in")


@pytest.fixture(scope="module", autouse=True)
def dataset(hub: HubServer) -> None:
    hub.store.create("dataset", DATASET)


def run(*arguments: str, source: str | None = SOURCE) -> int:
    """Submits a job in this process and returns the exit code."""
    flags = ["--hf_job_source", source] if source else []
    return train_hub.main(["--dataset_name", DATASET, "--hf_job", "t4-small", *flags, *arguments])


def test_the_request_runs_the_training_with_the_same_flags(hub: HubServer, repo_id: str, capsys):
    local = ["--output_dir", "runs/here", "--cache_dir", "caches/here"]
    assert run("--hub_model_id", repo_id, *SETTINGS, *local, "--hf_job_timeout", "90m") == 0
    sent = hub.store.jobs[-1]
    assert sent["dockerImage"] == job.IMAGE and sent["flavor"] == "t4-small"
    assert sent["timeoutSeconds"] == 90 * 60
    assert sent["secrets"] == {"HF_TOKEN": WRITE_TOKEN}
    assert sent["owner"]["name"] == USER
    command = sent["command"]
    assert command[:6] == [
        "uv", "run", "--with", f"pix2pix-hub[train] @ {SOURCE}", "--with", "tensorflow[and-cuda]",
    ]  # fmt: skip
    assert command[6] == "pix2pix-train"
    arguments = command[7:]
    config, options = parse("", arguments)
    assert config == parse("", ["--dataset_name", DATASET, "--push_to_hub", *SETTINGS])[0]
    assert (options.hub_model_id, options.hub_tag) == (repo_id, "v2.0")
    assert options.push_to_hub and options.resume_from_checkpoint == "hub"
    assert options.hub_strategy == "every_save"
    assert not {"runs/here", "caches/here"} & set(arguments)
    assert not any(word.startswith("--hf_job") for word in arguments)
    output = capsys.readouterr().out
    assert f"/jobs/{USER}/{sent['id']}" in output
    assert f"hf jobs logs --follow {sent['id']}" in output
    assert WRITE_TOKEN not in output + json.dumps(command) + json.dumps(sent["environment"])


def test_the_model_repository_is_created_before_the_job(hub: HubServer, repo_id: str):
    assert run("--hub_model_id", repo_id.split("/")[1]) == 0
    assert HfApi().repo_exists(repo_id)
    assert repo_id in hub.store.jobs[-1]["command"], "the job must get the full id"


def test_a_job_without_a_gpu_does_not_install_cuda(hub: HubServer, repo_id: str):
    assert run("--hub_model_id", repo_id, "--hf_job", "cpu-upgrade") == 0
    assert "tensorflow[and-cuda]" not in hub.store.jobs[-1]["command"]


def test_a_job_with_live_curves_installs_their_package(hub: HubServer, repo_id: str):
    assert run("--hub_model_id", repo_id, "--report_to", "trackio") == 0
    command = hub.store.jobs[-1]["command"]
    assert command[command.index("trackio") - 1] == "--with"


def test_a_dry_run_prints_the_request_and_submits_nothing(hub: HubServer, repo_id: str, capsys):
    submitted, repos = len(hub.store.jobs), set(hub.store.repos)
    assert run("--hub_model_id", repo_id, "--dry_run") == 0
    output = capsys.readouterr().out
    assert len(hub.store.jobs) == submitted and set(hub.store.repos) == repos
    request = json.loads(output[output.index("{") : output.rindex("}") + 1])
    assert request["secrets"] == {"HF_TOKEN": "***"} and request["flavor"] == "t4-small"
    assert repo_id in request["command"] and "--dry_run" not in request["command"]
    assert f"{repo_id}, which will be created" in output
    assert "t4-small: 0.40 USD an hour, 4.80 USD at most in 12h" in output
    assert WRITE_TOKEN not in output


@pytest.mark.parametrize(
    ("unit", "timeout", "description"),
    [
        (("minute", 0.016667), "12h", "a10g: 1.00 USD an hour, 12.00 USD at most in 12h"),
        (("hour", 0.4), "90m", "a10g: 0.40 USD an hour, 0.60 USD at most in 90m"),
        (("minute", 0.1), "600", "a10g: 6.00 USD an hour, 1.00 USD at most in 600"),
        (("credit", 2.5), "1d", "a10g: 2.50 USD a credit"),
    ],
)
def test_the_price_per_hour_and_its_maximum_are_described(
    unit: tuple[str, float], timeout: str, description: str
):
    label, cost = unit
    hardware = {"prettyName": "", "cpu": "", "ram": "", "accelerator": None, "name": "a10g"}
    costs = {"unitLabel": label, "unitCostUSD": cost, "unitCostMicroUSD": round(cost * 1e6)}
    assert jobs.describe_price(JobHardwareInfo(**hardware, **costs), timeout) == description


def test_a_job_installs_this_checkout_from_the_space(hub: HubServer, repo_id: str, capsys):
    space_id = f"{repo_id}-space"
    assert run("--hub_model_id", repo_id, "--space_id", space_id, source=None) == 0
    space = hub.store.repo("space", space_id)
    source = f"git+{hub.endpoint}/spaces/{space_id}@{space.head.oid}"
    command = hub.store.jobs[-1]["command"]
    assert f"pix2pix-hub[train] @ {source}" in command
    assert command[command.index("--space_id") + 1] == space_id
    assert {"train_hub.py", "pyproject.toml", "requirements-train.txt"} <= space.head.tree.keys()
    assert space.variables == {}, (
        "the Space must serve the starter model until the job has published"
    )
    commits = len(list(space.history(space.head)))
    assert run("--hub_model_id", repo_id, "--space_id", space_id, source=None) == 0
    assert len(list(space.history(space.head))) == commits, "an unchanged Space must get no commit"


def test_a_dry_run_does_not_create_the_space(hub: HubServer, repo_id: str, capsys):
    space_id = f"{repo_id}-space"
    arguments = ["--hub_model_id", repo_id, "--space_id", space_id, "--dry_run"]
    assert run(*arguments, source=None) == 0
    output = capsys.readouterr().out
    assert f"git+{hub.endpoint}/spaces/{space_id}" in output
    assert f"{space_id}, which will be created" in output
    assert ("space", space_id) not in hub.store.repos


@pytest.mark.usefixtures("ort_files")
def test_a_static_space_shows_the_starter_model_until_the_job_has_published(
    hub: HubServer, repo_id: str, capsys
):
    space_id = f"{repo_id}-page"
    arguments = ["--hub_model_id", repo_id, "--space_id", space_id, "--space_sdk", "static"]
    assert run(*arguments) == 0
    assert f"The page is at {hub.endpoint}/spaces/{space_id}" in capsys.readouterr().out
    assert read_settings(hub, space_id)["folder"] == "starter_model"
    command = hub.store.jobs[-1]["command"]
    assert command[command.index("--space_sdk") + 1] == "static"
    assert command[command.index("--space_id") + 1] == space_id


@pytest.mark.parametrize("flags", [[], ["--dry_run"]])
def test_a_job_can_not_install_the_package_from_a_static_space(
    hub: HubServer, repo_id: str, capsys, monkeypatch, flags: list[str]
):
    monkeypatch.setenv("HF_TOKEN", FREE_TOKEN)
    name, submitted, repos = repo_id.split("/")[1], len(hub.store.jobs), set(hub.store.repos)
    arguments = ["--hub_model_id", f"{name}-model", "--space_id", name, *flags]
    assert run(*arguments, source=None) == 1
    error = capsys.readouterr().err
    assert "a static Space holds no Python code" in error and "--hf_job_source" in error
    assert "needs a PRO subscription" in error
    assert len(hub.store.jobs) == submitted and set(hub.store.repos) == repos


def test_a_refused_space_submits_no_job(hub: HubServer, repo_id: str, capsys, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", FREE_TOKEN)
    name, submitted = repo_id.split("/")[1], len(hub.store.jobs)
    arguments = ["--hub_model_id", f"{FREE_ORGANIZATION}/{name}-model"]
    assert run(*arguments, "--space_id", f"{FREE_ORGANIZATION}/{name}", source=None) == 1
    assert "requires a Team or Enterprise plan" in capsys.readouterr().err
    assert len(hub.store.jobs) == submitted


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--hf_job", "h9000"], "choose one of cpu-basic, cpu-upgrade, t4-small, a10g-small"),
        (
            ["--dataset_name", "assets/sample_maps"],
            "is on this machine, where a job can't read it",
        ),
        (["--dataset_name", "me/nothing"], "me/nothing"),
        (["--hf_job_source", "../pix2pix"], "is not a URL that a job can reach"),
        (["--hf_job_source", "git+file:///home/me/pix2pix"], "is not a URL that a job can reach"),
        (["--hf_job_timeout", "soon"], "--hf_job_timeout is soon"),
        (["--hf_job_timeout", "0h"], "--hf_job_timeout is 0h"),
        (["--push_only"], "use one of them"),
        (["--resume_from_checkpoint", "runs/old"], "runs/old is on this machine"),
        (["--checkpointing_steps", "0"], "no checkpoint on the Hub to resume from"),
    ],
)
def test_a_job_that_would_fail_is_not_submitted(
    hub: HubServer, repo_id: str, capsys, arguments: list[str], reason: str
):
    submitted, repos = len(hub.store.jobs), set(hub.store.repos)
    assert run("--hub_model_id", repo_id, *arguments) == 1
    assert reason in capsys.readouterr().err
    assert len(hub.store.jobs) == submitted and set(hub.store.repos) == repos


def test_a_job_needs_a_source_of_the_package(repo_id: str, capsys):
    assert run("--hub_model_id", repo_id, source=None) == 1
    assert "give --space_id" in capsys.readouterr().err


def test_a_private_space_can_not_be_the_source(hub: HubServer, repo_id: str, capsys):
    space_id, jobs = f"{repo_id}-space", len(hub.store.jobs)
    arguments = ["--hub_model_id", repo_id, "--space_id", space_id]
    assert run(*arguments, "--hub_private_repo", source=None) == 1
    assert "from a private Space" in capsys.readouterr().err
    assert ("space", space_id) not in hub.store.repos
    hub.store.create("space", space_id, private=True, sdk="gradio")
    for flags in ([], ["--dry_run"]):
        assert run(*arguments, *flags, source=None) == 1
        assert "the Space is private" in capsys.readouterr().err
    assert len(hub.store.jobs) == jobs


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "does not accept this token"),
        (402, "no credit"),
        (403, "may not start jobs"),
        (503, "503"),
    ],
)
def test_a_job_that_the_hub_refuses_is_reported_with_the_reason(
    hub: HubServer, repo_id: str, capsys, status: int, reason: str
):
    hub.faults.append(Fault("POST", "/api/jobs/", status, times=10))
    jobs = len(hub.store.jobs)
    assert run("--hub_model_id", repo_id) == 1
    error = capsys.readouterr().err
    assert reason in error and WRITE_TOKEN not in error and "Traceback" not in error
    assert len(hub.store.jobs) == jobs


@pytest.mark.slow
def test_installing_the_space_gives_the_command_of_the_job(
    deployed_space: DeployedSpace, tmp_path: Path
):
    """Does what uv does with the URL of the Space, without the packages that it requires."""
    target, source = tmp_path / "installed", tmp_path / "source"
    shutil.copytree(
        deployed_space.space_folder, source, ignore=shutil.ignore_patterns(".cache", "__pycache__")
    )
    install_package(source, target)
    code = (
        "import sys; from importlib.metadata import entry_points\n"
        "sys.argv = ['pix2pix-train', '--help']\n"  # as in the script that pip writes
        "entry_points(group='console_scripts')['pix2pix-train'].load()()"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(target)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert "--hf_job" in process.stdout and process.stdout.startswith("usage: pix2pix train ")
    (metadata,) = target.glob("pix2pix_hub-*.dist-info/METADATA")
    requirements = [line for line in metadata.read_text().splitlines() if "Requires-Dist" in line]
    assert {"train" in line for line in requirements if "tensorflow" in line} == {True}
    assert not [line for line in requirements if "gradio" in line and "extra" in line]
    assert (target / "pix2pix" / "card" / "template.md").is_file()


def test_a_job_gets_only_flags_that_are_not_the_default():
    options = Options(hub_model_id="me/m", hf_job="t4-small")
    command = job.build(Config(), options, SOURCE, has_gpu=False).command
    assert command[command.index("pix2pix-train") + 1 :] == [
        "--resume_from_checkpoint", "hub", "--push_to_hub", "--hub_model_id", "me/m",
        "--hub_strategy", "every_save",
    ]  # fmt: skip
