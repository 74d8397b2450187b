"""What the Hub and the network answer when they refuse, in one sentence that says what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pix2pix.errors import UserError, first_line

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

LOGIN = "set HF_TOKEN to a token with write access, or run `hf auth login`"
READ = "if it is private, set HF_TOKEN or run `hf auth login`"
TRANSIENT = (408, 429, 500, 502, 503, 504)
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Unavailable(UserError):
    """The same call may well work in a while: in `retry_after` seconds, where the Hub said so."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@contextmanager
def explained(
    what: str, writes: bool = False, then: str = "", flag: str = "--hub_model_id"
) -> Iterator[None]:
    """Turns the client's errors into one sentence each; `writes` chooses the advice.

    `then` is a sentence of its own that says what to type once the cause is mended, and `flag` is
    what names `what` on the command line. No message quotes the answer's body: what stands between
    us and the Hub may echo the request, token and all. Raises `Unavailable` for what may pass by
    itself.
    """
    import httpx2
    from huggingface_hub import errors

    later = then or _later(writes)
    try:
        with bare_uploads():
            yield
    except errors.LocalTokenNotFoundError:
        raise UserError(f"{what} needs a token, and none was found: {LOGIN}. {later}") from None
    except errors.GatedRepoError:
        raise UserError(f"{what} is gated: accept its terms on its page, then try again.") from None
    except errors.RevisionNotFoundError:
        raise UserError(
            f"{what} has no such revision; check the name of the commit or tag."
        ) from None
    except errors.HfHubHTTPError as error:
        raise _refused(what, error, writes, then, flag) from None
    except errors.LocalEntryNotFoundError:
        raise Unavailable(
            f"{what} can't be fetched: the Hub can't be reached and it is not in the local cache. "
            "Check the connection and try again."
        ) from None
    except errors.HFValidationError as error:
        raise UserError(f"{what} has no valid id: {first_line(error)}") from None
    except (httpx2.TransportError, errors.OfflineModeIsEnabled, OSError) as error:
        if isinstance(error, OSError) and error.filename:  # a file of this machine, not the Hub
            raise UserError(f"{what}: {error.filename}: {error.strerror}. {later}") from None
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            reason = f"this machine's disk takes no more ({error.strerror}): make room"
            raise UserError(f"{what}: {reason}. {later}") from None
        reason = f"the Hub can't be reached ({type(error).__name__})"
        raise Unavailable(f"{what}: {reason}. Check the connection. {later}") from None
    except (KeyError, ValueError) as error:
        # A proxy's page in the place of JSON, or JSON without what the client looks for.
        reason = f"the Hub's answer makes no sense to its client ({type(error).__name__})"
        raise Unavailable(f"{what}: {reason}. {later}") from None


@contextmanager
def bare_uploads() -> Iterator[None]:
    """The client wraps what stopped an upload in a RuntimeError: the cause is what matters."""
    try:
        yield
    except RuntimeError as error:
        if error.__cause__ is None:
            raise
        raise error.__cause__ from None


def _refused(what: str, error: "HfHubHTTPError", writes: bool, then: str, flag: str) -> UserError:
    """The error for an answer of 400 and above."""
    from huggingface_hub import errors

    status = error.response.status_code
    # Without a known token the Hub answers 401 for what is missing and for what is private.
    missing = isinstance(error, errors.RepositoryNotFoundError)
    if missing and (not writes or status == 404):
        return UserError(
            f"{what} was not found on the Hub: check the id, and {READ}. {then}".strip()
        )
    message = f"{what}: {_refusal(status, writes, flag)}. {then or _later(writes)}"
    if status not in TRANSIENT:
        return UserError(message)
    wait = error.response.headers.get("Retry-After", "")
    return Unavailable(message, float(wait) if wait.isdigit() else None)


def _later(writes: bool) -> str:
    return "Publish later with --push_only." if writes else "Try again in a few minutes."


def _refusal(status: int, writes: bool, flag: str) -> str:
    reasons = {
        400: "the Hub does not accept what was sent (400)",
        401: f"the Hub does not accept this token (401): {LOGIN}",
        403: f"this token may not write there (403): {LOGIN}, or choose another {flag}",
        409: "another change is under way (409): look at the repository's page",
        412: "somebody else changed it meanwhile (412): look at it first",
        429: "the Hub asks to slow down (429): wait a few minutes",
    }
    if not writes:
        reasons[403] = f"this token may not read it (403): {READ}"
    return reasons.get(status, f"the Hub answered {status}")


def check_role(me: dict, what: str, flag: str = "--hub_model_id") -> None:
    """Refuses a read token: the Hub itself would let it pass up to the first upload.

    `me` is what whoami answered; `what` and `flag` are as in `explained`.
    """
    if me.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise _may_not_write(what, flag)


def check_owner(me: dict, repo_id: str, what: str, flag: str = "--hub_model_id") -> None:
    """Refuses to create a repository for an owner who is neither `me` nor an organisation of it."""
    if repo_id.split("/")[0] not in {me["name"], *(org["name"] for org in me.get("orgs", []))}:
        raise _may_not_write(what, flag)


def _may_not_write(what: str, flag: str) -> UserError:
    return UserError(f"{what}: this token may not write there; {LOGIN}, or choose another {flag}.")
