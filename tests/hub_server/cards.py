"""Reads and checks the YAML front matter of a README, as the Hub does."""

import re
from typing import Any

import yaml

from .commits import Commit
from .store import Store

COLORS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
SDKS = ("gradio", "docker", "static", "streamlit")


def read_front_matter(content: str) -> Any:
    """Returns the parsed YAML front matter, or None without one; raises yaml.YAMLError."""
    header = re.match(r"\s*---\r?\n(.*?)\r?\n?---\s*(\r?\n|$)", content, re.DOTALL)
    return yaml.safe_load(header[1]) if header else None


def check_card(content: str, kind: str) -> tuple[list[str], list[str]]:
    """Returns (errors, warnings); the Hub rejects a commit whose README.md has errors."""
    try:
        data = read_front_matter(content)
    except yaml.YAMLError as error:
        return [f"YAML Metadata Error: {error}"], []
    if not data:
        return [], ["empty or missing yaml metadata in repo card"]
    if not isinstance(data, dict):
        return ["YAML Metadata Error: the header must be a mapping"], []
    errors = []
    if kind == "space":
        for key, allowed in (("colorFrom", COLORS), ("colorTo", COLORS), ("sdk", SDKS)):
            if key in data and data[key] not in allowed:
                errors.append(f'"{key}" must be one of [{", ".join(allowed)}]')
        if len(str(data.get("short_description", ""))) > 60:
            errors.append('"short_description" length must be less than or equal to 60 characters')
    return errors, []


def read_card_data(store: Store, commit: Commit) -> dict[str, Any]:
    """Returns the front matter of a commit's README.md, or an empty dictionary."""
    if "README.md" not in commit.tree:
        return {}
    data = read_front_matter(store.read_blob(commit.tree["README.md"]).decode())
    return data if isinstance(data, dict) else {}


def tags(card: dict[str, Any]) -> list[str]:
    """Returns the tags that the Hub shows: the card's own, and those made from other fields."""
    names = as_list(card, "library_name") + as_list(card, "pipeline_tag") + as_list(card, "tags")
    names += [f"dataset:{name}" for name in as_list(card, "datasets")]
    names += [f"license:{name}" for name in as_list(card, "license")]
    return list(dict.fromkeys([*names, "region:us"]))


def as_list(card: dict[str, Any], key: str) -> list[str]:
    """Returns a field of the card that holds one value or several as a list of strings."""
    value = card.get(key) or []
    return [str(item) for item in (value if isinstance(value, list) else [value])]
