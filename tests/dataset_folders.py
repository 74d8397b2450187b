"""Writes datasets as folders of files, and lists what was found in them."""

from collections.abc import Iterable
from pathlib import Path

from pix2pix.data.layouts import Layout, find_layout


def write_files(folder: Path, names: Iterable[str]) -> Path:
    """Writes a small file for each name, and returns the folder.

    Layouts are recognized by names alone, so the files need not be pictures.
    """
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def read_layout(folder: Path, pair_layout: str = "auto") -> Layout:
    """Returns the layout of a folder that must have one."""
    layout = find_layout(folder, pair_layout)
    assert layout is not None
    return layout


def rows_of(layout: Layout) -> dict[str, list[str]]:
    """Returns the pairs of each split, each as one text: "trainA/1.png trainB/1.png"."""
    return {split: [" ".join(row) for row in rows] for split, rows in layout.splits.items()}
