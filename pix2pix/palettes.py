"""Reads colors: those that a flag lists, and those of a model's inputs, for a canvas."""

import re
import unicodedata
from typing import Any

from pix2pix.errors import UserError

Color = tuple[int, int, int]

# Nobody can tell more colors apart in a row of swatches; the same as in `web/draw/palette.js`.
MAX_COLORS = 32
MAX_NAME = 40
COLOR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)


def parse_colors(text: str, flag: str) -> list[Color]:
    """Parses hexadecimal RGB, `ffff00,007fff`; raises `UserError`, naming `flag`, for others."""
    colors = [color.strip().removeprefix("#") for color in text.split(",")]
    for color in colors:
        if not re.fullmatch("[0-9a-fA-F]{6}", color):
            raise UserError(
                f"{color!r} in {flag} is not a color; write each color as six hexadecimal "
                "digits, separated by commas: ffff00,007fff."
            )
    return [(red, green, blue) for red, green, blue in map(bytes.fromhex, colors)]


def read_input_palette(description: dict[str, Any]) -> list[dict[str, str]] | None:
    """Returns the colors that a model's inputs are drawn with, the most common first.

    Each is {"color": "#rrggbb", "name": ...}; a color without a name is its own name. The file may
    be anybody's, so that entries that are no colors are left out.

    Args:
        description: the content of pix2pix.json.

    Returns:
        2 to 32 colors; None where the inputs are photos, or too many colors to draw with.
    """
    entries = description.get("input_palette")
    if not isinstance(entries, list) or len(entries) > MAX_COLORS:
        return None
    names = dict[str, str]()
    for entry in entries:
        color = entry.get("color") if isinstance(entry, dict) else None
        if isinstance(color, str) and COLOR.fullmatch(color):
            names.setdefault(color.lower(), _clean_name(entry.get("name")) or color.lower())
    colors = [{"color": color, "name": name} for color, name in names.items()]
    return colors if len(colors) > 1 else None


def _clean_name(name: Any) -> str:
    """Returns a name as one short line, empty for anything that is not text."""
    if not isinstance(name, str):
        return ""
    printable = (" " if unicodedata.category(c).startswith("C") else c for c in name)
    return " ".join("".join(printable).split())[:MAX_NAME]
