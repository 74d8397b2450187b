"""Publishes the curves that trackio logged as a static Space, which is free for every account."""

import io
import logging
from contextlib import redirect_stdout

from pix2pix.errors import UserError
from pix2pix.hub.errors import HubError, hub_errors_as_user_errors
from pix2pix.hub.repositories import NOTHING_DONE_HINT, check_write_access

LOGGER = logging.getLogger(__name__)
FLAG = "--trackio_space_id"
# trackio marks its Spaces with this tag.
TAG = "trackio"


def check_dashboard(space_id: str) -> tuple[str, bool]:
    """Checks, without changing anything, that the curves can be published to a Space.

    Returns:
        The full id, and whether the Space exists.

    Raises:
        UserError: when the token may not write there, or when the Space exists and is not a static
            dashboard of trackio: its files would be replaced.
    """
    from huggingface_hub import HfApi

    with hub_errors_as_user_errors(
        f"The Space {space_id}", writes=True, recovery_hint=NOTHING_DONE_HINT, flag=FLAG
    ):
        space_id, exists = check_write_access(space_id, "space")
        info = HfApi().space_info(space_id) if exists else None
    if info and not (info.sdk == "static" and TAG in (info.tags or [])):
        raise UserError(
            f"The Space {space_id} exists and is no static dashboard of trackio, so the curves "
            f"would replace its files: choose another {FLAG}."
        )
    return space_id, exists


def publish_curves(space_id: str, project: str) -> str:
    """Publishes all runs of a project that trackio logged on this machine; returns the URL.

    trackio uploads the curves to a public bucket of the Hub and its page to the Space. Raises
    `UserError` when one of them fails.
    """
    import trackio
    from huggingface_hub import HfApi

    output = io.StringIO()
    hint = (
        "The curves are on this machine; afterwards, publish them with: trackio sync --project "
        f"{project} --space-id {space_id} --sdk static"
    )
    with hub_errors_as_user_errors(
        f"The dashboard {space_id}", writes=True, recovery_hint=hint, flag=FLAG
    ):
        try:
            with redirect_stdout(output):  # trackio prints each step
                trackio.sync(project, space_id, sdk="static", force=True)
        except (ValueError, FileNotFoundError) as error:
            raise HubError(f"The dashboard {space_id}: {error}", hint) from None
        finally:
            LOGGER.debug("%s", output.getvalue())
    return f"{HfApi().endpoint}/spaces/{space_id}"
