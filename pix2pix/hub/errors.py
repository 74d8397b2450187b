"""Turns errors of the Hub and of the network into one message that says what to do."""

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pix2pix.errors import UserError, first_line

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

LOGIN_HINT = "Set HF_TOKEN to a token with write access, or run `hf auth login`."
READ_TOKEN_HINT = "Set HF_TOKEN to a valid token, or unset HF_TOKEN."  # noqa: S105
READ_HINT = "If it is private, set HF_TOKEN or run `hf auth login`."
PUBLISH_LATER_HINT = "Publish later with --push_only."
BILLING_HINT = "See https://huggingface.co/settings/billing."
RETRY_HINT = "Try again in a few minutes."
CONNECTION_HINT = "Check the connection."
TRANSIENT_STATUSES = (408, 429, 500, 502, 503, 504)
LONGEST_QUOTE = 400  # characters; the Hub's refusals have up to 230
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class HubError(UserError):
    """A failed request to the Hub.

    Attributes:
        summary: what failed and why, without the final period.
        hint: whole sentences that say what to do; may be empty.
    """

    def __init__(self, summary: str, hint: str = "") -> None:
        super().__init__(f"{summary}. {hint}".rstrip())
        self.summary, self.hint = summary, hint


class HubUnavailableError(HubError):
    """A failed request to the Hub that may succeed when it is repeated.

    Attributes:
        retry_after: the seconds that the Hub asks to wait, or None.
    """

    def __init__(self, summary: str, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(summary, hint)
        self.retry_after = retry_after


@contextmanager
def hub_errors_as_user_errors(
    subject: str,
    *,
    writes: bool = False,
    recovery_hint: str | None = None,
    flag: str = "--hub_model_id",
    reasons: Mapping[int, tuple[str, str]] | None = None,
) -> Iterator[None]:
    """Raises a `HubError` in place of each error of the Hub's client and of the network.

    No message quotes the body of a response, except for `quote_hub`: a proxy in front of the Hub
    may send the request back, including the token.

    Args:
        subject: what the request is about, such as "The model me/maps"; starts the message.
        writes: whether the request changes something on the Hub, which needs write access.
        recovery_hint: a sentence that says what to type once the cause is fixed. None chooses one
            by `writes`, and "" leaves it out.
        flag: the command-line flag that names the repository.
        reasons: for status codes with messages of their own, the reason and what to do about it.

    Raises:
        HubUnavailableError: when the same request may succeed later.
        HubError: for any other failure.
    """
    request = _Request(subject, writes, recovery_hint, flag, reasons or {})
    try:
        yield
    except Exception as error:
        # The client wraps the cause of a failed LFS upload in a RuntimeError.
        cause = error.__cause__ if isinstance(error, RuntimeError) else None
        hub_error = request.explain(cause or error)
        if hub_error is None:
            raise
        raise hub_error from None


@dataclass(frozen=True)
class _Request:
    """The facts about a request that its error messages need."""

    subject: str
    writes: bool
    recovery_hint: str | None
    flag: str
    reasons: Mapping[int, tuple[str, str]]

    def explain(self, error: BaseException) -> HubError | None:
        """Returns the error for the user, or None when `error` is not about the Hub."""
        import httpx2
        from huggingface_hub import errors

        kind = type(error).__name__
        if isinstance(error, errors.LocalTokenNotFoundError):
            return self._failure(" needs a token, and none was found", LOGIN_HINT)
        if isinstance(error, errors.HfHubHTTPError):
            return self._explain_status(error)
        if isinstance(error, errors.LocalEntryNotFoundError):
            reason = ": the Hub can't be reached, and it is not in the local cache"
            return self._outage(reason, CONNECTION_HINT)
        if isinstance(error, errors.HFValidationError):
            return self._failure(f" is not a valid id: {first_line(error).rstrip('.')}")
        if isinstance(error, OSError) and error.filename:  # a file on this machine
            return self._failure(f": {error.filename}: {error.strerror}")
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            reason = f": no room on the disk of this machine ({error.strerror})"
            return self._failure(reason, "Free some space.")
        if isinstance(error, httpx2.TransportError | errors.OfflineModeIsEnabled | OSError):
            return self._outage(f": the Hub can't be reached ({kind})", CONNECTION_HINT)
        if isinstance(error, KeyError | ValueError):
            # For example the page of a proxy in place of JSON, or JSON without an expected key.
            return self._outage(f": the Hub sent an unexpected response ({kind})")
        return None

    def _explain_status(self, error: "HfHubHTTPError") -> HubError:
        from huggingface_hub import errors

        status = error.response.status_code
        if status not in self.reasons:
            if isinstance(error, errors.GatedRepoError):
                return self._failure(" is gated", "Accept its terms on its page.")
            if isinstance(error, errors.RevisionNotFoundError):
                return self._failure(
                    " has no such revision", "Check the name of the commit or tag."
                )
            # Without a valid token the Hub sends 401 for a missing and for a private repository.
            may_be_missing = status == 404 or not self.writes
            if isinstance(error, errors.RepositoryNotFoundError) and may_be_missing:
                return self._failure(" was not found on the Hub", f"Check the id. {READ_HINT}")
        reason, advice = self._reason(status)
        if status not in TRANSIENT_STATUSES:
            return self._failure(f": {reason}", advice)
        wait = error.response.headers.get("Retry-After", "")
        return self._outage(f": {reason}", advice, float(wait) if wait.isdigit() else None)

    def _reason(self, status: int) -> tuple[str, str]:
        """Returns the reason for a response of this status, and what to do about it."""
        reasons = {
            400: ("the Hub rejects the request (400)", ""),
            401: ("the Hub does not accept this token (401)", READ_TOKEN_HINT),
            402: ("the account's plan does not include it (402)", BILLING_HINT),
            403: ("this token may not read it (403)", READ_HINT),
            409: ("another change is in progress (409)", "Look at the repository's page."),
            412: ("somebody else changed it meanwhile (412)", "Look at the changes first."),
            429: ("the Hub throttles requests (429)", "Wait a few minutes."),
        }
        if self.writes:
            reasons[401] = ("the Hub does not accept this token (401)", LOGIN_HINT)
            reasons[403] = ("this token may not write there (403)", login_hint(self.flag))
        kind = "server error of the Hub" if status >= 500 else "unexpected status"
        return (reasons | dict(self.reasons)).get(status, (f"{kind} ({status})", ""))

    def _failure(self, reason: str, advice: str = "") -> HubError:
        return HubError(self.subject + reason, self._hint(advice, ""))

    def _outage(
        self, reason: str, advice: str = "", retry_after: float | None = None
    ) -> HubUnavailableError:
        hint = self._hint(advice, RETRY_HINT)
        return HubUnavailableError(self.subject + reason, hint, retry_after)

    def _hint(self, advice: str, recovery_hint: str) -> str:
        if self.recovery_hint is not None:
            recovery_hint = self.recovery_hint
        elif self.writes:
            recovery_hint = PUBLISH_LATER_HINT
        return f"{advice} {recovery_hint}".strip()


def quote_hub(error: "HfHubHTTPError") -> str:
    """Returns the Hub's own sentence in a response of status 402 or 403, without a final period.

    Returns "" if there is none, or if it could hold a token: a proxy may send the request back.
    """
    from huggingface_hub import get_token

    text = " ".join((error.server_message or "").split()).rstrip(".")
    secrets = ("hf_", "Bearer", get_token() or "hf_")
    is_sentence = 0 < len(text) <= LONGEST_QUOTE and not any(word in text for word in secrets)
    return text if is_sentence else ""


def login_hint(flag: str) -> str:
    """Returns the advice for a token that may not write to the repository that `flag` names."""
    return f"{LOGIN_HINT.rstrip('.')}, or choose another {flag}."
