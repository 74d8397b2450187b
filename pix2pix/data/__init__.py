"""Pairs of pictures: datasets, held-out split, cache and training batches."""

from pix2pix.data.cache import cache_pairs, default_cache_dir
from pix2pix.data.loading import LoadedPairs, load_pairs, open_source
from pix2pix.data.pipeline import StreamedPairs, TrainingPairs, Worker, prefetch
from pix2pix.data.source import Rows, Source, SplitPlan, decode, decode_and_resize

__all__ = [
    "LoadedPairs",
    "Rows",
    "Source",
    "SplitPlan",
    "StreamedPairs",
    "TrainingPairs",
    "Worker",
    "cache_pairs",
    "decode",
    "decode_and_resize",
    "default_cache_dir",
    "load_pairs",
    "open_source",
    "prefetch",
]
