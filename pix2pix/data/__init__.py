"""Pairs of pictures: where they come from, which are held out, their cache, and the batches."""

from pix2pix.data.cache import cached_pairs, default_cache_dir
from pix2pix.data.pipeline import TrainingPairs
from pix2pix.data.source import PairSource, Rows, SplitPlan, open_source

__all__ = [
    "PairSource",
    "Rows",
    "SplitPlan",
    "TrainingPairs",
    "cached_pairs",
    "default_cache_dir",
    "open_source",
]
