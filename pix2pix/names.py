"""Recognizes names of repositories on the Hub, and distinguishes them from paths."""

import re
from pathlib import Path

from pix2pix.errors import UserError

# The Hub's rules for the two parts of a repository's id.
REPOSITORY_NAME = re.compile(r"(?!.*(?:--|\.\.|\.git$))\w(?:[\w.-]*\w)?", re.ASCII)
MAX_NAME = 96


def is_repository_name(name: str) -> bool:
    """Returns whether the Hub accepts `name`, with or without its owner, for a repository."""
    parts = name.split("/")
    return len(name) <= MAX_NAME and len(parts) <= 2 and all(map(REPOSITORY_NAME.fullmatch, parts))


def check_model_name(name: str, flag: str = "--model") -> None:
    """Raises `UserError` if the `name` after `flag` can be no folder, id or `id@revision`.

    A request to the Hub for a mistyped path would end, after some time, in a message about the Hub.
    """
    if Path(name).is_dir():
        return
    repo_id, at, revision = name.partition("@")
    is_below_folder = "/" in name and Path(name.split("/")[0]).is_dir()
    if not is_repository_name(repo_id) or is_below_folder:
        raise UserError(f"There is no folder {name}; check the path in {flag}.")
    if at and not revision:
        raise UserError(f"{flag} is {name}: the revision after @ is empty; name one or omit the @.")
