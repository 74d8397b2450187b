"""Hugging Face Jobs: finds hardware and its price, and submits a job."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pix2pix.errors import UserError
from pix2pix.hub.errors import LOGIN_HINT, hub_errors_as_user_errors
from pix2pix.hub.repositories import complete_repo_id

if TYPE_CHECKING:
    from huggingface_hub import JobHardwareInfo

TOKEN = "HF_TOKEN"  # noqa: S105 - the name of the secret
UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# What these status codes mean where a job is submitted, and what to do.
REASONS = {
    401: ("the Hub does not accept this token (401)", LOGIN_HINT),
    402: (
        "the account has no credit for it (402)",
        "Add some on https://huggingface.co/settings/billing.",
    ),
    403: (
        "this token may not start jobs (403)",
        f"{LOGIN_HINT.rstrip('.')} and the permission for jobs.",
    ),
}


@dataclass(frozen=True)
class JobRequest:
    """A job to submit; the token is added as a secret when it is submitted."""

    image: str
    command: list[str]
    flavor: str
    timeout: str
    environment: dict[str, str]

    def redacted(self) -> dict:
        """Returns the request for display, with the token masked."""
        return asdict(self) | {"secrets": {TOKEN: "***"}}


def find_hardware(flavor: str) -> "JobHardwareInfo":
    """Returns the entry for `flavor` in the Hub's list of hardware for jobs.

    Raises a `UserError` that lists all flavors when there is no such flavor.
    """
    from huggingface_hub import HfApi

    with hub_errors_as_user_errors("The list of Hugging Face Jobs' hardware"):
        hardware = {entry.name: entry for entry in HfApi().list_jobs_hardware()}
    if flavor not in hardware:
        raise UserError(
            f"--hf_job {flavor} is not a flavor of Hugging Face Jobs; choose one of "
            f"{', '.join(hardware)}."
        )
    return hardware[flavor]


def describe_price(hardware: "JobHardwareInfo", timeout: str) -> str:
    """Returns the price per hour, and the maximum cost of a job with `timeout`, such as `90m`."""
    cost, unit = hardware.unit_cost_usd, UNIT_SECONDS.get(hardware.unit_label[0])
    if not unit:
        return f"{hardware.name}: {cost:.2f} USD a {hardware.unit_label}"
    number, letter = (timeout[:-1], timeout[-1]) if timeout[-1] in UNIT_SECONDS else (timeout, "s")
    maximum = float(number) * UNIT_SECONDS[letter] / unit * cost
    hourly = cost * UNIT_SECONDS["h"] / unit
    return f"{hardware.name}: {hourly:.2f} USD an hour, {maximum:.2f} USD at most in {timeout}"


def find_space_source(space_id: str) -> str:
    """Returns the URL of the Space's repository, from which a job installs the package.

    The URL is pinned to the repository's current commit, if the Space exists already. Raises
    `UserError` when the Space is private, since a job can't clone it.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    with hub_errors_as_user_errors(f"The Space {space_id}"):
        space_id = complete_repo_id(space_id)
        url = f"git+{api.endpoint}/spaces/{space_id}"
        if not api.repo_exists(space_id, repo_type="space"):
            return url
        info = api.space_info(space_id)
    if info.private:
        raise UserError(
            f"The job can't install the package from {space_id}: the Space is private, and git has "
            "no token there. Make it public, or name another source with --hf_job_source."
        )
    return f"{url}@{info.sha}"


def submit(request: JobRequest) -> tuple[str, str]:
    """Starts the job for the token's owner; returns its id and the URL of its page."""
    from huggingface_hub import HfApi, get_token

    with hub_errors_as_user_errors("The job was not started", reasons=REASONS):
        job = HfApi().run_job(
            image=request.image,
            command=request.command,
            env=request.environment,
            secrets={TOKEN: get_token()},
            flavor=request.flavor,
            timeout=request.timeout,
            name="pix2pix",
        )
    return job.id, job.url
