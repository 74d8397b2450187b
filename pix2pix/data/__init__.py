"""Pairs of pictures: datasets, held-out split, cache and training batches."""

from pix2pix.data.cache import cache_pairs
from pix2pix.data.decoding import Decoder
from pix2pix.data.held_out import HeldOutPairs, spread_evenly
from pix2pix.data.inspection import Inspection, describe_pairs, inspect_pairs
from pix2pix.data.loading import LoadedPairs, check_dataset, load_pairs, open_source
from pix2pix.data.pipeline import StreamedPairs, TrainingPairs, Worker, prefetch
from pix2pix.data.preview import preview_pairs
from pix2pix.data.source import Rows, Source, SplitPlan
from pix2pix.environment import default_cache_dir

__all__ = [
    "Decoder",
    "HeldOutPairs",
    "Inspection",
    "LoadedPairs",
    "Rows",
    "Source",
    "SplitPlan",
    "StreamedPairs",
    "TrainingPairs",
    "Worker",
    "cache_pairs",
    "check_dataset",
    "default_cache_dir",
    "describe_pairs",
    "inspect_pairs",
    "load_pairs",
    "open_source",
    "prefetch",
    "preview_pairs",
    "spread_evenly",
]
