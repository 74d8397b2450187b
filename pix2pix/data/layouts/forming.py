"""Forms the pairs of a dataset whose folders are understood."""

from dataclasses import replace

from pix2pix.data.layouts.candidates import TRAIN, Candidate, list_folders, place_of
from pix2pix.data.layouts.folder_names import natural_order
from pix2pix.data.layouts.folder_tree import Folder, FolderTree
from pix2pix.data.layouts.pairing import NamePairs, pair_by_words, pair_sides
from pix2pix.data.wording import count, examples, list_names
from pix2pix.errors import UserError

# The names of a pair's files, relative to the folder of the dataset.
Row = tuple[str, ...]


def form_pairs(
    tree: FolderTree, candidate: Candidate, pair_layout: str
) -> tuple[dict[str, list[Row]], list[str]]:
    """Returns the pairs of each split, and sentences that say how they are formed."""
    if candidate.sides:
        return _pairs_of_two_folders(tree, candidate)
    files = {split: _files(tree, sides[0]) for split, sides in candidate.folders.items()}
    where = list_folders(candidate.folders.get(TRAIN, next(iter(candidate.folders.values())))[0])
    words = None
    if pair_layout in ("auto", "folders"):
        words = _words_of_names(tree, files, where, pair_layout == "folders")
    if words:
        return _pairs_of_two_names(tree, candidate, files, words)
    a, b = "on the left", "on the right"
    if pair_layout == "top_bottom":
        a, b = "at the top", "below"
    sentences = [f"Each picture holds a pair: A {a}, B {b}."]
    for split, (folders,) in candidate.folders.items():
        pairs = count(len(files[split]), "pair")
        sentences.append(f"Split {split}: {pairs} in {list_folders(folders)}.")
    return {split: [(name,) for name in names] for split, names in files.items()}, sentences


def _files(tree: FolderTree, folders: list[Folder]) -> list[str]:
    """Returns the pictures in `folders`, relative to the dataset, in natural order."""
    ordered = sorted(folders, key=lambda folder: [natural_order(part) for part in folder])
    return [
        "/".join((*folder, name))
        for folder in ordered
        for name in sorted(tree.pictures[folder], key=natural_order)
    ]


def _words_of_names(
    tree: FolderTree, files: dict[str, list[str]], where: str, any_words: bool
) -> tuple[str, str] | None:
    """Returns the two words by which the names of files say A and B, or None without such."""
    first = files.get(TRAIN) or next(iter(files.values()))
    found = pair_by_words(first) or (pair_by_words(first, any_words=True) if any_words else {})
    if len(found) > 1:
        words = [f"{a} and {b}" for a, b in found]
        raise UserError(
            f"The names of the pictures in {where} of {tree.name} form pairs in several ways "
            f"({list_names(words, last='or')}); keep two kinds of pictures."
        )
    if not found and any_words:
        raise UserError(
            f"{tree.name} has no two folders of pictures, and no names that differ in one word, "
            "such as 1_A.png and 1_B.png; --pair_layout folders needs either."
        )
    if not found and (unknown := pair_by_words(first, any_words=True)):
        a, b = next(iter(unknown))
        raise UserError(
            f"The names of the pictures in {where} of {tree.name} come in twos, with {a} and {b}; "
            "pass --pair_layout folders if these are A and B, or left_right if each picture holds "
            "A on the left and B on the right."
        )
    return next(iter(found), None)


def _pairs_of_two_names(
    tree: FolderTree, candidate: Candidate, files: dict[str, list[str]], words: tuple[str, str]
) -> tuple[dict[str, list[Row]], list[str]]:
    splits: dict[str, list[Row]] = {}
    sentences: list[str] = []
    for split, names in files.items():
        found = pair_by_words(names) or pair_by_words(names, any_words=True)
        result = found.get(words, NamePairs([], "the same name", names))
        where = list_folders(candidate.folders[split][0])
        if not sentences:
            a, b = words
            sentences.append(f"Two pictures with {result.rule} are a pair: {a} is A, {b} is B.")
        sentences.append(f"Split {split}: {count(len(result.pairs), 'pair')} in {where}.")
        sentences += _check_lone(tree, result, where)
        splits[split] = list(result.pairs)
    return splits, sentences


def _pairs_of_two_folders(
    tree: FolderTree, candidate: Candidate
) -> tuple[dict[str, list[Row]], list[str]]:
    splits: dict[str, list[Row]] = {}
    sentences: list[str] = []
    for split, sides in candidate.folders.items():
        a, b = (_files_by_place(tree, candidate, folders) for folders in sides)
        result = pair_sides(a, b)
        names = [list_folders(folders, 2) for folders in sides]
        where = " and ".join(names)
        if result.twins:
            raise UserError(
                f"{' and '.join(result.twins)} in {where} of {tree.name} have the same name but "
                "for the ending, so their partner is not clear; keep one of them."
            )
        if not sentences:
            sentences.append(f"Two pictures with {result.rule} in two folders are a pair.")
        pairs = count(len(result.pairs), "pair")
        sentences.append(f"Split {split}: {pairs}, A in {names[0]} and B in {names[1]}.")
        paired = [set(names) for names in zip(*result.pairs, strict=True)] or [set(), set()]
        lone = [
            side[n] for side, names in zip((a, b), paired, strict=True) for n in {*side} - names
        ]
        result = replace(result, lone=sorted(lone, key=natural_order))
        sentences += _check_lone(tree, result, where)
        splits[split] = [(a[first], b[second]) for first, second in result.pairs]
    return splits, sentences


def _files_by_place(
    tree: FolderTree, candidate: Candidate, folders: list[Folder]
) -> dict[str, str]:
    """Returns the files of a side: name within the side -> name within the dataset."""
    return {
        "/".join((*place_of(folder, candidate.sides).rest, name)): "/".join((*folder, name))
        for folder in folders
        for name in tree.pictures[folder]
    }


def _check_lone(tree: FolderTree, result: NamePairs, where: str) -> list[str]:
    """Returns the sentence about files without a partner; raises `UserError` if they are many."""
    if not result.lone:
        return []
    lone = f"{count(len(result.lone), 'picture')} without a partner in {where}"
    if result.is_usable:
        return [f"Left out: {lone}, e.g. {examples(result.lone)}."]
    raise UserError(
        f"{tree.name} has {count(len(result.pairs), 'pair')} and {lone}, e.g. "
        f"{examples(result.lone)}; the two pictures of a pair need the same name, apart from what "
        "all names of a side begin or end with. Rename or remove them."
    )
