"""Opens a dataset and loads what a run needs: batches, reference pairs and held-out pairs."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from pix2pix.config import Config
from pix2pix.data.archive import is_archive, open_archive
from pix2pix.data.cache import Pairs, cache_pairs
from pix2pix.data.decoding import Decoder
from pix2pix.data.folder import FolderSource
from pix2pix.data.held_out import HeldOutPairs, spread_evenly
from pix2pix.data.inspection import inspect_pairs
from pix2pix.data.layouts import find_layout
from pix2pix.data.pipeline import StreamedPairs, TrainingPairs, Worker
from pix2pix.data.source import Rows, Source, SplitPlan
from pix2pix.data.target_colors import find_target_colors
from pix2pix.environment import default_cache_dir
from pix2pix.errors import UserError
from pix2pix.formats import PICTURE_SUFFIXES
from pix2pix.geometry import SQUARE, Size, middle_square

# Without a cache, the baselines are fitted to this many of the first training pairs.
REFERENCE_PAIRS = 512
# Training pairs that stand for held-out pairs in progress pictures and samples.
EXAMPLES = 12
# A name of another form can only be a path, and so can a name that ends like a file.
HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
FILE_SUFFIXES = PICTURE_SUFFIXES | {
    ".tar", ".gz", ".tgz", ".zip", ".7z", ".rar", ".bz2", ".xz", ".parquet", ".arrow", ".csv",
    ".json", ".jsonl", ".txt",
}  # fmt: skip
HUB_PAGE = re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/datasets/([^/]+/[^/?#]+)")


@dataclass(frozen=True)
class LoadedPairs:
    """A dataset that is ready for training and evaluation.

    Attributes:
        source: the dataset.
        plan: the rows of each block.
        batches: endless training batches.
        reference: training pairs for the baselines, (N, 2, L, L, 3) uint8 with L = `load_size`. At
            native scale, the middle squares of some pairs, with L = `image_size`.
        selection: selection pairs, (K, 2, S, S, 3) uint8 with S = `image_size`, made square as for
            training; none without validation.
        held_out: held-out pairs in their own proportions, the longer side `image_size`.
        pair_aspects: smallest and largest width / height of the training pairs (of `reference`). At
            native scale, (1, 1), because the crops are square.
        pair_sizes: width and height of the smallest and of the largest A of the same pairs.
        skipped: unreadable rows, by block of rows. Without a cache, training rows after the first
            `REFERENCE_PAIRS` are added when the training comes to them.
    """

    source: Source
    plan: SplitPlan
    batches: TrainingPairs | StreamedPairs
    reference: np.ndarray
    selection: np.ndarray
    held_out: HeldOutPairs
    pair_aspects: tuple[float, float]
    pair_sizes: tuple[Size, Size]
    skipped: dict[str, list[int]]

    @property
    def examples(self) -> HeldOutPairs:
        """Pairs to show: the held-out pairs, or training pairs where none are held out."""
        if len(self.held_out):
            return self.held_out
        side = self.held_out.boxes.shape[2]
        margin = (self.reference.shape[2] - side) // 2
        middle = slice(margin, margin + side)
        boxes = np.asarray(self.reference[:EXAMPLES, :, middle, middle])
        return HeldOutPairs(boxes, [(side, side)] * len(boxes), self.source.decoder)


def check_dataset(config: Config) -> Config:
    """Checks, without reading it, that the dataset can exist; returns the config with `~` expanded.

    Raises `UserError` for a path with nothing there, for a URL that is no archive, and for flags
    that only datasets on the Hub have.
    """
    name = config.dataset_name
    is_remote_archive = urlsplit(name).scheme in ("http", "https")
    if is_remote_archive and not is_archive(name):
        page = HUB_PAGE.match(name)
        hint = f"; use the id of the dataset: {page[1]}" if page else ""
        raise UserError(f"{name} is not the URL of a .tar.gz, .tgz, .tar or .zip archive{hint}.")
    path = Path(name).expanduser() if name.startswith("~") else Path(name)
    if not is_remote_archive and not path.exists():
        if HUB_ID.fullmatch(name) and path.suffix.lower() not in FILE_SUFFIXES:
            return config
        raise UserError(f"There is no folder or file {name}; check the path.")
    if config.dataset_revision:
        raise UserError(
            f"--dataset_revision names a commit on the Hub, and {name} is not there; leave it out."
        )
    return config if is_remote_archive else replace(config, dataset_name=str(path))


def open_source(config: Config, cache_dir: Path | None = None) -> Source:
    """Opens the dataset `config.dataset_name`: an archive, a folder, a file or a Hub id.

    Archives are unpacked into `cache_dir`. Raises `UserError` when the dataset is missing or can't
    be read.
    """
    config = check_dataset(config)
    source = _open(config, cache_dir)
    source.decoder = Decoder.of_config(config)
    return source


def _open(config: Config, cache_dir: Path | None) -> Source:
    name, path = config.dataset_name, Path(config.dataset_name)
    columns = (config.input_column, config.target_column)
    if is_archive(name):
        _refuse_configuration(config, "an archive")
        return open_archive(name, cache_dir or default_cache_dir(), config.pair_layout, columns)
    # Importing `datasets` takes a second, which folders of pictures do not need.
    if path.is_dir():
        if is_saved_dataset(path):
            from pix2pix.data.saved import SavedSource

            _refuse_configuration(config, "a folder of save_to_disk")
            return SavedSource(path, config)
        if layout := find_layout(path, config.pair_layout, columns, name):
            _refuse_configuration(config, "a folder of images")
            return FolderSource(path, name, layout=layout)
    from pix2pix.data.streamed import FILE_BUILDERS, StreamedSource

    if path.is_file():
        if path.suffix.lower() not in FILE_BUILDERS:
            kinds = ", ".join(FILE_BUILDERS)
            raise UserError(
                f"{name} is a file, but no archive and no table ({kinds}); choose the folder that "
                "has the pairs."
            )
        _refuse_configuration(config, "a file")
    return StreamedSource(config)


def _refuse_configuration(config: Config, kind: str) -> None:
    if config.dataset_config:
        raise UserError(
            f"--dataset_config chooses among the configurations of a dataset; "
            f"{config.dataset_name} is {kind} and has none, so leave it out."
        )


def is_saved_dataset(folder: Path) -> bool:
    """Returns whether `save_to_disk` of `datasets` wrote the folder."""
    if (folder / "dataset_dict.json").is_file():
        return True
    return all((folder / name).is_file() for name in ("state.json", "dataset_info.json"))


def load_pairs(
    source: Source,
    config: Config,
    cache: str,
    folder: Path,
    worker: Worker = Worker(),  # noqa: B008
) -> LoadedPairs:
    """Caches the rows of `source` that the run uses, and prepares its batches.

    Looks at a sample of the rows first, unless that was done before.

    Args:
        source: the dataset.
        config: the run's settings.
        cache: "disk" caches in `folder`; "memory" caches in memory; "none" streams the training
            rows in each epoch and keeps only the other pairs in memory.
        folder: the cache folder.
        worker: this machine, which draws its part of each batch.
    """
    plan = source.plan(config)
    if source.inspection is None:
        inspect_pairs(source, plan, config)
    cache_dir = folder if cache == "disk" else None
    batches: TrainingPairs | StreamedPairs
    skipped: dict[str, list[int]] = {}
    if cache == "none":
        first = Rows(plan.train.split, plan.train.start, min(REFERENCE_PAIRS, plan.train.stop))
        side = config.load_size or config.image_size
        training = cache_pairs(source, first, side, None, as_served=config.is_native)
        skipped["train"] = list(training.skipped)
        batches = StreamedPairs(source, plan.train, config, worker, skipped["train"])
    else:
        training = cache_pairs(source, plan.train, config.load_size, cache_dir)
        skipped["train"] = list(training.skipped)
        batches = TrainingPairs(training.pairs, config, worker)
    selection = np.empty((0, 2, config.image_size, config.image_size, 3), np.uint8)
    if plan.selection:
        cached = cache_pairs(
            source, plan.selection, config.image_size, cache_dir, as_served=config.is_native
        )
        selection = np.asarray(cached.pairs)
        skipped["selection"] = list(cached.skipped)
    # An empty file can't be mapped to memory.
    held_out_dir = cache_dir if plan.held_out else None
    served = cache_pairs(source, plan.held_out, config.image_size, held_out_dir, as_served=True)
    skipped["held_out"] = list(served.skipped)
    held_out = HeldOutPairs.of_cache(served, source.decoder)
    aspects = SQUARE if config.is_native else _aspects(training.sizes)
    reference = _take_reference(training.pairs, config.image_size)
    batches.target_colors = find_target_colors(reference, config)
    sizes = _find_extreme_sizes(training.sizes)
    return LoadedPairs(
        source, plan, batches, reference, selection, held_out, aspects, sizes, skipped
    )


def _take_reference(pairs: Pairs, side: int) -> np.ndarray:
    """Returns all pairs that have one size, or the middle squares of up to `REFERENCE_PAIRS`."""
    if isinstance(pairs, np.ndarray):
        return pairs
    indices = spread_evenly(len(pairs), REFERENCE_PAIRS)
    return np.stack([middle_square(pairs[index], side) for index in indices])


def _find_extreme_sizes(sizes: np.ndarray) -> tuple[Size, Size]:
    """Returns the smallest and the largest of (N, 2) sizes, by their number of pixels."""
    ordered = sorted(map(tuple, sizes.tolist()), key=lambda size: size[0] * size[1])
    return ordered[0], ordered[-1]


def _aspects(sizes: np.ndarray) -> tuple[float, float]:
    """Returns the smallest and largest width / height of (N, 2) sizes, with four decimals."""
    aspects = np.round(sizes[:, 0] / sizes[:, 1], 4)
    return float(aspects.min()), float(aspects.max())
