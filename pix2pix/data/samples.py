"""Reads the sizes of sampled picture files, and how they are read."""

import io
import warnings
from collections.abc import Iterator

from PIL import Image
from PIL.ExifTags import Base

from pix2pix.data.decoding import Decoder, Row
from pix2pix.formats import READABLE_FORMATS
from pix2pix.pixels.gate import notes_of, open_image
from pix2pix.pixels.rule import PixelRule


def read_size(file: bytes, rule: PixelRule) -> tuple[int, int]:
    """Returns the width and height of an upright picture, from the header where Pillow reads it.

    Raises `UserError` when the file is no picture.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(file), formats=READABLE_FORMATS)
        width, height = image.size
        turned = image.getexif().get(Base.Orientation, 1) in (5, 6, 7, 8)
    except Exception:  # the gate reads files that Pillow can't, and names the others
        return open_image(file, rule=rule).size
    return (height, width) if turned else (width, height)


def describe_reading(rows: list[Row], decoder: Decoder) -> Iterator[str]:
    """Yields sentences about how bands and colors of the first row's files are read."""
    first = rows[0] if rows else ()
    for number, (file, rule) in enumerate(zip(first, decoder.file_rules(len(first)), strict=False)):
        name = "Images" if len(rows[0]) == 1 else "AB"[number]
        for note in notes_of(open_image(file, rule=rule)):
            # The user has seen the range of the dataset already.
            if "become black to white" not in note:
                yield f"{name}: {note}"
