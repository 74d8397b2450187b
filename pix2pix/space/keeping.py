"""How long visitors' pictures are kept: in a folder of their own, for less than an hour."""

import os
import tempfile
import threading
import time
from pathlib import Path

from pix2pix.errors import UserError

NAME = "pix2pix-space"
KEEP_SECONDS = 3600
SWEEP_SECONDS = 60


def visitors_folder() -> Path:
    """Sets GRADIO_TEMP_DIR, where gradio puts uploads and results, to a folder for them alone.

    It lies below the operator's GRADIO_TEMP_DIR, or the system's folder for such files.
    """
    given = os.environ.get("GRADIO_TEMP_DIR")
    for base in filter(None, (given, tempfile.gettempdir())):
        folder = Path(base).resolve() / NAME
        if folder.parent.name == NAME:  # inherited from another Space
            folder = folder.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue  # gradio would not start
        os.environ["GRADIO_TEMP_DIR"] = str(folder)
        return folder
    raise UserError("There is no folder for files to be made in; set GRADIO_TEMP_DIR to one.")


def keep_clean(folder: Path) -> None:
    """Starts to delete what grows old in `folder`, what an earlier process left there as well.

    Gradio's `delete_cache` knows only of files that its own components list, which leaves out
    uploads that broke off and results of components that were changed while running.
    """

    def sweep_for_ever() -> None:
        while True:
            sweep(folder, KEEP_SECONDS - SWEEP_SECONDS)
            time.sleep(SWEEP_SECONDS)

    threading.Thread(target=sweep_for_ever, name="sweep", daemon=True).start()


def sweep(folder: Path, age: float) -> None:
    """Deletes files below `folder` that were made more than `age` seconds ago, and their folders.

    By the time of the last change of the file itself, since copies keep that of the content.
    """
    before = time.time() - age
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder comes before it
        try:
            if path.lstat().st_ctime > before:
                continue
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
        except OSError:
            continue  # not empty, or somebody else deleted it
