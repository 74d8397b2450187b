"""Finds the ways in which the folders of a dataset can be understood as pairs."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from pix2pix.data.layouts.folder_names import (
    PICTURE_WORDS,
    SPLIT_WORDS,
    are_sides,
    normalize,
    read_name,
    read_qualified_name,
)
from pix2pix.data.layouts.folder_tree import Folder, FolderTree
from pix2pix.data.wording import list_names
from pix2pix.errors import UserError

TRAIN = "train"
SPLIT_ORDER = (TRAIN, "validation", "val", "test")
# The folders of each split, in one list or in one for each side.
Splits = dict[str, tuple[list[Folder], ...]]


class Place(NamedTuple):
    """What the path of a folder says.

    `prefix` are the names around the dataset, and `rest` the subfolders within a split or side.
    """

    prefix: Folder
    split: str
    side: int | None
    rest: Folder


@dataclass
class Candidate:
    """One way to understand the folders.

    Attributes:
        prefix: the folder that holds the dataset.
        sides: the two words by which the folders of A and B are known, or () if each folder holds
            whole pairs.
        folders: the folders of each split: those with whole pairs, or those of A and those of B.
        is_named: whether the name of a folder says a split or a side.
    """

    prefix: Folder
    sides: tuple[str, ...] = ()
    folders: Splits = field(default_factory=dict)
    is_named: bool = True

    @property
    def used(self) -> set[Folder]:
        """All folders that it uses."""
        return {f for sides in self.folders.values() for side in sides for f in side}

    def __str__(self) -> str:
        names = [list_folders(side, 2) for side in self.folders[TRAIN]]
        return " with ".join(names)


def folder_name(folder: Folder) -> str:
    """Returns the name of a folder in messages."""
    return "/".join(folder) or "the folder itself"


def list_folders(folders: Iterable[Folder], most: int = 5) -> str:
    """Returns the names of folders in messages."""
    return list_names([folder_name(folder) for folder in folders], most)


def place_of(folder: Folder, sides: tuple[str, ...] = (), any_side: bool = False) -> Place:
    """Reads the path of a folder; raises `UserError` when it names two splits."""
    prefix: list[tuple[int, str]] = []
    splits: list[str] = []
    found: list[int] = []
    last = -1
    for index, name in enumerate(folder):
        split, word = read_name(name)
        own = normalize(name)
        side = next((s for s, text in enumerate(sides) if text in (word, own)), None)
        if side is None and (qualified := read_qualified_name(name)) and qualified[1].word in sides:
            # realA and realB: the rest of the name groups them like a folder around them.
            prefix.append((index, qualified[0]))
            split, word = qualified[1]
            side = sides.index(word or "")
        if split:
            splits.append(split)
        if side is not None:
            found.append(side)
        if split or side is not None or (any_side and word):
            last = index
        else:
            prefix.append((index, name))
    if len(set(splits)) > 1:
        raise UserError(
            f"The folder {folder_name(folder)} names two splits ({list_names(splits)}); rename it, "
            "or pass the inner folder to --dataset_name."
        )
    before = tuple(name for index, name in prefix if index <= last or last < 0)
    rest = folder[last + 1 :] if last >= 0 else ()
    # The innermost: a folder around the dataset may have any name, even "a".
    return Place(before, splits[0] if splits else "", found[-1] if found else None, rest)


def pair_candidates(tree: FolderTree, any_words: bool = False) -> list[Candidate]:
    """Returns the ways in which two folders hold A and B, by known words for the sides.

    With `any_words`, the names of two folders side by side may be any.
    """
    if any_words:
        names = sorted(
            {normalize(n) for f in tree.pictures for n in f if read_name(n) == (None,) * 2}
        )
        words = [(a, b) for a in names for b in names if a < b] if len(names) <= 20 else []
    else:
        known = sorted(set(_side_words(tree)))
        words = [(a, b) for a in known for b in known if are_sides(a, b)]
    return [candidate for sides in words for candidate in _candidates_of_sides(tree, sides)]


def _side_words(tree: FolderTree) -> Iterator[str]:
    for name in {name for folder in tree.pictures for name in folder}:
        qualified = read_qualified_name(name)
        for parsed in (read_name(name), qualified[1] if qualified else None):
            if parsed and parsed.word:
                yield parsed.word


def _candidates_of_sides(tree: FolderTree, sides: tuple[str, str]) -> Iterable[Candidate]:
    groups: dict[Folder, Splits] = defaultdict(dict)
    for folder in sorted(tree.pictures):
        place = place_of(folder, sides)
        if place.side is not None:
            group = groups[place.prefix].setdefault(place.split, ([], []))
            group[place.side].append(folder)
    for prefix, splits in groups.items():
        whole = {split: pair for split, pair in splits.items() if all(pair)}
        if whole:
            candidate = Candidate(prefix, sides, _name_train(whole))
            for folders in candidate.folders.values():
                for side in folders:
                    _check_single(side, sides)
            yield candidate


def _name_train(splits: Splits) -> Splits:
    """Makes the folders without a split those of training, unless there are such."""
    rest = splits.pop("", None)
    if rest is not None:
        splits.setdefault(TRAIN, rest)
    return {split: splits[split] for split in SPLIT_ORDER if split in splits}


def _check_single(folders: list[Folder], sides: tuple[str, ...]) -> None:
    """Raises `UserError` when two folders have the same split and side, such as val and valid."""
    seen: dict[Folder, Folder] = {}
    for folder in folders:
        other = seen.setdefault(place_of(folder, sides).rest, folder)
        if other != folder:
            raise UserError(
                f"The folders {folder_name(other)} and {folder_name(folder)} could be the same "
                "split; merge or rename them."
            )


def are_letters(tree: FolderTree, candidate: Candidate) -> bool:
    """Returns whether the folders a and b of a candidate are two of more that are single letters.

    These are the classes of a dataset of letters.
    """
    letters = {f[-1] for f in tree.pictures if f and len(f[-1]) == 1 and f[-1].isalpha()}
    return all(len(side) == 1 for side in candidate.sides) and len(letters) > 2


def is_one_sided(folder: Folder) -> bool:
    """Returns whether a folder is named as one side of pairs, such as trainA or labels_train."""
    for name in folder:
        split, word = read_name(name)
        if word in ("a", "b") or (split and word and word not in PICTURE_WORDS):
            return True
    return False


def is_held_out(folder: Folder) -> bool:
    """Returns whether a word in the path of a folder is that of a held-out split, as in my_test."""
    words = {word for name in folder for word in re.split(r"[\W_]+", normalize(name))}
    splits = {SPLIT_WORDS[word] for word in words & SPLIT_WORDS.keys()}
    return bool(splits) and TRAIN not in splits


def joined_candidates(tree: FolderTree, covered: set[Folder]) -> list[Candidate]:
    """Returns the ways in which each picture holds a whole pair, without the folders `covered`."""
    groups: dict[Folder, dict[str, list[Folder]]] = defaultdict(lambda: defaultdict(list))
    for folder in sorted(tree.pictures):
        place = place_of(folder)
        if folder not in covered and not is_one_sided(folder):
            groups[place.prefix][place.split].append(folder)
    candidates = []
    for prefix, splits in groups.items():
        narrow = {split: _narrow(folders) for split, folders in splits.items()}
        whole: Splits = {split: (folders,) for split, folders in narrow.items() if folders}
        if whole:
            is_named = any(whole)
            candidates.append(Candidate(prefix, (), _name_train(whole), is_named))
    return candidates


def _narrow(folders: list[Folder]) -> list[Folder]:
    """Returns the folder of a split itself, or its only subfolder with pictures, else none."""
    direct = [folder for folder in folders if not place_of(folder).rest]
    _check_single(direct, ())
    if direct or len(folders) == 1:
        return direct or folders
    return []


def forced_joined_candidate(tree: FolderTree) -> Candidate:
    """Returns the candidate in which every picture holds a whole pair, whatever its folder."""
    groups: dict[Folder, dict[str, list[Folder]]] = defaultdict(lambda: defaultdict(list))
    unnamed: list[Folder] = []
    for folder in sorted(tree.pictures):
        place = place_of(folder, any_side=True)
        if place.split:
            groups[place.prefix][place.split].append(folder)
        else:
            unnamed.append(folder)
    training = [prefix for prefix, splits in groups.items() if TRAIN in splits]
    if len(training) > 1:
        raise ambiguous(tree, [folder_name(groups[p][TRAIN][0]) for p in training])
    if training:
        return Candidate(
            training[0], (), _name_train({s: (f,) for s, f in groups[training[0]].items()})
        )
    splits = {s: f for group in groups.values() for s, f in group.items()} | {TRAIN: unnamed}
    return Candidate((), (), _name_train({s: (f,) for s, f in splits.items() if f}))


def ambiguous(tree: FolderTree, names: list[str]) -> UserError:
    """Returns the error for several candidates."""
    return UserError(
        f"The pairs of {tree.name} could be in {list_names(names, last='or')}; pass the folder "
        "that holds only one of them to --dataset_name, or choose with --pair_layout left_right, "
        "top_bottom or folders."
    )
