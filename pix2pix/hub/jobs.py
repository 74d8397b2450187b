"""Hugging Face Jobs: what hardware there is, what it costs, and submitting a job."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pix2pix.errors import UserError
from pix2pix.hub.refusals import LOGIN, explained

if TYPE_CHECKING:
    from huggingface_hub import JobHardwareInfo

TOKEN = "HF_TOKEN"  # noqa: S105 - the secret's name
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Why the Hub starts no job, beyond what `explained` says.
REASONS = {
    401: f"the Hub does not accept this token (401): {LOGIN}.",
    402: "the account has no credit for it (402): add some on https://huggingface.co/settings/billing.",
    403: f"this token may not start jobs (403): {LOGIN} and the permission for jobs.",
}


@dataclass(frozen=True)
class JobRequest:
    """What is asked of Hugging Face Jobs, but for the token, which goes along as a secret."""

    image: str
    command: list[str]
    flavor: str
    timeout: str
    environment: dict[str, str]

    def shown(self) -> dict:
        """The request for people to read, the token masked."""
        return {
            "image": self.image,
            "command": self.command,
            "flavor": self.flavor,
            "timeout": self.timeout,
            "environment": self.environment,
            "secrets": {TOKEN: "***"},
        }


def hardware(flavor: str) -> "JobHardwareInfo":
    """What the Hub says of `flavor`. Raises `UserError` that lists all when it has none such."""
    from huggingface_hub import HfApi

    with explained("The list of Hugging Face Jobs' hardware"):
        known = {offer.name: offer for offer in HfApi().list_jobs_hardware()}
    if flavor not in known:
        listed = ", ".join(known)
        raise UserError(f"--hf_job {flavor} is no hardware of the Hub; choose one of {listed}.")
    return known[flavor]


def price(offer: "JobHardwareInfo", timeout: str) -> str:
    """What a job costs by the Hub's price list, and at most before `timeout` (such as `90m`)."""
    cost, unit = offer.unit_cost_usd, SECONDS.get(offer.unit_label[0])
    said = f"{offer.name}: {cost * 3600 / unit if unit else cost:.2f} USD"
    if not unit:
        return f"{said} a {offer.unit_label}"
    number, letter = (timeout[:-1], timeout[-1]) if timeout[-1] in SECONDS else (timeout, "s")
    at_most = float(number) * SECONDS[letter] / unit * cost
    return f"{said} an hour, {at_most:.2f} USD at most in {timeout}"


def space_source(space_id: str) -> str:
    """The address from which the package installs: the Space's repository at its commit of now,
    where there is one. Raises `UserError` when a job could not clone it.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    address = f"git+{api.endpoint}/spaces/{space_id}"
    with explained(f"The Space {space_id}"):
        if not api.repo_exists(space_id, repo_type="space"):
            return address
        info = api.space_info(space_id)
    if info.private:
        raise UserError(
            f"The job can't install the package from {space_id}: the Space is private, and git has "
            "no token there. Make it public, or name another source with --hf_job_source."
        )
    return f"{address}@{info.sha}"


def submit(request: JobRequest) -> tuple[str, str]:
    """Starts the job for the token's owner; returns its id and its page."""
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi()
    with explained("The job"):
        try:
            job = api.run_job(
                image=request.image,
                command=request.command,
                env=request.environment,
                secrets={TOKEN: get_token()},
                flavor=request.flavor,
                timeout=request.timeout,
                name="pix2pix",
            )
        except HfHubHTTPError as error:
            reason = REASONS.get(error.response.status_code)
            if reason is None:
                raise
            raise UserError(f"The job was not started: {reason}") from None
    return job.id, job.url
