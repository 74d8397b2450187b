"""Reads the operator's settings from the environment; a wrong value never stops the Space."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pix2pix.errors import UserError
from pix2pix.threads import MAX_THREADS, read_number, read_threads

# Minimum and maximum of each number; its variable is PIX2PIX_ and the name in upper case.
RANGES = {
    "threads": (0, MAX_THREADS),
    "max_file_mb": (1, 2000),
    "max_megapixels": (1, 1000),
    "max_batch": (1, 1000),
    "queue": (1, 100_000),
    "concurrency": (1, 64),
}
BROWSER_SPACE = "PIX2PIX_BROWSER_SPACE"
SPACE_ID = re.compile(r"\w[\w.-]{,95}/\w[\w.-]{,95}", re.ASCII)
# Only characters that mean nothing in Markdown and HTML; no user name, which hides the real host.
HTTPS_URL = re.compile(r"https://[a-z0-9.-]+(:\d+)?(/[\w./~%?&=:+-]*)?", re.ASCII | re.IGNORECASE)
HUB = "https://huggingface.co"


@dataclass(frozen=True)
class Settings:
    """Holds the limits and model names, which are read once when the Space starts.

    Attributes:
        models: names of the models to serve, the default first; empty for the starter models.
        threads: CPU threads of a translation; 0 for all cores.
        max_file_mb: largest upload, in MB.
        max_megapixels: largest picture, in megapixels.
        max_batch: maximum number of files in a batch.
        queue: maximum number of calls that wait.
        concurrency: maximum number of translations at a time.
        browser_space: URL of the static Space of the same model, which the page links to, or None.
        notices: one sentence for each variable with a wrong value.
    """

    models: tuple[str, ...] = ()
    threads: int = 0
    max_file_mb: int = 20
    max_megapixels: int = 64
    max_batch: int = 32
    queue: int = 128
    concurrency: int = 2
    browser_space: str | None = None
    notices: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Reads PIX2PIX_MODEL, PIX2PIX_MODELS, PIX2PIX_BROWSER_SPACE, and the numbers in RANGES."""
        names = [environ.get("PIX2PIX_MODEL", ""), *environ.get("PIX2PIX_MODELS", "").split(",")]
        names = [_expand_home(name.strip()) for name in names if name.strip()]
        models = tuple(dict.fromkeys(names))
        numbers: dict[str, int] = {}
        notices = []
        for field, limits in RANGES.items():
            variable, default = f"PIX2PIX_{field.upper()}", getattr(cls, field)
            try:
                if field == "threads":  # `Translator` reads the same variable
                    numbers[field] = read_threads(environ)
                else:
                    numbers[field] = read_number(environ, variable, default, limits)
            except UserError as error:
                notices.append(str(error))
        empty_variables = {"PIX2PIX_MODEL", "PIX2PIX_MODELS"} & environ.keys()
        if empty_variables and not models:
            variables = " and ".join(sorted(empty_variables))
            notices.append(f"{variables} names no model: the starter models are served.")
        try:
            browser_space = read_browser_space(environ)
        except UserError as error:
            browser_space = None
            notices.append(str(error))
        return cls(models=models, browser_space=browser_space, notices=tuple(notices), **numbers)


def read_browser_space(environ: Mapping[str, str] = os.environ) -> str | None:
    """Returns the URL of the Space in PIX2PIX_BROWSER_SPACE, or None where it names none.

    Raises:
        UserError: when it is neither the id of a Space nor an https URL.
    """
    name = environ.get(BROWSER_SPACE, "").strip()
    if not name or HTTPS_URL.fullmatch(name):
        return name or None
    if SPACE_ID.fullmatch(name):
        return f"{environ.get('HF_ENDPOINT', HUB)}/spaces/{name}"
    raise UserError(
        f"{BROWSER_SPACE} is {name[:100]!r}, which is neither the id of a Space (owner/name) nor "
        "an https URL: the page shows no link."
    )


def _expand_home(name: str) -> str:
    """Returns a model's name, with the home folder in place of a `~` at the start of a path."""
    try:
        return str(Path(name).expanduser()) if name.startswith("~") else name
    except RuntimeError:  # there is no home folder; the name will be reported
        return name
