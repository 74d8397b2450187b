"""The rule by which the values of a picture file become 8-bit RGB."""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pix2pix.errors import UserError
from pix2pix.palettes import Color, parse_colors

Bands = Sequence[int] | str
Range = Sequence[float] | str
MAX_CLASSES = 256


@dataclass(frozen=True)
class PixelRule:
    """Says which bands of a file are red, green and blue, and which values are black and white.

    Attributes:
        bands: the numbers of the file's bands to use, from 1: three, or one for gray. None
            recognizes them.
        value_range: (LOW, HIGH), the values that become 0 and 255, for all files that do not have
            8 bits; "dtype": the smallest and largest value that the file's type can hold; "auto":
            recognized from the values of each file.
        legend: the colors of class numbers, class 0 first, for files whose values are such numbers;
            (): values are never class numbers. None, too, reads all files as pictures, but then a
            dataset of class numbers is refused.
    """

    bands: tuple[int, ...] | None = None
    value_range: tuple[float, float] | Literal["auto", "dtype"] = "auto"
    legend: tuple[Color, ...] | None = None

    @classmethod
    def parse(
        cls, bands: str | None = None, value_range: str = "auto", legend: str | None = None
    ) -> "PixelRule":
        """Returns the rule of the flags --bands, --value_range and --input_legend.

        Raises `UserError` when one of them can't be understood.
        """
        return cls(
            _parse_bands(bands), _parse_range(value_range), parse_legend(legend, "--input_legend")
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the rule as JSON values, for pix2pix.json."""
        value_range = self.value_range
        return {
            "bands": list(self.bands) if self.bands else None,
            "value_range": value_range if isinstance(value_range, str) else list(value_range),
            "legend": ["#" + bytes(color).hex() for color in self.legend] if self.legend else None,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any] | None) -> "PixelRule":
        """Returns the rule in pix2pix.json; files of earlier versions have none.

        Raises `UserError` when it can't be understood.
        """
        values = values or {}
        colors = values.get("legend")
        text = ",".join(map(str, colors)) if isinstance(colors, list) else None
        rule = cls(legend=parse_legend(text, "reading.legend of pix2pix.json"))
        return rule.override(values.get("bands"), values.get("value_range"))

    def override(self, bands: Bands | None = None, value_range: Range | None = None) -> "PixelRule":
        """Returns this rule with other bands or another range; None keeps the present ones.

        Both may be texts, as the flags have them. Raises `UserError` for wrong ones.
        """
        return PixelRule(
            self.bands if bands is None else _parse_bands(bands),
            self.value_range if value_range is None else _parse_range(value_range),
            self.legend,
        )


def parse_legend(text: str | None, flag: str) -> tuple[Color, ...] | None:
    """Returns the colors of the classes, class 0 first; () for "none", None without a legend.

    Raises `UserError`, naming `flag`, for anything else, and for more classes than 8 bits hold.
    """
    if text is None or text == "none":
        return None if text is None else ()
    colors = parse_colors(text, flag)
    if len(colors) > MAX_CLASSES:
        raise UserError(f"{flag} has {len(colors)} colors; it can have {MAX_CLASSES}.")
    return tuple(colors)


def _parse_bands(bands: Bands | None) -> tuple[int, ...] | None:
    if bands is None:
        return None
    try:
        if isinstance(bands, str):
            numbers = tuple(int(part) for part in bands.split(","))
        else:
            numbers = tuple(operator.index(part) for part in bands)  # refuses 1.5
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) not in (1, 3) or min(numbers) < 1:
        raise UserError(
            f"--bands is {str(bands)[:40]!r}; name three bands, or one for gray, counted from 1: "
            "1,2,3."
        )
    return numbers


def _parse_range(value_range: Range) -> tuple[float, float] | Literal["auto", "dtype"]:
    if isinstance(value_range, str) and value_range in ("auto", "dtype"):
        return "auto" if value_range == "auto" else "dtype"
    try:
        parts = value_range.split(",") if isinstance(value_range, str) else value_range
        low, high = (float(part) for part in parts)
    except (TypeError, ValueError, OverflowError):
        low = high = 0.0
    if not low < high or not math.isfinite(high - low):
        raise UserError(
            f"--value_range is {str(value_range)[:40]!r}; use auto, dtype, or the values of black "
            "and white, the smaller one first: 0,4095."
        )
    return low, high
