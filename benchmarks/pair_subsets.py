"""Writes subsets of a dataset's pairs, undecoded, as folders that train_hub.py reads."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datasets import Dataset

SELECTION_BLOCKS = 4


def write_selection(dataset: str, folder: Path) -> str:
    """Writes the training pairs as two splits into `folder`, and returns it.

    The last tenth of each of four quarters is held out: neighbors stay together, since they look
    alike, and more than one region is scored. The last tenth of all pairs would be one region; on
    map-synth it is unlike all others (L1 of the color lookup 82 there, 45 on the validation pairs).
    """
    if not (folder / "data").exists():
        pairs = _load(dataset)["train"]
        rows = np.arange(len(pairs))
        held_out = np.concatenate(
            [block[-len(block) // 10 :] for block in np.array_split(rows, SELECTION_BLOCKS)]
        )
        training = np.setdiff1d(rows, held_out)
        _write({"train": pairs.select(training), "validation": pairs.select(held_out)}, folder)
    return str(folder)


def write_few(dataset: str, count: int, folder: Path) -> str:
    """Writes `count` training pairs from all over the split, and the other splits, into `folder`.

    The first pairs would be neighbors, and less varied than what a person would choose.
    """
    if not (folder / "data").exists():
        splits = _load(dataset)
        rows = np.linspace(0, len(splits["train"]) - 1, count).round().astype(int)
        _write(splits | {"train": splits["train"].select(np.unique(rows))}, folder)
    return str(folder)


def _load(dataset: str) -> "dict[str, Dataset]":
    """Returns the splits of a dataset, whose pictures stay encoded."""
    import datasets

    splits = datasets.load_dataset(dataset)
    for name, feature in splits["train"].features.items():
        if isinstance(feature, datasets.Image):
            splits = splits.cast_column(name, datasets.Image(decode=False))
    return dict(splits)


def _write(splits: "dict[str, Dataset]", folder: Path) -> None:
    unfinished = folder / "unfinished"
    unfinished.mkdir(parents=True, exist_ok=True)
    for name, pairs in splits.items():
        pairs.to_parquet(unfinished / f"{name}-00000-of-00001.parquet")
    unfinished.rename(folder / "data")
