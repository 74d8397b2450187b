"""`--hf_job`: the request that reaches Hugging Face Jobs, and that its command is there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi, JobHardwareInfo

import train_hub
from pix2pix import cli, job
from pix2pix.config import Config
from pix2pix.hub import jobs
from tests.commands import install
from tests.deployed import Deployed
from tests.hub_server import USER, WRITE_TOKEN, Fault, HubServer

DATASET = f"{USER}/pairs-for-a-job"
SOURCE = "git+https://github.com/me/pix2pix"
ASKED = ["--image_size", "128", "--l1_weight", "50", "--recipe", "best", "--hub_tag", "v2.0"]
pytestmark = pytest.mark.usefixtures("hub", "token")


@pytest.fixture(scope="module", autouse=True)
def dataset(hub: HubServer) -> None:
    hub.store.create("dataset", DATASET)


def run(*arguments: str, source: str | None = SOURCE) -> int:
    given = ["--hf_job_source", source] if source else []
    return train_hub.main(["--dataset_name", DATASET, "--hf_job", "t4-small", *given, *arguments])


def test_the_request_is_this_training_with_its_flags(hub: HubServer, repo_id: str, capsys):
    place = ["--output_dir", "runs/here", "--cache_dir", "caches/here"]
    assert run("--hub_model_id", repo_id, *ASKED, *place, "--hf_job_timeout", "90m") == 0
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
    flags = command[7:]
    assert flags[-len(job.ADDED) :] == job.ADDED
    config, options = cli.parse("", flags)
    assert config == cli.parse("", ["--dataset_name", DATASET, *ASKED])[0]
    assert (options.hub_model_id, options.hub_tag) == (repo_id, "v2.0")
    assert options.push_to_hub and options.resume_from_checkpoint == "hub"
    assert options.hub_strategy == "every_save"
    assert not {"runs/here", "caches/here", "--hf_job"} & set(flags)
    said = capsys.readouterr().out
    assert f"/jobs/{USER}/{sent['id']}" in said
    assert f"hf jobs logs --follow {sent['id']}" in said
    assert WRITE_TOKEN not in said + json.dumps(command) + json.dumps(sent["environment"])


def test_the_model_repository_is_there_before_the_job(hub: HubServer, repo_id: str):
    assert run("--hub_model_id", repo_id.split("/")[1]) == 0
    assert HfApi().repo_exists(repo_id)
    assert repo_id in hub.store.jobs[-1]["command"], "the job gets the full id"


def test_hardware_without_a_gpu_gets_no_cuda(hub: HubServer, repo_id: str):
    assert run("--hub_model_id", repo_id, "--hf_job", "cpu-upgrade") == 0
    assert "tensorflow[and-cuda]" not in hub.store.jobs[-1]["command"]


def test_live_curves_bring_their_package(hub: HubServer, repo_id: str):
    assert run("--hub_model_id", repo_id, "--report_to", "trackio") == 0
    command = hub.store.jobs[-1]["command"]
    assert command[command.index("trackio") - 1] == "--with"


def test_a_dry_run_shows_the_request_and_submits_nothing(hub: HubServer, repo_id: str, capsys):
    submitted, repos = len(hub.store.jobs), set(hub.store.repos)
    assert run("--hub_model_id", repo_id, "--dry_run") == 0
    said = capsys.readouterr().out
    assert len(hub.store.jobs) == submitted and set(hub.store.repos) == repos
    request = json.loads(said[said.index("{") : said.rindex("}") + 1])
    assert request["secrets"] == {"HF_TOKEN": "***"} and request["flavor"] == "t4-small"
    assert repo_id in request["command"] and "--dry_run" not in request["command"]
    assert f"{repo_id}, which will be created" in said
    assert "t4-small: 0.40 USD an hour, 4.80 USD at most in 12h" in said
    assert WRITE_TOKEN not in said


@pytest.mark.parametrize(
    ("unit", "timeout", "said"),
    [
        (("minute", 0.016667), "12h", "a10g: 1.00 USD an hour, 12.00 USD at most in 12h"),
        (("hour", 0.4), "90m", "a10g: 0.40 USD an hour, 0.60 USD at most in 90m"),
        (("minute", 0.1), "600", "a10g: 6.00 USD an hour, 1.00 USD at most in 600"),
        (("credit", 2.5), "1d", "a10g: 2.50 USD a credit"),
    ],
)
def test_the_price_is_told(unit: tuple[str, float], timeout: str, said: str):
    label, cost = unit
    listed = {"prettyName": "", "cpu": "", "ram": "", "accelerator": None, "name": "a10g"}
    costs = {"unitLabel": label, "unitCostUSD": cost, "unitCostMicroUSD": round(cost * 1e6)}
    assert jobs.price(JobHardwareInfo(**listed, **costs), timeout) == said


def test_with_a_space_the_job_installs_this_checkout_from_it(hub: HubServer, repo_id: str, capsys):
    space_id = f"{repo_id}-space"
    assert run("--hub_model_id", repo_id, "--space_id", space_id, source=None) == 0
    space = hub.store.repo("space", space_id)
    source = f"git+{hub.endpoint}/spaces/{space_id}@{space.head.oid}"
    command = hub.store.jobs[-1]["command"]
    assert f"pix2pix-hub[train] @ {source}" in command
    assert command[command.index("--space_id") + 1] == space_id
    assert {"train_hub.py", "pyproject.toml", "requirements-train.txt"} <= space.head.tree.keys()
    assert space.variables == {}, "it serves the starter model until the job has published"
    commits = len(list(space.history(space.head)))
    assert run("--hub_model_id", repo_id, "--space_id", space_id, source=None) == 0
    assert len(list(space.history(space.head))) == commits, "nothing changed, no commit"


def test_a_dry_run_with_a_space_that_is_not_there_yet(hub: HubServer, repo_id: str, capsys):
    space_id = f"{repo_id}-space"
    arguments = ["--hub_model_id", repo_id, "--space_id", space_id, "--dry_run"]
    assert run(*arguments, source=None) == 0
    said = capsys.readouterr().out
    assert f"git+{hub.endpoint}/spaces/{space_id}" in said
    assert f"{space_id}, which will be created" in said
    assert ("space", space_id) not in hub.store.repos


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--hf_job", "h9000"], "choose one of cpu-basic, cpu-upgrade, t4-small, a10g-small"),
        (["--dataset_name", "assets/sample_maps"], "is on this machine, where a job can't read it"),
        (["--dataset_name", "me/nothing"], "me/nothing"),
        (["--hf_job_source", "../pix2pix"], "is no address that a job can reach"),
        (["--hf_job_source", "git+file:///home/me/pix2pix"], "is no address that a job can reach"),
        (["--hf_job_timeout", "soon"], "--hf_job_timeout is soon"),
        (["--hf_job_timeout", "0h"], "--hf_job_timeout is 0h"),
        (["--push_only"], "leave one out"),
        (["--resume_from_checkpoint", "runs/old"], "runs/old is on this machine"),
        (["--checkpointing_steps", "0"], "nothing on the Hub to go on from"),
    ],
)
def test_what_would_stop_the_job_is_said_before_it(
    hub: HubServer, repo_id: str, capsys, arguments: list[str], said: str
):
    submitted, repos = len(hub.store.jobs), set(hub.store.repos)
    assert run("--hub_model_id", repo_id, *arguments) == 1
    assert said in capsys.readouterr().err
    assert len(hub.store.jobs) == submitted and set(hub.store.repos) == repos


def test_a_source_is_asked_for(repo_id: str, capsys):
    assert run("--hub_model_id", repo_id, source=None) == 1
    assert "give --space_id" in capsys.readouterr().err


def test_a_private_space_is_refused_as_a_source(hub: HubServer, repo_id: str, capsys):
    space_id, jobs = f"{repo_id}-space", len(hub.store.jobs)
    arguments = ["--hub_model_id", repo_id, "--space_id", space_id]
    assert run(*arguments, "--hub_private_repo", source=None) == 1
    assert "from a private Space" in capsys.readouterr().err
    assert ("space", space_id) not in hub.store.repos
    hub.store.create("space", space_id, private=True, sdk="gradio")
    for last in ([], ["--dry_run"]):
        assert run(*arguments, *last, source=None) == 1
        assert "the Space is private" in capsys.readouterr().err
    assert len(hub.store.jobs) == jobs


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "does not accept this token"),
        (402, "no credit"),
        (403, "may not start jobs"),
        (503, "503"),
    ],
)
def test_a_refused_job_says_why(hub: HubServer, repo_id: str, capsys, status: int, said: str):
    hub.faults.append(Fault("POST", "/api/jobs/", status, times=10))
    jobs = len(hub.store.jobs)
    assert run("--hub_model_id", repo_id) == 1
    error = capsys.readouterr().err
    assert said in error and WRITE_TOKEN not in error and "Traceback" not in error
    assert len(hub.store.jobs) == jobs


def test_installing_the_space_brings_the_command_of_the_job(deployed: Deployed, tmp_path: Path):
    """What uv does with `git+` the Space, but for the packages it needs besides."""
    where, source = tmp_path / "installed", tmp_path / "source"
    shutil.copytree(deployed.files, source, ignore=shutil.ignore_patterns(".cache", "__pycache__"))
    install(source, where)
    code = (
        "import sys; from importlib.metadata import entry_points\n"
        "sys.argv = ['pix2pix-train', '--help']\n"  # as in the script that pip writes
        "entry_points(group='console_scripts')['pix2pix-train'].load()()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(where)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "--hf_job" in done.stdout and done.stdout.startswith("usage: pix2pix-train")
    (metadata,) = where.glob("pix2pix_hub-*.dist-info/METADATA")
    needed = [line for line in metadata.read_text().splitlines() if "Requires-Dist" in line]
    assert {"train" in line for line in needed if "tensorflow" in line} == {True}
    assert not [line for line in needed if "gradio" in line and "extra" in line]
    assert (where / "pix2pix" / "card" / "template.md").is_file()


def test_options_that_are_not_set_are_not_passed_on():
    options = cli.Options(hub_model_id="me/m", hf_job="t4-small")
    command = job.build(Config(), options, SOURCE, has_gpu=False).command
    assert command[command.index("pix2pix-train") + 1 :] == ["--hub_model_id", "me/m", *job.ADDED]
