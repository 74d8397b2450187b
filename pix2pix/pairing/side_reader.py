"""Reads the two sides of a pair, and says as which files they are stored."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image

from pix2pix.data.proportions import MAX_RATIO, MIN_RATIO
from pix2pix.errors import UserError
from pix2pix.formats import READABLE_FORMATS
from pix2pix.images import resize, split_pair
from pix2pix.pairing.made_sides import SideMaker
from pix2pix.pairing.pair_files import FoundPairs, PairFiles
from pix2pix.pairing.pairs_settings import PairsSettings
from pix2pix.pixels.gate import open_image

# A file of these formats and modes is stored as it is; others as PNG, so that all programs can show
# them.
KEPT_FORMATS, KEPT_MODES = ("PNG", "JPEG", "WEBP"), ("1", "L", "LA", "P", "RGB", "RGBA")
GPS_TAG = 0x8825


@dataclass(frozen=True)
class Side:
    """A or B of a pair.

    Attributes:
        image: its pixels in 8-bit RGB, or in gray where it was made so.
        mode: the mode of its file, as Pillow names it; "other" where Pillow can't tell.
        name: the name of the file that is stored.
        kept: the bytes of its file, if they are stored as they are, or None.
    """

    image: Image.Image
    mode: str
    name: str
    kept: bytes | None = None

    def encode(self) -> bytes:
        """Returns the file to store: the original one, or a PNG."""
        if self.kept is not None:
            return self.kept
        stream = io.BytesIO()
        self.image.save(stream, "PNG")
        return stream.getvalue()


class FileError(UserError):
    """A file of a pair that can't be read.

    Attributes:
        number: 0 for the first file of the pair, 1 for the second.
    """

    def __init__(self, message: str, number: int):
        super().__init__(message)
        self.number = number


class Sides(NamedTuple):
    """A and B of a pair."""

    a: Side
    b: Side


class SideReader:
    """Reads pairs: from two files, from the halves of one, or with a made A."""

    def __init__(self, settings: PairsSettings, found: FoundPairs):
        """Looks at some of the photos where flat colors have to be chosen."""
        self._settings, self._kind = settings, found.kind
        photos = [pair.files[0] for pair in found.pairs]
        self.maker = SideMaker(settings, photos) if settings.make else None

    def read(self, pair: PairFiles) -> Sides:
        """Returns both sides; raises `UserError` when a picture can't be read, or is no pair."""
        first, *others = (self._read_file(path, n) for n, path in enumerate(pair.files))
        return Sides(first, *others) if others else self._halve_or_make(pair.files[0], first)

    def _halve_or_make(self, path: Path, photo: Side) -> Sides:
        if self.maker:
            made = self.maker.make(photo.image, path.name)
            return Sides(Side(made, made.mode, _png_name(path)), photo)
        layout: Literal["left_right", "top_bottom"] = "left_right"
        if self._settings.pair_layout == "top_bottom":
            layout = "top_bottom"
        _check_ratio(photo.image.size, layout == "left_right")
        halves = split_pair(photo.image, layout)
        return Sides(*(Side(self._shrink(h), photo.mode, _png_name(path)) for h in halves))

    def _read_file(self, path: Path, number: int) -> Side:
        """Reads a picture; one that holds both sides keeps its size."""
        try:
            content = path.read_bytes()
            image = open_image(content)
        except UserError as error:
            raise FileError(str(error), number) from None
        except OSError as error:
            raise FileError(f"The file can't be read ({error.strerror}).", number) from None
        format_, mode, has_place = _describe_file(content)
        small = image if self._kind == "joined" else self._shrink(image)
        is_kept = small is image and format_ in KEPT_FORMATS and mode in KEPT_MODES
        if is_kept and not has_place:
            return Side(small, mode, path.name, content)
        return Side(small, mode, _png_name(path))

    def _shrink(self, image: Image.Image) -> Image.Image:
        """Returns the picture with `image_size` as its shorter side, or itself if it is smaller."""
        target, shorter = self._settings.image_size, min(image.size)
        if not target or shorter <= target:
            return image
        width, height = (max(target, round(side * target / shorter)) for side in image.size)
        return resize(image, width, height)


def _png_name(path: Path) -> str:
    return f"{path.stem}.png"


def _check_ratio(size: tuple[int, int], is_wide: bool) -> None:
    """Raises `UserError` for a picture that can't be two side by side, or one above the other."""
    ratio = size[0] / size[1] if is_wide else size[1] / size[0]
    if not MIN_RATIO <= ratio <= MAX_RATIO:
        shape = "twice as wide as high" if is_wide else "twice as high as wide"
        raise UserError(
            f"It has {size[0]}x{size[1]} pixels, but a picture of two sides is about {shape}; "
            "to make A from photos, add --make."
        )


def _describe_file(content: bytes) -> tuple[str, str, bool]:
    """Returns the format and mode of a picture file, and whether it says where it was taken."""
    try:
        with Image.open(io.BytesIO(content), formats=READABLE_FORMATS) as image:
            return image.format or "", image.mode, GPS_TAG in image.getexif()
    except Exception:  # a file that only the other readers of the gate can open
        return "", "other", False
