"""`--hf_job FLAVOR`: this very training as a job on Hugging Face's machines."""

import dataclasses
import json
import re
from pathlib import Path

from pix2pix import hub
from pix2pix.cli import Options, config_arguments, given, option_arguments
from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.hub import jobs, spaces

# Has uv, and git for sources that start with git+.
IMAGE = "ghcr.io/astral-sh/uv:python3.12-bookworm"
PACKAGE = "pix2pix-hub[train]"
CUDA = "tensorflow[and-cuda]"
# The entry point of pyproject.toml that is train_hub.py.
COMMAND = "pix2pix-train"
# So that a job that was stopped, or ran into its time-out, goes on when it is submitted again.
ADDED = ["--push_to_hub", "--hub_strategy", "every_save", "--resume_from_checkpoint", "hub"]
# What is given above, or is about this machine.
LEFT_OUT = (
    "push_to_hub", "hub_strategy", "resume_from_checkpoint",
    "hf_job", "hf_job_timeout", "hf_job_source", "output_dir", "cache_dir", "dry_run",
)  # fmt: skip


def run(config: Config, options: Options) -> None:
    """Checks and submits the job, and says where to look; with --dry_run only shows it.

    Raises `UserError` at the first thing that would stop the job.
    """
    _check(config, options)
    hardware = jobs.hardware(given(options.hf_job, "--hf_job"))
    has_gpu = hardware.accelerator is not None
    hub.dataset_commit(config.dataset_name, config.dataset_revision)
    print(jobs.price(hardware, options.hf_job_timeout))
    if options.dry_run:
        for name, repo_id in _targets(options):
            print(f"{name}: {repo_id}")
        request = build(config, options, _source(options), has_gpu)
        print(json.dumps(request.shown(), indent=2))
        print("Dry run: nothing was submitted.")
        return
    model_id = hub.prepare_repo(options.model_id, options.hub_private_repo)
    options = dataclasses.replace(options, hub_model_id=model_id)
    if options.space_id:
        space_id = spaces.prepare_space(options.space_id, options.hub_private_repo)
        options = dataclasses.replace(options, space_id=space_id)
        print(f"The code is at {spaces.deploy(space_id)}")
    job_id, page = jobs.submit(build(config, options, _source(options), has_gpu))
    print(f"Submitted: {page}")
    print(f"Follow it: hf jobs logs --follow {job_id}")
    print(
        f"It stops after {options.hf_job_timeout} (--hf_job_timeout); the same command then goes "
        "on from its last checkpoint on the Hub."
    )


def build(config: Config, options: Options, source: str, has_gpu: bool) -> jobs.JobRequest:
    """The request: uv installs the package from `source` and runs this command line there."""
    packages = [f"{PACKAGE} @ {source}"]
    packages += [CUDA] if has_gpu else []
    packages += [options.report_to] if options.report_to != "none" else []
    values = dataclasses.asdict(options)
    kept = {name: value for name, value in values.items() if name not in LEFT_OUT}
    command = ["uv", "run", *(word for package in packages for word in ("--with", package))]
    command += [COMMAND, *config_arguments(config), *option_arguments(kept), *ADDED]
    # Without it the log would come in blocks.
    environment = {"PYTHONUNBUFFERED": "1"}
    flavor = given(options.hf_job, "--hf_job")
    return jobs.JobRequest(IMAGE, command, flavor, options.hf_job_timeout, environment)


def _check(config: Config, options: Options) -> None:
    """What can be told without the Hub."""
    if options.push_only:
        raise UserError("--push_only publishes what is here, and --hf_job trains: leave one out.")
    if Path(config.dataset_name).expanduser().exists():
        raise UserError(
            f"--dataset_name {config.dataset_name} is on this machine, where a job can't read it: "
            "upload it as a dataset (hf upload <user>/<name> <folder> --repo-type dataset) and "
            "name that, or give a URL."
        )
    if not re.fullmatch(r"[1-9]\d*(\.\d+)?[smhd]?", options.hf_job_timeout):
        raise UserError(
            f"--hf_job_timeout is {options.hf_job_timeout}; give a number with s, m, h or d behind "
            "it, such as 90m or 12h."
        )
    if options.resume_from_checkpoint not in (None, "latest", "hub"):
        raise UserError(
            f"--resume_from_checkpoint {options.resume_from_checkpoint} is on this machine, where "
            "a job can't read it: leave it out, and the job goes on from the Hub's checkpoints."
        )
    if options.checkpointing_steps == 0:
        raise UserError(
            "--checkpointing_steps 0 leaves nothing on the Hub to go on from after a time-out: "
            "give a number of steps."
        )
    source = options.hf_job_source
    if source and ("://" not in source or "file://" in source):
        raise UserError(
            f"--hf_job_source {source} is no address that a job can reach: give a URL that pip "
            "can install from, such as git+https://github.com/<user>/<name>."
        )
    if not source and options.hub_private_repo:
        raise UserError(
            "The job can't install the package from a private Space, since git has no token there: "
            "leave --hub_private_repo out, or name another source with --hf_job_source."
        )
    if not source and not options.space_id:
        raise UserError(
            "The job needs to install this package from somewhere: give --space_id, whose Space "
            "then holds this checkout, or a URL with --hf_job_source."
        )


def _targets(options: Options) -> list[tuple[str, str]]:
    """Where the job would publish, checked without changing anything."""
    found = [("model", hub.check_can_write(options.model_id))]
    if options.space_id:
        found.append(("Space", spaces.check_can_write(options.space_id)))
    return found


def _source(options: Options) -> str:
    if options.hf_job_source:
        return options.hf_job_source
    return jobs.space_source(spaces.full_id(given(options.space_id, "--space_id")))
