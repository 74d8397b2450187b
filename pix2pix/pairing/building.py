"""Builds a dataset of pairs: finds the files, checks all, splits them, and writes the dataset.

Every pair is read twice, once to check it and once to write it, and only one is in memory.
"""

import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pix2pix.data.wording import count
from pix2pix.environment import find_problem
from pix2pix.errors import UserError
from pix2pix.files import process_is_running
from pix2pix.pairing import dataset_card
from pix2pix.pairing.checks import Facts, check_pair, compare_pairs, describe_shift
from pix2pix.pairing.faults import FAULTS_FILE, Fault, write_faults
from pix2pix.pairing.pair_files import PairFiles, find_pairs
from pix2pix.pairing.pair_sheets import draw_pair, write_sheet
from pix2pix.pairing.pairs_settings import PairsSettings
from pix2pix.pairing.shards import ShardWriter
from pix2pix.pairing.side_reader import FileError, SideReader
from pix2pix.pairing.splitting import SPLITS, TRAIN, assign_splits, find_near_duplicates
from pix2pix.picture_files import printable

SHEET_FILE = "contact_sheet.png"
SHEET_PAIRS, PREVIEW_PAIRS = 12, 4

logger = logging.getLogger(__name__)


@dataclass
class _Checked:
    """Pairs that are useful so far, and everything that was found.

    Attributes:
        pairs: the pairs.
        facts: what is known of each.
        faults: of all pairs, also of those that are left out.
        shifted: the most shifted pairs, also of those that are left out.
    """

    pairs: list[PairFiles] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    shifted: list[tuple[PairFiles, Facts]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The names of the pairs."""
        return [pair.name for pair in self.pairs]

    @property
    def left_out(self) -> list[Fault]:
        """The faults of what is left out."""
        return [fault for fault in self.faults if fault.is_left_out]

    def find_shifted(self) -> None:
        """Sets `shifted`."""
        found = [(p, f) for p, f in zip(self.pairs, self.facts, strict=True) if f.shift]
        found.sort(key=lambda one: -max(map(abs, one[1].shift or (0,))))
        self.shifted = found[:SHEET_PAIRS]

    def leave_out(self, faults: Iterable[Fault]) -> None:
        """Adds faults, and drops the pairs that they make useless."""
        faults = list(faults)
        self.faults += faults
        useless = {fault.name for fault in faults if fault.is_left_out}
        kept = [n for n, pair in enumerate(self.pairs) if pair.name not in useless]
        self.pairs = [self.pairs[n] for n in kept]
        self.facts = [self.facts[n] for n in kept]


def build_dataset(settings: PairsSettings) -> dict[str, int]:
    """Writes the dataset to `settings.output`, and returns the number of pairs of each split.

    Logs how pairs are formed and each fault. The folder appears at once, when all of it is written.

    Raises:
        UserError: when there are no pairs, or more than `max_left_out` are useless; then nothing
            is written.
    """
    check_output(settings)
    found = find_pairs(settings)
    for note in found.notes:
        logger.info("%s", note)
    reader = SideReader(settings, found)
    checked, total = _Checked(faults=found.faults), len(found.pairs) + len(found.faults)
    _check_all(found.pairs, reader, settings, checked)
    sizes = ""
    if checked.pairs:
        checked.find_shifted()
        faults, notes = compare_pairs(checked.names, checked.facts, settings)
        checked.leave_out(faults)
        sizes = " ".join(notes)
    splits = assign_splits(checked.pairs, settings) if checked.pairs else []
    duplicates = find_near_duplicates(checked.names, splits, checked.facts, settings)
    splits = [split for number, split in enumerate(splits) if number not in duplicates]
    checked.leave_out(duplicates.values())
    for fault in checked.faults:
        logger.info("%s", fault)
    _check_left_out(checked, total, settings)
    if TRAIN not in splits:
        raise UserError("No pair is left for train, so nothing was written; choose other splits.")
    with _new_folder(settings.output, settings.overwrite_output_dir) as folder:
        _write_sheet(folder, checked, reader)
        rows = _write_splits(folder, checked, splits, reader)
        if checked.faults:
            write_faults(folder / FAULTS_FILE, checked.faults)
        palette = reader.maker.palette if reader.maker else []
        left_out = len(checked.left_out)
        dataset_card.write_card(folder, settings, rows, sizes, left_out, palette)
    if (settings.output / SHEET_FILE).exists():
        logger.info("The most shifted pairs: %s", printable(settings.output / SHEET_FILE))
    return rows


def check_output(settings: PairsSettings) -> None:
    """Raises `UserError` if --output has something that must not be replaced."""
    folder = settings.output
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--output {printable(folder)} is a file; name a folder.")
    if reason := find_problem(folder.resolve().parent):
        raise UserError(
            f"--output {printable(folder)} can't be written ({reason}); name another folder."
        )
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    from pix2pix.hub import read_dataset_card

    if not dataset_card.is_ours(read_dataset_card(str(folder), None)):
        raise UserError(
            f"--output {printable(folder)} has other files; name a new or an empty folder."
        )
    if not settings.overwrite_output_dir:
        raise UserError(
            f"--output {printable(folder)} has a dataset already: to keep it, name another folder; "
            "to replace it, add --overwrite_output_dir."
        )


def _check_all(
    pairs: list[PairFiles], reader: SideReader, settings: PairsSettings, checked: _Checked
) -> None:
    for pair in _progress(pairs, "Checking"):
        try:
            facts = check_pair(reader.read(pair), settings)
        except FileError as error:
            checked.faults.append(Fault(pair.names[error.number], str(error)))
        except UserError as error:
            checked.faults.append(Fault(pair.name, str(error)))
        else:
            checked.pairs.append(pair)
            checked.facts.append(facts)


def _progress(pairs: Iterable[Any], doing: str) -> Iterable[Any]:
    return tqdm(pairs, doing, unit=" pairs", disable=None, leave=False)


def _check_left_out(checked: _Checked, total: int, settings: PairsSettings) -> None:
    """Raises `UserError` when too many pairs are useless."""
    left_out = len({fault.name for fault in checked.left_out})
    if not checked.pairs:
        raise UserError(f"No pair can be used, so nothing was written; e.g. {checked.left_out[0]}")
    if left_out > settings.max_left_out * total:
        raise UserError(
            f"{left_out:,} of {count(total, 'pair')} can't be used, more than --max_left_out "
            f"{settings.max_left_out:g}, so nothing was written; repair or remove the pictures "
            "named above, or raise --max_left_out."
        )


def _write_splits(
    folder: Path, checked: _Checked, splits: list[str], reader: SideReader
) -> dict[str, int]:
    """Writes the Parquet files and the preview, and returns the number of pairs of each split."""
    rows: dict[str, int] = {}
    shown = set(np.linspace(0, len(splits) - 1, PREVIEW_PAIRS).astype(int).tolist())
    preview = []
    for split in SPLITS:
        own = [number for number, name in enumerate(splits) if name == split]
        if not own:
            continue
        with ShardWriter(folder, split) as shards:
            for number in _progress(own, f"Writing {split}"):
                sides = _read_again(checked.pairs[number], reader)
                shards.write(sides)
                if number in shown:
                    preview.append(draw_pair(sides, ""))
        rows[split] = shards.rows
    write_sheet(folder / dataset_card.PREVIEW_FILE, preview)
    return rows


def _read_again(pair: PairFiles, reader: SideReader) -> Any:
    try:
        return reader.read(pair)
    except UserError as error:
        raise UserError(
            f"{pair.name} has changed since it was checked ({error}); run the command again."
        ) from None


def _write_sheet(folder: Path, checked: _Checked, reader: SideReader) -> None:
    """Writes the most shifted pairs as one picture, unless no pair is shifted."""
    rows = []
    for pair, facts in checked.shifted:
        label = f"{describe_shift(facts)}: {pair.files[0].name}"
        rows.append(draw_pair(_read_again(pair, reader), label, with_overlay=True))
    if rows:
        write_sheet(folder / SHEET_FILE, rows)


@contextmanager
def _new_folder(output: Path, replaces: bool) -> Iterator[Path]:
    """Yields an empty folder beside `output`, which gets its name when the block succeeds.

    What killed processes left is deleted first.
    """
    output = output.resolve()
    output.parent.mkdir(parents=True, exist_ok=True)
    for left in output.parent.glob(f".{output.name}.*.partial"):
        if not process_is_running(int(left.name.split(".")[-2])):
            shutil.rmtree(left, ignore_errors=True)
    folder = output.parent / f".{output.name}.{os.getpid()}.partial"
    folder.mkdir()
    try:
        yield folder
        if replaces and output.exists():
            old = folder.with_suffix(".old")
            output.rename(old)
            folder.rename(output)
            shutil.rmtree(old, ignore_errors=True)
        else:
            folder.rename(output)  # replaces an empty folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
