"""Protects the Space: `prepare_process` before Gradio is imported, `protect` before the launch.

- `hooks` checks the names inside Gradio on which the rest relies; without one, nothing starts.
- `guard` checks requests; `calls` checks arguments and URLs, and turns every error into a message.
- `agents` does for the MCP server what `calls` does for other programs.
- `messages` limits how much of the input an error repeats.
- This module keeps visitors' files in a folder of their own, for less than an hour.
"""

import logging
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix.environment import find_problem, prepare_folders
from pix2pix.errors import UserError
from pix2pix.space.address import check_numbers
from pix2pix.space.security.hooks import check_hooks
from pix2pix.space.settings import Settings

if TYPE_CHECKING:
    from starlette.middleware import Middleware

FOLDER_NAME = "pix2pix-space"
KEEP_SECONDS = 3600
SWEEP_SECONDS = 60

logger = logging.getLogger(__name__)


def prepare_process() -> Path:
    """Prepares the process for Gradio, and returns the folder for visitors' files.

    Sets the environment variables that Gradio reads when it is imported: no analytics, and files
    in that folder. Folders that can't be written are replaced, which is logged. Then imports Gradio
    and checks its hooks.

    Raises:
        UserError: when Gradio lacks a hook, a variable of Gradio is wrong, or there is no folder
            for files.
    """
    check_numbers()
    for note in prepare_folders():
        logger.info("%s", note)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    folder = _choose_folder()
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    check_hooks()
    from gradio.utils import get_upload_folder

    if Path(get_upload_folder()) != folder:
        raise UserError(
            "The Space does not start, because Gradio does not keep uploads in GRADIO_TEMP_DIR; "
            "install the version of Gradio that is named as sdk_version in README.md."
        )
    return folder


def protect(settings: Settings, folder: Path) -> "list[Middleware]":
    """Limits which URLs are fetched, starts to delete old files, and returns the middleware."""
    # Imported late: this module is imported before the variables that Gradio reads are set.
    from PIL import Image
    from starlette.middleware import Middleware

    from pix2pix.space.security.agents import replace_mcp_server
    from pix2pix.space.security.calls import limit_fetching
    from pix2pix.space.security.guard import RequestGuard

    # Pillow's own limit would refuse what the operator allows, for example results that Gradio
    # opens for agents. Visitors' files are read by `open_image`, which checks the operator's limit.
    Image.MAX_IMAGE_PIXELS = None
    replace_mcp_server()
    limit_fetching(settings.max_file_mb * 1_000_000)
    start_sweeping(folder)
    return [Middleware(RequestGuard, settings.max_file_mb, settings.max_batch)]


def _choose_folder() -> Path:
    """Creates a folder below the operator's GRADIO_TEMP_DIR, or the system's temporary folder."""
    operators_folder = os.environ.get("GRADIO_TEMP_DIR")
    reason = None
    for base in filter(None, (operators_folder, tempfile.gettempdir())):
        folder = Path(base).resolve() / FOLDER_NAME
        if folder.parent.name == FOLDER_NAME:  # inherited from another Space
            folder = folder.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            reason = find_problem(folder)
            if folder.stat().st_uid != os.getuid():
                reason = "it belongs to another user"
        except OSError as error:
            reason = error.strerror
        if not reason:
            return folder
        logger.info("Uploads are not kept in %s (%s).", folder, reason)
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_NAME}-")).resolve() / FOLDER_NAME
    folder.mkdir()
    logger.info("Uploads are kept in %s.", folder)
    return folder


def start_sweeping(folder: Path) -> None:
    """Starts a thread that deletes old files in `folder`, those of earlier processes included.

    Gradio's `delete_cache` deletes only files that its components list. It misses uploads that were
    interrupted, and results of components that were rebuilt for a session.
    """

    def sweep_forever() -> None:
        while True:
            sweep(folder, KEEP_SECONDS - SWEEP_SECONDS)
            time.sleep(SWEEP_SECONDS)

    threading.Thread(target=sweep_forever, name="sweep", daemon=True).start()


def sweep(folder: Path, age: float) -> None:
    """Deletes files and empty folders below `folder` that are more than `age` seconds old.

    The age is that of the inode (ctime), since a copy keeps the modification time of its source.
    """
    oldest = time.time() - age
    for path in sorted(folder.rglob("*"), reverse=True):  # a folder's content comes before it
        try:
            if path.lstat().st_ctime > oldest:
                continue
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        except OSError:
            continue  # the folder is not empty, or another process deleted the file
