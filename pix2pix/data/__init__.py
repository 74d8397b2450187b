"""Pairs of pictures: where they come from, which are held out, their cache, and the batches."""

from pathlib import Path

from pix2pix.config import Config
from pix2pix.data.archive import is_archive, open_archive
from pix2pix.data.cache import CachedPairs, cached_pairs, default_cache_dir
from pix2pix.data.folder import FolderSource, has_pictures
from pix2pix.data.loading import LoadedPairs, load_pairs
from pix2pix.data.pipeline import StreamedPairs, TrainingPairs, Worker, oriented, prefetched
from pix2pix.data.source import Rows, Source, SplitPlan, decode, decode_resized

__all__ = [
    "CachedPairs",
    "LoadedPairs",
    "Rows",
    "Source",
    "SplitPlan",
    "StreamedPairs",
    "TrainingPairs",
    "Worker",
    "cached_pairs",
    "decode",
    "decode_resized",
    "default_cache_dir",
    "load_pairs",
    "open_source",
    "oriented",
    "prefetched",
]


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
