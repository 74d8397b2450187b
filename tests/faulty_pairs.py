"""Two folders of pictures, and twenty faults that are planted among them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from tests.builders import make_picture

SIDE = 96


def write_two_folders(folder: Path, count: int, side: int = SIDE) -> tuple[Path, Path]:
    """Writes pairs 0000.jpg and 0000.png, ... to the folders `a` and `b`, of a seed each."""
    a, b = folder / "a", folder / "b"
    a.mkdir(parents=True)
    b.mkdir()
    for number in range(count):
        photo = make_picture(side, side, number)
        photo.save(a / f"{number:04d}.jpg", quality=95)
        Image.fromarray(np.asarray(photo)[..., [2, 0, 1]]).save(b / f"{number:04d}.png")
    return a, b


def write_photos(folder: Path, count: int, side: int = SIDE) -> Path:
    """Writes photos 0000.jpg, ... to `folder`."""
    folder.mkdir(parents=True)
    for number in range(count):
        make_picture(side, side, number).save(folder / f"{number:04d}.jpg", quality=95)
    return folder


def plant_faults(a: Path, b: Path, last: int) -> dict[str, str]:
    """Damages twenty pairs of `write_two_folders`, of which the last are validation pairs.

    Returns what the message about each must say, by the name of the file that it must name.
    """
    faults: dict[str, str] = {}

    def plant(number: int, says: str, damage: Callable[[Path, Path], object], side: str = "a"):
        paths = a / f"{number:04d}.jpg", b / f"{number:04d}.png"
        damage(*paths)
        faults[f"{side}/{paths['ab'.index(side)].name}"] = says

    def shift(path: Path, across: int, down: int) -> None:
        Image.fromarray(np.roll(np.asarray(Image.open(path)), (down, across), (0, 1))).save(path)

    def convert(path: Path, mode: str) -> None:
        Image.open(path).convert(mode).save(path)

    plant(0, "damaged or cut short", lambda x, y: x.write_bytes(x.read_bytes()[:900]))
    plant(1, "file is empty", lambda x, y: y.write_bytes(b""), "b")
    plant(2, "not a picture", lambda x, y: x.write_bytes(b"just text\n" * 50))
    plant(3, "a PDF", lambda x, y: y.write_bytes(b"%PDF-1.7 " + bytes(100)), "b")
    plant(4, "can't be read", lambda x, y: (x.unlink(), x.symlink_to("nowhere.jpg")))
    plant(5, "A is one flat color", lambda x, y: Image.new("RGB", (SIDE, SIDE), "red").save(x))
    plant(6, "B is one flat color", lambda x, y: Image.new("RGB", (SIDE, SIDE)).save(y), "b")
    plant(7, "no partner", lambda x, y: y.unlink())
    plant(8, "no partner", lambda x, y: x.unlink(), "b")
    plant(9, "same name but for the ending", lambda x, y: shutil.copy(x, x.with_suffix(".webp")))
    plant(10, "same part of the scene", lambda x, y: make_picture(96, 60, 900).save(y), "b")
    plant(11, "A has 96x96 pixels, but B 48x48", lambda x, y: make_picture(48, 48, 11).save(y), "b")
    plant(12, "A is gray", lambda x, y: convert(x, "L"))
    plant(13, "A is CMYK", lambda x, y: convert(x, "CMYK"))
    plant(14, "B is RGB with transparency", lambda x, y: convert(y, "RGBA"), "b")
    plant(15, "shifted by about 14 pixels to the right;", lambda x, y: shift(y, 14, 0), "b")
    plant(16, "pixels up", lambda x, y: shift(y, 8, -15), "b")
    plant(17, "the same picture", lambda x, y: Image.open(x).save(y))
    plant(18, f"{last:04d}.jpg", lambda x, y: _copy_pair(a, b, last, x, y, 60))
    plant(19, f"{last - 1:04d}.jpg", lambda x, y: _copy_pair(a, b, last - 1, x, y, 90, 1.1))
    return faults


def _copy_pair(a: Path, b: Path, number: int, x: Path, y: Path, quality: int, bright: float = 1.0):
    """Saves a pair anew as another one: worse, and brighter."""
    for source, target in ((a / f"{number:04d}.jpg", x), (b / f"{number:04d}.png", y)):
        image = ImageEnhance.Brightness(Image.open(source)).enhance(bright)
        image.save(target, quality=quality)
