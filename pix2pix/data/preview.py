"""Draws the first pairs with the names of their files."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pix2pix.config import Config
from pix2pix.data.pipeline import jitter
from pix2pix.data.source import Source, SplitPlan
from pix2pix.errors import UserError
from pix2pix.images import image_grid

PREVIEW_PAIRS = 4
# Rows to look at, because some may be unreadable.
CANDIDATES = 8
GAP = 4
BACKGROUND = (255, 255, 255)


def preview_pairs(source: Source, plan: SplitPlan, config: Config) -> Image.Image:
    """Returns training pairs as one picture: input and target, augmented, with their names below.

    Raises `UserError` when none of the pairs can be read.
    """
    rows: list[Image.Image] = []
    reason = "there are no rows"
    for number, row in source.sample(plan.train, CANDIDATES):
        try:
            pair = source.decoder.decode_and_resize(row, config.load_size)
        except UserError as error:
            reason = str(error)
            continue
        pictures = jitter(pair, 0, number - plan.train.start, config)
        grid = image_grid([[Image.fromarray(np.ascontiguousarray(image)) for image in pictures]])
        rows.append(add_label(grid, source.row_name(plan.train.split, number)))
        if len(rows) == PREVIEW_PAIRS:
            break
    if not rows:
        raise UserError(f"No pair of {source.name} can be read: {reason}")
    return image_grid([[row] for row in rows], GAP)


def add_label(image: Image.Image, text: str) -> Image.Image:
    """Returns the picture with a line of text below it, which is shortened to its width."""
    size = max(10, image.height // 16)
    font = ImageFont.load_default(size)
    text = _printable(text, font)
    while font.getlength(text) > image.width - 4 and len(text) > 4:
        # The end of a path says more than its start.
        text = "..." + text.removeprefix("...")[1:]
    sheet = Image.new("RGB", (image.width, image.height + size + 6), BACKGROUND)
    sheet.paste(image)
    ImageDraw.Draw(sheet).text((2, image.height + 2), text, "black", font)
    return sheet


def _printable(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Replaces what the font can't draw: Pillow's small font has Latin-1 only."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    if isinstance(font, ImageFont.FreeTypeFont):
        return text.encode("utf-8", "replace").decode()
    return text.encode("latin-1", "replace").decode("latin-1")
