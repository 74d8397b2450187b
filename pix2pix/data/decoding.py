"""Decodes the rows of a dataset to pairs of pictures, and to the squares that a network sees."""

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from PIL import Image

from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.geometry import Size, make_square, middle_square, scale_to_fit
from pix2pix.images import resize, split_pair
from pix2pix.palettes import Color
from pix2pix.pixels.gate import open_image
from pix2pix.pixels.label_maps import paint_gray
from pix2pix.pixels.rule import PixelRule, parse_legend

Row = tuple[bytes, ...]


@dataclass(frozen=True)
class Decoder:
    """Decodes rows; one decoder serves a whole dataset, so that all of its pairs are read alike.

    Attributes:
        rules: how the values of A and of B become 8-bit RGB.
        layout: where A is in a picture that holds both: on the left, or at the top.
        aspect: how pairs become squares; see `Config.aspect`.
        gray: the sides that are converted to gray, 0 for A and 1 for B.
        crop: the side of the crops that are taken from pairs at their own size; 0: pairs are
            resized.
    """

    rules: tuple[PixelRule, PixelRule] = (PixelRule(), PixelRule())
    layout: Literal["left_right", "top_bottom"] = "left_right"
    aspect: Literal["squash", "crop", "pad"] = "squash"
    gray: tuple[int, ...] = ()
    crop: int = 0

    @classmethod
    def of_config(cls, config: Config) -> "Decoder":
        """Returns the decoder that the settings ask for, before the dataset has been looked at."""
        chosen = PixelRule.parse(config.bands, config.value_range, config.input_legend)
        legend = parse_legend(config.target_legend, "--target_legend")
        other = PixelRule(value_range=chosen.value_range, legend=legend)
        rules = (chosen, other) if config.direction == "a_to_b" else (other, chosen)
        return cls(
            rules,
            "top_bottom" if config.pair_layout == "top_bottom" else "left_right",
            config.aspect,
            config.gray_sides,
            config.image_size if config.is_native else 0,
        )

    def decode(self, row: Row) -> tuple[Image.Image, Image.Image]:
        """Decodes a row to A and B in 8-bit RGB; raises `UserError` when one can't be read."""
        rules = self.file_rules(len(row))
        pictures = [open_image(file, rule=rule) for file, rule in zip(row, rules, strict=True)]
        if len(row) == 1:
            pictures = [
                paint_gray(half, rule.legend)
                for half, rule in zip(split_pair(pictures[0], self.layout), self.rules, strict=True)
            ]
        a, b = pictures
        return a, b

    def file_rules(self, count: int) -> tuple[PixelRule, ...]:
        """Returns how each file of a row is read: of its two files, or of its only one."""
        if count == 2:
            return self.rules
        # Both halves have the bands of their file, so those chosen for the input are both's. Their
        # legends differ, so class numbers get their colors when the picture has been split.
        bands = self.rules[0].bands or self.rules[1].bands
        return (replace(self.rules[0], bands=bands, legend=None),)

    def legend(self, side: int) -> list[Color]:
        """Returns the different colors of the class numbers of A (0) or B (1); [] for pictures."""
        colors = self.rules[side].legend or ()
        if side in self.gray:
            levels = (Image.new("RGB", (1, 1), c).convert("L").tobytes()[0] for c in colors)
            colors = tuple((level, level, level) for level in levels)
        return list(dict.fromkeys(colors))

    def decode_and_resize(self, row: Row, size: int) -> np.ndarray:
        """Decodes a row to (2, size, size, 3) uint8, A first; raises `UserError` as `decode` does.

        Pairs that are not square become square as `aspect` says. With a size of 0, the pair has the
        size of its A. The sides in `gray` get three equal channels.
        """
        return self.decode_with_size(row, size)[0]

    def decode_with_size(self, row: Row, size: int) -> tuple[np.ndarray, Size]:
        """Returns the pair as `decode_and_resize` does, and the (width, height) of its A."""
        # Resizing the joined picture first would blur the seam.
        pair = self.decode(row)
        if not size:
            return self._decode_native(pair), pair[0].size
        squares = [make_square(image, size, self.aspect) for image in pair]
        return self._stack(squares), pair[0].size

    def decode_as_served(self, row: Row, size: int) -> tuple[np.ndarray, Size]:
        """Decodes a row in its own proportions, as the mode `fit` of `Translator` is given it.

        Returns:
            (2, size, size, 3) uint8, of which `served_size` of A's size is filled, at the top
            left, and the (width, height) of A. B gets the proportions of A.
        """
        if self.aspect == "crop":
            return self.decode_with_size(row, size)
        pair = self.decode(row)
        if self.crop:
            return middle_square(self._decode_native(pair), size), pair[0].size
        width, height = self.served_size(pair[0].size, size)
        boxes = np.zeros((2, size, size, 3), np.uint8)
        boxes[:, :height, :width] = self._stack([resize(image, width, height) for image in pair])
        return boxes, pair[0].size

    def served_size(self, size: Size, side: int) -> Size:
        """Returns the (width, height) at which a pair whose A has `size` is evaluated.

        The longer side has `side` pixels; with the aspect `crop`, and at native scale, it is the
        middle square.
        """
        return (side, side) if self.aspect == "crop" or self.crop else scale_to_fit(size, side)

    def _decode_native(self, pair: tuple[Image.Image, Image.Image]) -> np.ndarray:
        """Returns (2, H, W, 3) uint8 in the size of A; raises `UserError` if no crop fits."""
        a, b = pair
        if min(a.size) < self.crop:
            raise UserError(
                f"The picture has {a.width}x{a.height} pixels, fewer than the crops of "
                f"{self.crop}x{self.crop} that --load_size none takes from it."
            )
        return self._stack([a, resize(b, *a.size)])

    def _stack(self, pictures: list[Image.Image]) -> np.ndarray:
        for side in self.gray:
            pictures[side] = pictures[side].convert("L").convert("RGB")
        return np.stack([np.asarray(picture) for picture in pictures])

    def cache_key(self) -> str:
        """Returns a short hash that differs between decoders that give other pixels."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:8]
