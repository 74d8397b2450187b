"""What the Hub and the network answer when they refuse, in one sentence that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from pix2pix.errors import UserError

LOGIN = "set HF_TOKEN to a token with write access, or run `hf auth login`"
READ = "if it is private, set HF_TOKEN or run `hf auth login`"


@contextmanager
def explained(what: str, writes: bool = False, flag: str = "--hub_model_id") -> Iterator[None]:
    """Turns the client's errors into one sentence each; `writes` chooses the advice, and `flag`
    is what names `what` on the command line."""
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except errors.LocalTokenNotFoundError:
        raise UserError(f"{what} needs a token, and none was found: {LOGIN}.") from None
    except errors.GatedRepoError:
        raise UserError(f"{what} is gated: accept its terms on its page, then try again.") from None
    except errors.RevisionNotFoundError:
        raise UserError(
            f"{what} has no such revision; check the name of the commit or tag."
        ) from None
    except errors.RepositoryNotFoundError:
        raise UserError(f"{what} was not found on the Hub; check the id, and {READ}.") from None
    except errors.LocalEntryNotFoundError:
        raise UserError(
            f"{what} can't be fetched: the Hub can't be reached and it is not in the local cache. "
            "Check the connection and try again."
        ) from None
    except errors.HFValidationError as error:
        raise UserError(f"{what} has no valid id: {str(error).splitlines()[0]}") from None
    except errors.HfHubHTTPError as error:
        raise UserError(f"{what}: {_refusal(error.response.status_code, writes, flag)}") from None
    except (httpx2.TransportError, errors.OfflineModeIsEnabled, OSError) as error:
        raise UserError(
            f"{what}: the Hub can't be reached ({type(error).__name__}). "
            "Check the connection and try again."
        ) from None


def _refusal(status: int, writes: bool, flag: str) -> str:
    again = "publish later with --push_only" if writes else "try again in a few minutes"
    reasons = {
        401: f"the Hub does not accept this token (401): {LOGIN}.",
        403: f"this token may not write there (403): {LOGIN}, or choose another {flag}.",
        409: "it already exists (409); choose another name.",
        412: "somebody else changed it meanwhile (412); look at it, then use --push_only.",
        429: f"the Hub asks to slow down (429); {again}.",
    }
    if not writes:
        reasons[403] = f"this token may not read it (403); {READ}."
    return reasons.get(status, f"the Hub answered {status}; {again}.")
