"""Turns the numbers of a picture file into 8-bit RGB, by its rule."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from pix2pix.errors import UserError
from pix2pix.palettes import Color
from pix2pix.pixels.color import to_srgb
from pix2pix.pixels.label_maps import paint
from pix2pix.pixels.rule import PixelRule
from pix2pix.pixels.values import (
    ValueRange,
    choose_range,
    describe_range,
    range_of_type,
    to_rgb_array,
)

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Of the values of a picture with three bands, noise makes some a little negative: Landsat's surface
# reflectance goes down to -200 of 10,000.
NOISE = 0.05
# A picture of one band of floating point numbers above this one holds heights or temperatures.
LARGEST_FLOAT_GRAY = 255.0
# More clipped values than this part are reported, and pictures with fewer that are not dark.
SMALL_PART = 0.01
DARK = 32


@dataclass(frozen=True)
class Raster:
    """The numbers of a picture file that does not have plain 8-bit pixels.

    Attributes:
        values: (H, W, C) numbers: the three bands to show, or one for gray.
        kind: what the file holds, for messages: "4 bands of uint16, LZW compression".
        alpha: (H, W) uint8, opacity.
        nodata: the number that marks pixels without data.
        profile: ICC profile.
        inverted: whether 0 is white.
        orientation: how the picture is turned, as in EXIF.
        white: the value of white where the file says it.
        notes: sentences for the user about how the file was read.
    """

    values: np.ndarray
    kind: str
    alpha: np.ndarray | None = None
    nodata: float | None = None
    profile: bytes | None = None
    inverted: bool = False
    orientation: int = 1
    white: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def has_8_bits(self) -> bool:
        """Whether the values are from 0 to 255 and need no range."""
        return self.values.dtype == np.uint8

    def limits(self) -> tuple[float, float]:
        """Returns the smallest and largest value; NaN, infinity and nodata don't count."""
        values = self.values
        if self.nodata is not None and not np.isnan(self.nodata):
            values = values[values != self.nodata]
        if values.dtype.kind == "f":
            values = values[np.isfinite(values)]
        return (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)

    def to_image(self, rule: PixelRule) -> Image.Image:
        """Returns the picture as 8-bit RGB; pixels without data are white, as transparent ones.

        Its `info` has sentences for the user: "notes" about how the values were read, and
        "warnings" about what they lost.

        Raises:
            UserError: when the values are no picture, such as signed heights.
        """
        if rule.legend and self.values.dtype.kind in "iu" and self.values.shape[2] == 1:
            return self._paint(rule.legend)
        value_range = None if self.has_8_bits else self.find_range(rule)
        pixels = to_rgb_array(self.values, None, value_range)
        empty = self._find_empty()
        warnings: tuple[str, ...] = ()
        notes = self.notes
        if value_range:
            notes = (f"The picture has {self.kind}: {describe_range(value_range)}.", *notes)
            warnings = self._find_losses(value_range, pixels, rule)
        if self.inverted:
            pixels = 255 - pixels
        if empty is not None:
            pixels[empty] = 255
        image = Image.fromarray(pixels if self.values.shape[2] > 1 else pixels[..., 0])
        image = to_srgb(image, self.profile)
        if self.alpha is not None:
            image.putalpha(Image.fromarray(self.alpha))
        if turn := TURNS.get(self.orientation):
            image = image.transpose(turn)
        image = lay_over_white(image)
        image.info |= {"notes": notes, "warnings": warnings}
        return image

    def _paint(self, legend: tuple[Color, ...]) -> Image.Image:
        """Returns class numbers in their colors; pixels without data are white."""
        numbers, empty = self.values[..., 0], self._find_empty()
        pixels = np.array(paint(numbers if empty is None else np.where(empty, 0, numbers), legend))
        if empty is not None:
            pixels[empty] = 255
        turn, image = TURNS.get(self.orientation), Image.fromarray(pixels)
        return image.transpose(turn) if turn else image

    def find_range(self, rule: PixelRule) -> ValueRange:
        """Returns the values that become black and white.

        Raises:
            UserError: when the values are no picture, such as signed heights.
        """
        if self.values.dtype.kind == "c":
            raise UserError(
                f"The picture has {self.kind}: complex numbers are not a picture; save their "
                "magnitude with 8 or 16 bits."
            )
        if rule.value_range == "dtype":
            return (0.0, self.white) if self.white else range_of_type(self.values.dtype)
        if rule.value_range != "auto":
            return rule.value_range
        smallest, largest = self.limits()
        self.check_limits(smallest, largest)
        return (0.0, self.white) if self.white else choose_range(largest, self.values.dtype)

    def check_limits(self, smallest: float, largest: float) -> None:
        """Raises `UserError` for values that are no picture, given their smallest and largest."""
        check_limits(smallest, largest, self.values.dtype, self.values.shape[2], self.kind)

    def _find_losses(
        self, value_range: ValueRange, pixels: np.ndarray, rule: PixelRule
    ) -> tuple[str, ...]:
        """Returns sentences about values that the range clips or leaves nearly black."""
        low, high = value_range
        known = self.values if self.nodata is None else self.values[self.values != self.nodata]
        if not known.size:
            return ()
        warnings = []
        if np.mean(known > high) + np.mean(known < low) > SMALL_PART:
            warnings.append(
                f"More than 1 % of the values are beyond {low:.15g} to {high:.15g} and were "
                "clipped; change --value_range if that is wrong."
            )
        if rule.value_range == "auto" and np.mean(pixels < DARK) > 1 - SMALL_PART:
            bright = float(np.nanpercentile(known, 99.5))
            if bright > low:
                warnings.append(
                    f"The picture is nearly black; --value_range {low:.15g},{bright:.2g} makes it "
                    "brighter."
                )
        return tuple(warnings)

    def _find_empty(self) -> np.ndarray | None:
        """Returns which pixels hold no data, (H, W) bool: nodata in all bands, or NaN in one."""
        empty = None
        if self.nodata is not None and not np.isnan(self.nodata):
            # All bands, because a dark red pixel may have the value of nodata in blue.
            empty = (self.values == self.nodata).all(axis=2)
        if self.values.dtype.kind == "f":
            unknown = ~np.isfinite(self.values).all(axis=2)
            empty = unknown if empty is None else empty | unknown
        return empty


def lay_over_white(image: Image.Image) -> Image.Image:
    """Returns an RGB picture for an RGB or RGBA one: what is transparent becomes white."""
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB") if image.mode != "RGB" else image


def check_limits(smallest: float, largest: float, dtype: np.dtype, bands: int, kind: str) -> None:
    """Raises `UserError` for values that are no picture, given their smallest and largest.

    Negative values in one band, and more than a little negative ones in three, are heights,
    temperatures or an index; so are floating point numbers above 255 in one band.
    """
    is_height = bands == 1 and dtype.kind == "f" and largest > LARGEST_FLOAT_GRAY
    if smallest < 0:
        white = choose_range(max(largest, 0.0), np.int64)[1] if largest > 1 else 1.0
        is_height = is_height or bands == 1 or -smallest > NOISE * white
    if is_height:
        numbers = "signed values" if smallest < 0 else "values"
        low, high = f"{smallest:.6g}", f"{largest:.6g}"
        raise UserError(
            f"The picture has {kind} with {numbers} from {low} to {high}, such as heights, and no "
            f"black and white; name them (--value_range={low},{high}) or convert it: "
            f"gdal_translate -ot Byte -scale {low} {high} 0 255 in.tif out.tif."
        )
