"""The Hub's reading of a README's YAML header."""

import re
from typing import Any

import yaml

from .store import Store
from .trees import Commit

COLORS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
SDKS = ("gradio", "docker", "static", "streamlit")


def metadata(content: str) -> Any:
    """The YAML header, None without one; raises yaml.YAMLError."""
    header = re.match(r"\s*---\r?\n(.*?)\r?\n?---\s*(\r?\n|$)", content, re.DOTALL)
    return yaml.safe_load(header[1]) if header else None


def problems(content: str, kind: str) -> tuple[list[str], list[str]]:
    """(errors, warnings); the Hub refuses a commit whose README.md has errors."""
    try:
        data = metadata(content)
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


def card_data(store: Store, commit: Commit) -> dict[str, Any]:
    if "README.md" not in commit.tree:
        return {}
    data = metadata(store.read(commit.tree["README.md"]).decode())
    return data if isinstance(data, dict) else {}


def tags(card: dict[str, Any]) -> list[str]:
    """The tags the Hub shows: the card's own, and those it makes from other fields."""

    def listed(key: str) -> list[str]:
        value = card.get(key) or []
        return [str(item) for item in (value if isinstance(value, list) else [value])]

    found = listed("library_name") + listed("pipeline_tag") + listed("tags")
    found += [f"dataset:{name}" for name in listed("datasets")]
    found += [f"license:{name}" for name in listed("license")]
    return list(dict.fromkeys([*found, "region:us"]))
