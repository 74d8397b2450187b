"""Submits `pix2pix translate --dataset_name` with --hf_job as a Hugging Face Job."""

import logging
from dataclasses import replace
from pathlib import Path

from pix2pix import hub
from pix2pix.commands import job
from pix2pix.commands.translate_settings import TranslateSettings
from pix2pix.errors import UserError
from pix2pix.fields import settings_of
from pix2pix.flags import flag_arguments
from pix2pix.hub import jobs
from pix2pix.names import check_model_name
from pix2pix.options import require_flag

# TensorFlow is not needed.
PACKAGE = "pix2pix-hub"

logger = logging.getLogger(__name__)


def run(settings: TranslateSettings) -> int:
    """Checks and submits the job, prints its page, and returns the exit code.

    The revision of the dataset has to be a commit. Raises `UserError` for the first reason why the
    job would fail.
    """
    settings, flavor = _check(settings), require_flag(settings.hf_job, "--hf_job")
    hardware = jobs.find_hardware(flavor)
    if hardware.accelerator is not None:
        logger.warning(
            "The network runs on the CPU, so the GPU of %s is paid for and not used; choose a "
            "flavor without one, e.g. cpu-upgrade.",
            flavor,
        )
    print(jobs.describe_price(hardware, settings.hf_job_timeout))
    job_id, page = jobs.submit(build(settings, flavor))
    print(f"Submitted: {page}")
    print(f"To follow its log: hf jobs logs --follow {job_id}")
    print(
        f"The job stops after {settings.hf_job_timeout} (--hf_job_timeout); the same command then "
        "continues after its last file on the Hub."
    )
    return 0


def build(settings: TranslateSettings, flavor: str) -> jobs.JobRequest:
    """Returns the request: uv installs the package and runs this command."""
    source = require_flag(settings.hf_job_source, "--hf_job_source")
    names = [spec.name for spec in settings_of(TranslateSettings) if not spec.local]
    command = job.uv_command([f"{PACKAGE} @ {source}", "datasets"])
    command += ["pix2pix", "translate", *flag_arguments(settings, names)]
    return jobs.JobRequest(job.IMAGE, command, flavor, settings.hf_job_timeout, job.ENVIRONMENT)


def _check(settings: TranslateSettings) -> TranslateSettings:
    """Returns the settings with the commit of the model. Raises `UserError` for local files."""
    job.check_timeout(settings.hf_job_timeout)
    if not settings.hf_job_source:
        raise UserError(
            "The job needs a source to install this package from: give a URL with --hf_job_source, "
            "such as that of a Gradio Space: git+https://huggingface.co/spaces/<user>/<space>."
        )
    job.check_source_url(settings.hf_job_source)
    if not settings.dataset_revision:
        raise UserError(
            f"--dataset_name {settings.dataset_name} is not on the Hub, where a job reads it: "
            "upload it as a dataset (hf upload <user>/<name> <folder> --repo-type dataset) and "
            "use its id."
        )
    if not settings.model or Path(settings.model).is_dir():
        raise UserError("--model must be a model on the Hub, where a job reads it.")
    check_model_name(settings.model)
    repo_id, _, revision = settings.model.partition("@")
    commit = hub.graph_commit(repo_id, revision or None)
    return replace(settings, model=f"{repo_id}@{commit}")
