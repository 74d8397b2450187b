"""Finds the files of the pairs: side by side in one picture, in two folders, or single photos."""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pix2pix.data.layouts import find_layout
from pix2pix.data.layouts.folder_names import SPLIT_WORDS, natural_order, normalize, split_ending
from pix2pix.data.layouts.pairing import pair_sides
from pix2pix.data.wording import count, list_names
from pix2pix.errors import UserError
from pix2pix.pairing.faults import Fault
from pix2pix.pairing.pairs_settings import PairsSettings
from pix2pix.picture_files import PictureFile, find_pictures, printable


@dataclass(frozen=True, slots=True)
class PairFiles:
    """The files of one pair.

    Attributes:
        names: what messages call its files: their paths below what all sources share.
        files: A and B; or one file, which holds both or is the photo that A is made from.
        folder: the first subfolder of the source that the file is in, or "".
        split: the split that the folders say, as in val/1.jpg, or None.
    """

    names: tuple[str, ...]
    files: tuple[Path, ...]
    folder: str
    split: str | None

    @property
    def name(self) -> str:
        """What messages call the pair."""
        return " and ".join(self.names)


@dataclass
class FoundPairs:
    """The pairs that were found, in natural order of their names.

    Attributes:
        kind: whether a pair is one picture of two halves, two files, or made from a photo.
        pairs: their files.
        faults: files that are not part of a pair.
        notes: sentences for the user about how pairs are formed.
    """

    kind: Literal["joined", "two_files", "made"]
    pairs: list[PairFiles]
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def split_of(word: str) -> str | None:
    """Returns train, validation or test for a word such as "val", or None for any other."""
    split = SPLIT_WORDS.get(normalize(word))
    return "validation" if split == "val" else split


class _Namer:
    """Names files without the folders around the sources, which may say whose they are."""

    def __init__(self, sources: Iterable[str]):
        folders = set()
        for source in sources:
            path = Path(source).absolute()
            while not path.is_dir():
                path = path.parent
            folders.add(path)
        shared = Path(os.path.commonpath(folders))
        self._root = shared.parent if shared in folders else shared

    def name(self, file: Path) -> str:
        return printable(os.path.relpath(file, self._root))

    def pair(self, relative: Path, *files: Path, split: str | None = None) -> PairFiles:
        """Returns the pair of `files`, of which the first lies at `relative` in its source."""
        folder = relative.parts[0] if len(relative.parts) > 1 else ""
        names = tuple(map(self.name, files))
        return PairFiles(names, files, folder, split or split_of(folder))


def find_pairs(settings: PairsSettings) -> FoundPairs:
    """Finds the pairs in the sources; raises `UserError` when there are none."""
    folders = [Path(name) for name in settings.source if Path(name).is_dir()]
    _check_output(settings.output, folders)
    namer = _Namer(settings.source)
    is_plain = not settings.make and len(folders) == len(settings.source)
    if is_plain and len(folders) == 2:
        found = _pair_folders(settings, folders, namer)
    elif is_plain and len(folders) == 1:
        found = _pairs_of_layout(folders[0], settings, namer)
    else:
        pictures = _search(settings.source, settings.output)
        pairs = [namer.pair(picture.relative, picture.path) for picture in pictures]
        found = FoundPairs("made" if settings.make else "joined", pairs)
    if not found.pairs:
        raise UserError(f"There are no pictures in {list_names(settings.source)}; check the names.")
    return found


def _check_output(output: Path, sources: Iterable[Path]) -> None:
    """Raises `UserError` if the dataset would be written into a source, which would grow by it."""
    for source in sources:
        if output.resolve().is_relative_to(source.resolve()):
            raise UserError(
                f"--output {printable(output)} lies in the source {printable(source)}; name a "
                "folder outside of it."
            )


def _search(names: Iterable[str], output: Path) -> list[PictureFile]:
    """Returns the pictures in natural order; raises `UserError` for a name without a file."""
    search = find_pictures(names, output)
    if search.problems:
        raise UserError(search.problems[0])
    return sorted(search.pictures, key=lambda p: [natural_order(part) for part in p.path.parts])


def _pairs_of_layout(folder: Path, settings: PairsSettings, namer: _Namer) -> FoundPairs:
    """Finds the pairs in one folder as the training does."""
    layout = find_layout(folder, settings.pair_layout)
    if layout is None:
        raise UserError(
            f"{printable(folder)} is a dataset of tables already, on which you can train; "
            "pix2pix pairs reads files of pictures."
        )
    pairs = [
        namer.pair(Path(row[0]), *(folder / name for name in row), split=split_of(split))
        for split, rows in layout.splits.items()
        for row in rows
    ]
    kind: Literal["joined", "two_files"] = "joined" if len(pairs[0].files) == 1 else "two_files"
    return FoundPairs(kind, pairs, notes=list(layout.notes))


def _pair_folders(settings: PairsSettings, folders: list[Path], namer: _Namer) -> FoundPairs:
    """Pairs the files of two folders by name, and says which of them have no clear partner."""
    sides: list[dict[str, PictureFile]] = []
    for folder in folders:
        pictures = _search([str(folder)], settings.output)
        sides.append({picture.relative.as_posix(): picture for picture in pictures})
    faults = _take_twins(sides, namer)
    result = pair_sides(*sides)
    if not result.pairs:
        raise UserError(
            f"No picture in {printable(folders[0])} has the name of one in "
            f"{printable(folders[1])}; the two pictures of a pair need the same name, apart from "
            "what all names of a folder begin or end with."
        )
    a, b = sides
    for side, other, paired in zip(
        sides, reversed(folders), map(set, zip(*result.pairs, strict=True)), strict=True
    ):
        faults += [
            Fault(namer.name(side[name].path), f"There is no partner of it in {namer.name(other)}.")
            for name in sorted({*side} - paired, key=natural_order)
        ]
    pairs = [
        namer.pair(a[first].relative, a[first].path, b[second].path)
        for first, second in result.pairs
    ]
    notes = [f"Two pictures with {result.rule} are a pair: {count(len(pairs), 'pair')}."]
    if len(a) != len(b):
        names = [printable(folder) for folder in folders]
        notes.append(f"{names[0]} has {len(a):,} pictures, but {names[1]} has {len(b):,}.")
    return FoundPairs("two_files", pairs, faults, notes)


def _take_twins(sides: list[dict[str, PictureFile]], namer: _Namer) -> list[Fault]:
    """Removes files whose partner is not clear, as of 1.jpg beside 1.png, and returns the faults.

    Where both folders have exactly the same names, each partner is clear.
    """
    if sides[0].keys() == sides[1].keys():
        return []
    groups = [_by_stem(side) for side in sides]
    faults = []
    for stem in sorted(groups[0].keys() | groups[1].keys(), key=natural_order):
        names = [group.get(stem, []) for group in groups]
        if max(map(len, names)) < 2:
            continue
        twins = max(range(2), key=lambda side: len(names[side]))
        partners = [namer.name(sides[1 - twins][name].path) for name in names[1 - twins]]
        whose = f" the partner of {list_names(partners)}" if partners else " its partner"
        first, *rest = (namer.name(sides[twins][name].path) for name in names[twins])
        faults.append(
            Fault(
                first,
                f"{list_names(rest)} has the same name but for the ending, so{whose} is not clear; "
                "keep one of them.",
            )
        )
        for side, taken in zip(sides, names, strict=True):
            for name in taken:
                del side[name]
    return faults


def _by_stem(names: Iterable[str]) -> dict[str, list[str]]:
    """Groups the names that differ in the ending, in capitals or in the encoding of accents."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        stem = split_ending(unicodedata.normalize("NFC", name))[0].casefold()
        groups[stem].append(name)
    return groups
