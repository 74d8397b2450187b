"""Assigns pairs to splits, and keeps nearly equal pictures from being in two of them."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from pix2pix.data.layouts.folder_names import natural_order
from pix2pix.data.layouts.folder_tree import METADATA_FILES
from pix2pix.data.wording import count, examples, list_names
from pix2pix.errors import UserError
from pix2pix.pairing.checks import Facts
from pix2pix.pairing.faults import Fault
from pix2pix.pairing.pair_files import PairFiles, split_of
from pix2pix.pairing.pairs_settings import AUTO, BLOCKS, SUBFOLDER, PairsSettings

TRAIN, VALIDATION, TEST = SPLITS = ("train", "validation", "test")


def assign_splits(pairs: Sequence[PairFiles], settings: PairsSettings) -> list[str]:
    """Returns the split of each pair; raises `UserError` when they can't be split as asked for."""
    share = settings.validation_share
    if settings.split_by == AUTO:
        named = [pair.split for pair in pairs]
        if TRAIN in named and None not in named and len(set(named)) > 1:
            return [split or "" for split in named]
    if settings.split_by in (AUTO, BLOCKS):
        training = len(pairs) - _count_validation(len(pairs), share)
        return [TRAIN] * training + [VALIDATION] * (len(pairs) - training)
    if settings.split_by == SUBFOLDER:
        groups = [pair.folder for pair in pairs]
    else:
        groups = _read_column(pairs, settings)
    splits = [split_of(group) for group in groups]
    if TRAIN in splits and None not in splits:
        return [split or "" for split in splits]
    return _split_groups(groups, share, settings.split_by)


def _count_validation(total: int, share: float) -> int:
    """Returns the number of validation pairs: at least one, unless none are asked for."""
    return min(max(1, round(total * share)), total - 1) if share else 0


def _split_groups(groups: Sequence[str], share: float, split_by: str) -> list[str]:
    """Gives the last groups to validation, until they hold its share, and the others to train."""
    sizes = Counter(groups)
    if len(sizes) < 2:
        raise UserError(
            f"--split_by {split_by} needs two groups or more, and all pairs are in one; leave it "
            "out to split them into blocks."
        )
    wanted, held_out = _count_validation(len(groups), share), set[str]()
    for group in sorted(sizes, key=natural_order, reverse=True)[:-1]:
        if sum(sizes[name] for name in held_out) < wanted:
            held_out.add(group)
    return [VALIDATION if group in held_out else TRAIN for group in groups]


def _read_column(pairs: Sequence[PairFiles], settings: PairsSettings) -> list[str]:
    """Returns the value of the column --split_by for each pair."""
    column, values = settings.split_by, dict[Path, str]()
    tables = [Path(source) / name for source in settings.source for name in METADATA_FILES]
    tables = [table for table in tables if table.is_file()]
    for table in tables:
        for row in _read_rows(table):
            if column not in row:
                raise UserError(
                    f"{table} has no column {column}; its columns are {list_names(list(row))}."
                )
            # Any cell may name the file, since there is no one name for that column.
            values |= {
                (table.parent / cell).resolve(): str(row[column])
                for cell in row.values()
                if isinstance(cell, str) and cell
            }
    if not tables:
        raise UserError(
            f"--split_by {column} names a column, and the sources have no metadata.csv or "
            "metadata.jsonl; without a table, choose blocks or subfolder."
        )
    found = [_first(values, pair.files) for pair in pairs]
    missing = [pair.name for pair, value in zip(pairs, found, strict=True) if not value]
    if missing:
        raise UserError(
            f"{count(len(missing), 'pair')} have no {column} in {tables[0]}, e.g. "
            f"{examples(missing)}; add them, or leave out --split_by."
        )
    return [value or "" for value in found]


def _first(values: Mapping[Path, str], files: Iterable[Path]) -> str | None:
    return next((values[f] for file in files if (f := file.resolve()) in values), None)


def _read_rows(table: Path) -> Iterable[dict]:
    """Yields the rows of a metadata file as dicts."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            if table.suffix == ".csv":
                yield from csv.DictReader(file)
            else:
                for line in filter(str.strip, file):
                    row = json.loads(line)
                    if not isinstance(row, dict):
                        raise ValueError(f"{line[:40].strip()} is not a JSON object")
                    yield row
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{table} can't be read ({error}); repair it.") from None


def find_near_duplicates(
    names: Sequence[str], splits: Sequence[str], facts: Sequence[Facts], settings: PairsSettings
) -> dict[int, Fault]:
    """Returns the pairs that nearly equal a pair of another split, by their number.

    Of two such pairs, the one in train is returned, so that what remains in validation is unlike
    all of train; between validation and test, the one in validation.
    """
    hashes = choose_hashes(facts, settings)
    faults: dict[int, Fault] = {}
    kept = np.zeros(0, int)  # the pairs of the splits before this one
    for split in reversed(SPLITS):
        own = np.array([n for n, name in enumerate(splits) if name == split], int)
        for number in own if len(kept) else ():
            distances = np.bitwise_count(hashes[kept] ^ hashes[number])
            nearest = int(distances.argmin())
            if distances[nearest] <= settings.duplicate_distance:
                other = int(kept[nearest])
                faults[int(number)] = Fault(
                    names[number],
                    f"It looks nearly the same as {names[other]}, which is in {splits[other]}.",
                )
        kept = np.concatenate([kept, [number for number in own if number not in faults]]).astype(
            int
        )
    return faults


def choose_hashes(facts: Sequence[Facts], settings: PairsSettings) -> np.ndarray:
    """Returns the hashes of the side by which pairs are compared, (N,) uint64.

    It is the photo, if A is made from it; else the side with more different hashes. Label maps of
    other scenes can be alike: of 400 times 78 maps of map-synth, 24 have equal hashes, but no
    photos differ by less than 12 bits.
    """
    sides = np.array([fact.hashes for fact in facts], np.uint64).reshape(-1, 2)
    different = [len(np.unique(sides[:, side])) for side in range(2)]
    return sides[:, 1 if settings.make or different[1] > different[0] else 0]
