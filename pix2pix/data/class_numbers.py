"""Tells label maps, whose pixels are class numbers, from pictures."""

import colorsys
import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pix2pix.data.decoding import Decoder, Row
from pix2pix.data.proportions import Layout
from pix2pix.errors import UserError
from pix2pix.formats import READABLE_FORMATS
from pix2pix.images import orient_pair, split_pair
from pix2pix.pixels.gate import MAX_PIXELS
from pix2pix.pixels.label_maps import NO_CLASS, NUMBER_MODES
from pix2pix.pixels.pillow_values import SIXTEEN_BIT_MODES

# Class numbers are looked for in this many pictures of each side.
SAMPLE = 8
# Numbers of up to 64 classes are darker than any picture; those of more have gaps of 1 between the
# values and few values in each picture, unlike gray photos.
MAX_CLASS, MAX_CLASSES_PER_PICTURE, MIN_MANY_CLASSES = 63, 40, 10
# A message suggests colors for at most this many classes.
MAX_SUGGESTED = 20


@dataclass(frozen=True)
class _Values:
    """The different values of one picture, as arrays of one dimension.

    Attributes:
        stored: what the file holds for its pixels: gray levels, class numbers, or indices of a
            palette. None for colors.
        shown: the gray levels that it is shown with; None where it is shown in colors.
        palette: the colors of its palette, if it is shown in colors.
        is_numbered: whether it holds one number for each pixel, not three.
    """

    stored: np.ndarray | None = None
    shown: np.ndarray | None = None
    palette: bytes | None = None
    is_numbered: bool = False


def check_class_numbers(
    names: list[str], rows: list[Row], decoder: Decoder, direction: str
) -> tuple[list[str], list[str]]:
    """Looks for label maps on both sides of the pairs.

    Returns:
        Sentences about label maps, and warnings about a legend without effect.

    Raises:
        UserError: for class numbers without a color.
    """
    flags = orient_pair(("--input_legend", "--target_legend"), direction)
    sentences, warned = list[str](), list[str]()
    for side, (rule, flag) in enumerate(zip(decoder.rules, flags, strict=True)):
        found = [_read_values(row, side, decoder.layout) for row in rows[:SAMPLE]]
        name = f"The images {'AB'[side]}"
        if rule.legend:
            if not any(_has_numbers(values, len(rule.legend)) for values in found):
                warned.append(f"{flag} has no effect: the images {'AB'[side]} hold colors.")
                continue
            _check_legend(name, flag, found, len(rule.legend), names)
            sentences.append(
                f"{'AB'[side]}: class numbers, drawn in the {len(rule.legend)} colors of {flag}."
            )
        elif rule.legend is None and (classes := _find_classes(found)) is not None:
            raise _without_colors(name, flag, classes, names)
        elif count := _count_palette_classes(found):
            sentences.append(f"{'AB'[side]}: {count} classes, in the colors of their palette.")
    return sentences, warned


def _has_numbers(values: _Values, count: int) -> bool:
    """Returns whether a legend of `count` colors changes a picture."""
    return values.stored is not None and (values.is_numbered or _largest(values.stored) < count)


def _check_legend(name: str, flag: str, found: list[_Values], count: int, names: list[str]) -> None:
    """Raises `UserError` when a picture has a class that the legend of `count` colors lacks."""
    for values, file in zip(found, names, strict=False):
        largest = -1 if values.stored is None else _largest(values.stored)
        if largest >= count and (values.is_numbered or largest <= MAX_CLASS):
            raise UserError(
                f"{name} have the class number {largest} (for example {file}), and {flag} has "
                f"{count} colors, for 0 to {count - 1}; add the missing ones, or use "
                f"{flag} none if they are not class numbers."
            )


def _without_colors(name: str, flag: str, classes: np.ndarray, names: list[str]) -> UserError:
    count = int(classes[-1]) + 1
    advice = f"name {count} colors, class 0 first, with {flag}"
    if count <= MAX_SUGGESTED:
        advice = f"give each class a color, 0 first, for example {flag} {_suggest_colors(count)}"
    return UserError(
        f"{name} look like class numbers, not colors: they have {len(classes)} values from "
        f"{classes[0]} to {classes[-1]} (for example {names[0]}). Either {advice}; or save them "
        f"with a palette; or, if they are gray images, add {flag} none."
    )


def _suggest_colors(count: int) -> str:
    """Returns colors that differ clearly, as a flag lists them; the first one is black."""
    hues = [colorsys.hsv_to_rgb(n * 0.618 % 1, 0.85, 0.6 + 0.4 * (n % 2)) for n in range(count - 1)]
    colors = [bytes(3), *(bytes(round(255 * value) for value in hue) for hue in hues)]
    return ",".join(color.hex() for color in colors)


def _find_classes(found: list[_Values]) -> np.ndarray | None:
    """Returns the class numbers of all pictures; None where they do not look like that."""
    pictures = [values.shown for values in found if values.shown is not None]
    if not pictures or len(pictures) < len(found):
        return None
    classes = _without_void(np.unique(np.concatenate(pictures)))
    if len(classes) < 2:
        return None
    neighbors = np.mean(np.diff(classes) == 1)
    most = max(map(len, pictures))
    is_many = len(classes) >= MIN_MANY_CLASSES and most <= MAX_CLASSES_PER_PICTURE
    return classes if classes[-1] <= MAX_CLASS or (is_many and neighbors > 0.3) else None


def _count_palette_classes(found: list[_Values]) -> int:
    """Returns the number of classes of label maps that share one palette; 0 for other pictures."""
    if len({values.palette for values in found}) != 1 or not found[0].palette:
        return 0
    classes = np.unique(np.concatenate([v.stored for v in found if v.stored is not None]))
    return len(classes) if len(classes) <= MAX_CLASSES_PER_PICTURE else 0


def _without_void(numbers: np.ndarray) -> np.ndarray:
    return numbers[numbers != NO_CLASS]


def _largest(numbers: np.ndarray) -> int:
    return int(_without_void(numbers).max(initial=0))


def _read_values(row: Row, side: int, layout: Layout) -> _Values:
    """Returns the values of one side of a row, if its file has gray levels without loss."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(
                io.BytesIO(row[-1 if side else 0]), formats=READABLE_FORMATS
            )
        modes = (*NUMBER_MODES, *SIXTEEN_BIT_MODES, "RGB")
        is_read = image.mode in modes and image.format != "JPEG"
        if not is_read or image.width * image.height > MAX_PIXELS // 4:
            return _Values()
        if len(row) == 1:
            image = split_pair(image.convert("RGB"), layout)[side]
        return _values_of(image)
    except (UserError, OSError, ValueError, SyntaxError):
        return _Values()


def _values_of(image: Image.Image) -> _Values:
    if image.mode in SIXTEEN_BIT_MODES:
        stored = np.unique(np.asarray(image))
        return _Values(stored, stored, is_numbered=True)
    pixels = np.asarray(image.convert("RGB"))
    is_gray = bool((pixels.min(-1) == pixels.max(-1)).all())
    shown = np.unique(pixels[..., 0]) if is_gray else None
    if image.mode == "RGB":
        return _Values(shown, shown)
    stored = np.unique(np.asarray(image).astype(np.uint8))
    # A program that saves indices without setting colors writes a palette of black.
    if shown is not None and len(stored) >= 2 * len(shown):
        shown = stored
    palette = bytes(image.getpalette() or ()) if image.mode == "P" and not is_gray else None
    return _Values(stored, shown, palette, is_numbered=True)
