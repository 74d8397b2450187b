"""Opens a dataset, and makes of it what a run needs: batches, held-out pairs, what was left out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix.config import Config
from pix2pix.data.archive import is_archive, open_archive
from pix2pix.data.cache import cached_pairs, default_cache_dir
from pix2pix.data.folder import FolderSource, has_pictures
from pix2pix.data.pipeline import StreamedPairs, TrainingPairs, Worker
from pix2pix.data.source import Rows, Source, SplitPlan

# Without a cache, the baselines are fitted on this many of the first training pairs.
REFERENCE_PAIRS = 512


@dataclass(frozen=True)
class LoadedPairs:
    """What `load_pairs` made of a dataset.

    Attributes:
        batches: endless training batches.
        reference: training pairs for the baselines, (N, 2, L, L, 3) uint8.
        held_out: (K, 2, S, S, 3) uint8.
        skipped: rows of either side that could not be read.
    """

    source: Source
    plan: SplitPlan
    batches: TrainingPairs | StreamedPairs
    reference: np.ndarray
    held_out: np.ndarray
    skipped: dict[str, list[int]]


def open_source(config: Config, cache_dir: Path | None = None) -> Source:
    """The dataset that `config.dataset_name` means: an archive, a folder, or a Hub id.

    Raises `UserError` when it is missing or can't be read.
    """
    source = _open(config, cache_dir)
    source.grey = config.grey_sides
    return source


def _open(config: Config, cache_dir: Path | None) -> Source:
    name = config.dataset_name
    if is_archive(name):
        return open_archive(name, cache_dir or default_cache_dir())
    if Path(name).is_dir() and has_pictures(Path(name)):
        return FolderSource(Path(name))
    # Importing `datasets` takes a second that folders of pictures need not wait for.
    from pix2pix.data.streamed import StreamedSource

    return StreamedSource(config)


def load_pairs(
    source: Source,
    config: Config,
    cache: str,
    folder: Path,
    worker: Worker = Worker(),  # noqa: B008
) -> LoadedPairs:
    """Caches both sides of `source` as `cache` says: on "disk" in `folder`, in "memory", "none".

    `worker` says which part of each batch this process draws.
    Held-out pairs are few and needed whole: without a disk cache they stay in memory.
    """
    plan = source.plan(config)
    place = folder if cache == "disk" else None
    batches: TrainingPairs | StreamedPairs
    if cache == "none":
        few = Rows(plan.train.split, plan.train.start, min(REFERENCE_PAIRS, plan.train.stop))
        training = cached_pairs(source, few, config.load_size, None)
        batches = StreamedPairs(source, plan.train, config, worker)
    else:
        training = cached_pairs(source, plan.train, config.load_size, place)
        batches = TrainingPairs(training.pairs, config, worker)
    held_out = cached_pairs(source, plan.held_out, config.image_size, place)
    skipped = {"train": list(training.skipped), "held_out": list(held_out.skipped)}
    return LoadedPairs(source, plan, batches, training.pairs, held_out.pairs, skipped)
