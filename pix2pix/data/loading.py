"""Opens a dataset and loads what a run needs: batches, reference pairs and held-out pairs."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix.config import Config
from pix2pix.data.archive import is_archive, open_archive
from pix2pix.data.cache import cache_pairs, default_cache_dir
from pix2pix.data.folder import FolderSource, has_pictures
from pix2pix.data.pipeline import StreamedPairs, TrainingPairs, Worker
from pix2pix.data.source import Rows, Source, SplitPlan

# Without a cache, the baselines are fitted to this many of the first training pairs.
REFERENCE_PAIRS = 512


@dataclass(frozen=True)
class LoadedPairs:
    """A dataset that is ready for training and evaluation.

    Attributes:
        source: the dataset.
        plan: the rows of both splits.
        batches: endless training batches.
        reference: training pairs for the baselines, (N, 2, L, L, 3) uint8 with L = `load_size`.
        held_out: held-out pairs, (K, 2, S, S, 3) uint8 with S = `image_size`.
        skipped: unreadable rows, under "train" and "held_out".
    """

    source: Source
    plan: SplitPlan
    batches: TrainingPairs | StreamedPairs
    reference: np.ndarray
    held_out: np.ndarray
    skipped: dict[str, list[int]]


def open_source(config: Config, cache_dir: Path | None = None) -> Source:
    """Opens the dataset `config.dataset_name`: an archive, a folder or a Hub id.

    Archives are unpacked into `cache_dir`. Raises `UserError` when the dataset is missing or can't
    be read.
    """
    source = _open(config, cache_dir)
    source.gray = config.gray_sides
    return source


def _open(config: Config, cache_dir: Path | None) -> Source:
    name = config.dataset_name
    if is_archive(name):
        return open_archive(name, cache_dir or default_cache_dir())
    if Path(name).is_dir() and has_pictures(Path(name)):
        return FolderSource(Path(name))
    # Importing `datasets` takes a second, which folders of pictures do not need.
    from pix2pix.data.streamed import StreamedSource

    return StreamedSource(config)


def load_pairs(
    source: Source,
    config: Config,
    cache: str,
    folder: Path,
    worker: Worker = Worker(),  # noqa: B008
) -> LoadedPairs:
    """Caches the training and held-out rows of `source` and prepares its batches.

    Args:
        source: the dataset.
        config: the run's settings.
        cache: "disk" caches in `folder`; "memory" caches in memory; "none" streams the training
            rows in each epoch and keeps only the held-out pairs in memory.
        folder: the cache folder.
        worker: this machine, which draws its part of each batch.
    """
    plan = source.plan(config)
    cache_dir = folder if cache == "disk" else None
    batches: TrainingPairs | StreamedPairs
    if cache == "none":
        first = Rows(plan.train.split, plan.train.start, min(REFERENCE_PAIRS, plan.train.stop))
        training = cache_pairs(source, first, config.load_size, None)
        batches = StreamedPairs(source, plan.train, config, worker)
    else:
        training = cache_pairs(source, plan.train, config.load_size, cache_dir)
        batches = TrainingPairs(training.pairs, config, worker)
    held_out = cache_pairs(source, plan.held_out, config.image_size, cache_dir)
    skipped = {"train": list(training.skipped), "held_out": list(held_out.skipped)}
    return LoadedPairs(source, plan, batches, training.pairs, held_out.pairs, skipped)
