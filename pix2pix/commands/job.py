r"""Trains on the machines of Hugging Face Jobs instead of this one.

    pix2pix job --hf_job a10g-small --dataset_name huggan/maps \
        --hub_model_id <user>/pix2pix-maps --space_id <user>/pix2pix-maps

It takes the flags of `pix2pix train`, where `--hf_job` does the same. The job publishes the model,
and the same command continues a job that was stopped. With --dry_run, it only shows the request.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

from pix2pix import console, hub, preflight
from pix2pix.commands import publish
from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.fields import settings_of
from pix2pix.flags import flag_arguments, parse
from pix2pix.hub import jobs, spaces
from pix2pix.names import check_model_name
from pix2pix.options import Options, require_flag

# Has uv, and git for sources that start with git+.
IMAGE = "ghcr.io/astral-sh/uv:python3.12-bookworm"
PACKAGE = "pix2pix-hub[train]"
CUDA = "tensorflow[and-cuda]"
# This console script exists in every version of the package that --hf_job_source can install.
COMMAND = "pix2pix-train"
# Otherwise Python would buffer the log.
ENVIRONMENT = {"PYTHONUNBUFFERED": "1"}


def main(arguments: list[str] | None = None, program: str = "pix2pix job") -> int:
    """Runs the command line and returns the exit code."""
    config, options = parse(__doc__ or "", arguments, program, required=("hf_job",))
    return console.run_command(program, lambda: run(config, options))


def run(config: Config, options: Options) -> None:
    """Checks and submits the job, and prints its page; with --dry_run only shows the request.

    Raises `UserError` for the first reason why the job would fail.
    """
    preflight.prepare_hub()
    _check(config, options)
    options = publish.check_dashboard(options)
    config = _pin_model(config)
    hardware = jobs.find_hardware(require_flag(options.hf_job, "--hf_job"))
    has_gpu = hardware.accelerator is not None
    hub.dataset_commit(config.dataset_name, config.dataset_revision)
    plan = _plan_space(options)
    print(jobs.describe_price(hardware, options.hf_job_timeout))
    if options.dry_run:
        _print_targets(options, plan)
        request = build(config, options, _source(options), has_gpu)
        print(json.dumps(request.redacted(), indent=2))
        print("Dry run: nothing was submitted.")
        return
    options = _prepare(options, plan)
    job_id, page = jobs.submit(build(config, options, _source(options), has_gpu))
    print(f"Submitted: {page}")
    print(f"To follow its log: hf jobs logs --follow {job_id}")
    print(
        f"The job stops after {options.hf_job_timeout} (--hf_job_timeout); the same command then "
        "continues from its last checkpoint on the Hub."
    )


def build(config: Config, options: Options, source: str, has_gpu: bool) -> jobs.JobRequest:
    """Returns the request: uv installs the package from `source` and runs the training."""
    packages = [f"{PACKAGE} @ {source}"]
    packages += [CUDA] if has_gpu else []
    packages += [options.report_to] if options.report_to != "none" else []
    # A job that was stopped, or reached its timeout, continues when it is submitted again.
    resumable = replace(
        options, push_to_hub=True, hub_strategy="every_save", resume_from_checkpoint="hub"
    )
    names = [spec.name for spec in settings_of(Options) if not spec.local]
    command = uv_command(packages)
    command += [COMMAND, *flag_arguments(config), *flag_arguments(resumable, names)]
    flavor = require_flag(options.hf_job, "--hf_job")
    return jobs.JobRequest(IMAGE, command, flavor, options.hf_job_timeout, ENVIRONMENT)


def uv_command(packages: list[str]) -> list[str]:
    """Returns the words that run what follows them with some packages installed."""
    return ["uv", "run", *(word for package in packages for word in ("--with", package))]


def _check(config: Config, options: Options) -> None:
    """Checks everything that needs no request to the Hub."""
    if options.push_only:
        raise UserError(
            "--push_only publishes from this machine and --hf_job trains: use one of them."
        )
    if Path(config.dataset_name).expanduser().exists():
        raise UserError(
            f"--dataset_name {config.dataset_name} is on this machine, where a job can't read it: "
            "upload it as a dataset (hf upload <user>/<name> <folder> --repo-type dataset) and "
            "use its id, or give a URL."
        )
    _check_start(config)
    check_timeout(options.hf_job_timeout)
    if options.resume_from_checkpoint not in (None, "latest", "hub"):
        raise UserError(
            f"--resume_from_checkpoint {options.resume_from_checkpoint} is on this machine, where "
            "a job can't read it: leave it out, and the job resumes from the checkpoints on the "
            "Hub."
        )
    if options.checkpointing_steps == 0:
        raise UserError(
            "--checkpointing_steps 0 leaves no checkpoint on the Hub to resume from after a "
            "timeout: give a number of steps."
        )
    _check_source(options)


def _pin_model(config: Config) -> Config:
    """Returns the config with the commit of its base model in place of a branch or tag."""
    if config.init_from is None:
        return config
    repo_id, _, revision = config.init_from.partition("@")
    commit = hub.weights_commit(repo_id, revision or None)
    return replace(config, init_from=f"{repo_id}@{commit}")


def _check_start(config: Config) -> None:
    if config.init_from is None:
        return
    check_model_name(config.init_from, "--init_from")
    if Path(config.init_from).is_dir():
        raise UserError(
            f"--init_from {config.init_from} is on this machine, where a job can't read it: "
            "publish it (pix2pix publish --output_dir <folder> --hub_model_id <user>/<name>) and "
            "use its id."
        )


def check_timeout(timeout: str) -> None:
    """Raises `UserError` for a duration that the Hub does not understand."""
    if not re.fullmatch(r"[1-9]\d*(\.\d+)?[smhd]?", timeout):
        raise UserError(
            f"--hf_job_timeout is {timeout}; give a number followed by s, m, h or d, such as 90m "
            "or 12h."
        )


def check_source_url(source: str) -> None:
    """Raises `UserError` for a source that only this machine can install from."""
    if "://" not in source or "file://" in source:
        raise UserError(
            f"--hf_job_source {source} is not a URL that a job can reach: give one that pip can "
            "install from, such as git+https://github.com/<user>/<name>."
        )


def _check_source(options: Options) -> None:
    source = options.hf_job_source
    if source:
        check_source_url(source)
    if not source and options.hub_private_repo:
        raise UserError(
            "The job can't install the package from a private Space, because git has no token "
            "there: leave --hub_private_repo out, or give another source with --hf_job_source."
        )
    if not source and not options.space_id:
        raise UserError(
            "The job needs a source to install this package from: give --space_id, whose Space "
            "gets this checkout, or a URL with --hf_job_source."
        )


def _plan_space(options: Options) -> spaces.SpacePlan | None:
    """Returns the plan of the Space. Raises `UserError` if the job can't install from it."""
    plan = publish.plan_space(options)
    if not plan or options.hf_job_source:
        return plan
    if plan.sdk == "static":
        raise UserError(
            f"The job can't install the package from {plan.space_id}, because a static Space holds "
            "no Python code: name another source with --hf_job_source, such as "
            f"git+https://github.com/<user>/<name>. {plan.reason}".rstrip()
        )
    return replace(plan, may_fall_back=False, reason="")


def _print_targets(options: Options, plan: spaces.SpacePlan | None) -> None:
    """Checks, without changing anything, that the job may publish, and prints the destination."""
    target = hub.check_can_publish(options.model_id, options.hub_tag, options.hub_create_pr)
    print(f"model: {target}")
    if plan:
        print(f"Space: {spaces.check_can_deploy(plan)}")


def _prepare(options: Options, plan: spaces.SpacePlan | None) -> Options:
    """Creates the repositories unless they exist, uploads the code, and returns the full ids."""
    if plan:
        # Before the model repository, so that a refused Space leaves nothing behind.
        hub.check_can_publish(options.model_id)
        plan = publish.prepare_space(plan)
        options = replace(options, space_id=plan.space_id)
    model_id = hub.prepare_repository(options.model_id, options.hub_private_repo)
    options = replace(options, hub_model_id=model_id)
    if plan:
        spaces.check_new_model(plan)
        content = "code" if plan.sdk == "gradio" else "page"
        page = spaces.deploy_space(plan.space_id, recovery_hint=hub.NOTHING_DONE_HINT)
        print(f"The {content} is at {page}")
    return options


def _source(options: Options) -> str:
    """Returns the URL that the job installs the package from."""
    if options.hf_job_source:
        return options.hf_job_source
    return jobs.find_space_source(require_flag(options.space_id, "--space_id"))
