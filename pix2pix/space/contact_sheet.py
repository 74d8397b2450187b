"""Photo | map, small and labelled, for each picture of a batch on one sheet."""

import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from pix2pix.space.answers import PNG

COLUMNS, GAP, LABEL = 2, 8, 22
# The sheet stays below these, however many pictures: its memory is bounded.
LARGEST_SIDE, SMALLEST_SIDE, PIXELS = 256, 48, 16_000_000
PAPER, INK = "white", "#334155"


class ContactSheet:
    """Takes up to `count` pairs and keeps only their thumbnails."""

    def __init__(self, count: int):
        side = math.isqrt(PIXELS // (2 * max(count, 1)))
        self.side = min(LARGEST_SIDE, max(SMALLEST_SIDE, side))
        self._columns = min(COLUMNS, max(count, 1))
        self._cell = (2 * self.side + 2 * GAP, self.side + LABEL + GAP)
        rows = -(-count // self._columns)
        size = (self._columns * self._cell[0] + GAP, rows * self._cell[1] + GAP)
        self._sheet = Image.new("RGB", size, PAPER)
        self._font = ImageFont.load_default(size=13)
        self._added = 0

    def add(self, photo: Image.Image, picture: Image.Image, label: str) -> None:
        """Puts the next pair on the sheet."""
        row, column = divmod(self._added, self._columns)
        left, top = GAP + column * self._cell[0], GAP + row * self._cell[1]
        for number, image in enumerate((photo, picture)):
            small = _thumbnail(image, self.side)
            x = left + number * (self.side + GAP // 2) + (self.side - small.width) // 2
            self._sheet.paste(small, (x, top + (self.side - small.height) // 2))
        text = _shortened(label, self._font, 2 * self.side)
        ImageDraw.Draw(self._sheet).text((left, top + self.side + 2), text, INK, self._font)
        self._added += 1

    def save(self, path: Path) -> Path | None:
        """Saves the rows that are filled, and returns the path; None where nothing was added."""
        if not self._added:
            return None
        rows = -(-self._added // self._columns)
        self._sheet.crop((0, 0, self._sheet.width, rows * self._cell[1] + GAP)).save(path, **PNG)
        return path


def _thumbnail(image: Image.Image, side: int) -> Image.Image:
    width, height = (max(1, round(length * side / max(image.size))) for length in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3)


def _shortened(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."
