"""Folders of pictures whose pairs are inspected."""

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from pix2pix.data import Inspection, inspect_pairs, open_source
from tests.builders import make_picture, tiny_config


def write_pictures(folder: Path, pictures: Iterable[Image.Image], suffix: str = "png") -> Path:
    """Writes <folder>/N.<suffix> and returns the dataset's folder, which is its parent."""
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        picture.save(folder / f"{number}.{suffix}")
    return folder.parent


def write_sides(root: Path, a: Iterable[Image.Image], b: Iterable[Image.Image]) -> Path:
    """Writes <root>/trainA and trainB, and returns the dataset's folder `root`."""
    write_pictures(root / "trainA", a)
    return write_pictures(root / "trainB", b)


def inspect(folder: Path, **changes) -> Inspection:
    """Returns what `inspect_pairs` finds with the config of a tiny run."""
    config = tiny_config(dataset_name=str(folder), **changes)
    source = open_source(config)
    return inspect_pairs(source, source.plan(config), config)


def pictures(count: int, width: int, height: int) -> list[Image.Image]:
    """Returns different pictures of one size."""
    return [make_picture(width, height, seed) for seed in range(count)]
