"""Pairs of pictures: where they come from, which are held out, their cache, and the batches."""

from pix2pix.data.cache import cached_pairs, default_cache_dir
from pix2pix.data.loading import LoadedPairs, load_pairs, open_source
from pix2pix.data.pipeline import StreamedPairs, TrainingPairs, Worker, prefetched
from pix2pix.data.source import Rows, Source, SplitPlan, decode, decode_resized

__all__ = [
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
    "prefetched",
]
