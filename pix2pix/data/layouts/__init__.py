"""Recognizes how the pairs in a folder of pictures are stored."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pix2pix.data.layouts.candidates import (
    SPLIT_ORDER,
    TRAIN,
    Candidate,
    ambiguous,
    are_letters,
    forced_joined_candidate,
    is_held_out,
    is_one_sided,
    joined_candidates,
    list_folders,
    pair_candidates,
    place_of,
)
from pix2pix.data.layouts.folder_tree import DATA_SUFFIXES, Folder, FolderTree, scan
from pix2pix.data.layouts.forming import Row, form_pairs
from pix2pix.data.layouts.layout_notes import describe_left_out
from pix2pix.data.layouts.metadata_files import read_metadata
from pix2pix.data.wording import count, examples, list_endings, list_names
from pix2pix.errors import UserError

JOINED = ("side by side",)


@dataclass(frozen=True)
class Layout:
    """The pairs that were found in a folder.

    Attributes:
        root: the folder.
        splits: the pairs of each split: the names of their one or two files, relative to `root`.
        columns: the names of a pair's pictures.
        notes: sentences for the user: how pairs are formed, from what, and what is left out.
    """

    root: Path
    splits: dict[str, list[Row]]
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()


def find_layout(
    folder: Path,
    pair_layout: str = "auto",
    columns: tuple[str | None, str | None] = (None, None),
    name: str | None = None,
) -> Layout | None:
    """Finds the pairs of pictures in `folder`; returns None when it has other data, e.g. parquet.

    Args:
        folder: the dataset.
        pair_layout: "auto", or how pairs are stored; see `Config.pair_layout`.
        columns: the columns of A and B in metadata.jsonl or metadata.csv, None if recognized.
        name: what messages call the dataset, by default the path.

    Raises:
        UserError: when the folder has pictures but no pairs, or can be understood in several ways.
    """
    tree = scan(folder, name or str(folder))
    if tree.is_saved:
        return None
    if not tree.pictures:
        _check_other_files(tree)
        return None
    if pair_layout in ("auto", "columns"):
        if layout := _metadata_layout(tree, columns):
            return layout
        if tree.has_tables and pair_layout == "columns":
            return None
        if pair_layout == "columns":
            raise UserError(
                f"{tree.name} has no columns with pairs: --pair_layout columns needs parquet "
                "files, or a metadata.jsonl or metadata.csv with two columns that name pictures."
            )
    candidate = _choose(tree, pair_layout)
    if candidate is None or (tree.has_tables and not candidate.is_named and pair_layout == "auto"):
        return None
    splits, sentence = form_pairs(tree, candidate, pair_layout)
    pairs = {split: splits[split] for split in SPLIT_ORDER if splits.get(split)}
    return _with_notes(tree, pairs, sentence, candidate.used)


def _with_notes(
    tree: FolderTree,
    splits: dict[str, list[Row]],
    sentences: list[str],
    used: set[Folder],
    columns: tuple[str, ...] | None = None,
) -> Layout:
    notes = [*sentences, *describe_left_out(tree, used)]
    if not columns and tree.metadata:
        files = ["/".join((*folder, name)) for folder, name in sorted(tree.metadata.items())]
        notes.append(f"Not used: {list_names(files)}, of which no two columns name pictures.")
    if not columns:
        columns = ("A", "B") if len(next(iter(splits.values()))[0]) == 2 else JOINED
    return Layout(tree.root, splits, columns, tuple(notes))


def _check_other_files(tree: FolderTree) -> None:
    """Raises `UserError` unless `datasets` may be able to read the files."""
    if any(tree.others[suffix] for suffix in DATA_SUFFIXES) or tree.metadata:
        return
    if not tree.others and not tree.broken:
        raise UserError(f"The folder {tree.name} is empty; pass the folder with the pairs.")
    raise UserError(
        f"The folder {tree.name} has no pictures that can be read: its files are "
        f"{list_endings(tree.others + Counter({'broken links': len(tree.broken)}))}. "
        "Convert the pictures to PNG or JPEG."
    )


def _metadata_layout(tree: FolderTree, columns: tuple[str | None, str | None]) -> Layout | None:
    found = read_metadata(tree, *columns)
    if not found:
        return None
    splits = {split: found.splits[split] for split in SPLIT_ORDER if found.splits.get(split)}
    if not splits:
        raise UserError(f"{list_names(found.files)} in {tree.name} list no pairs.")
    a, b = found.columns
    sentences = [
        f"Each row of {list_names(found.files)} is a pair: A in the column {a}, B in {b}.",
        *(f"Split {split}: {count(len(rows), 'pair')}." for split, rows in splits.items()),
    ]
    if found.left_out:
        sentences.append(f"Left out: {count(found.left_out, 'row')} without both pictures.")
    listed = {name for rows in splits.values() for row in rows for name in row}
    used = {tuple(name.split("/")[:-1]) for name in listed}
    unlisted = [
        "/".join((*folder, name)) for folder in sorted(used) for name in tree.pictures[folder]
    ]
    unlisted = [name for name in unlisted if name not in listed]
    if unlisted:
        sentences.append(
            f"Left out: {count(len(unlisted), 'picture')} that the metadata do not list, e.g. "
            f"{examples(unlisted)}."
        )
    return _with_notes(tree, splits, sentences, used, found.columns)


def _choose(tree: FolderTree, pair_layout: str) -> Candidate | None:
    """Returns the one way to understand the folders; raises `UserError` if there is not one."""
    if pair_layout in ("left_right", "top_bottom"):
        return forced_joined_candidate(tree)
    pairs = pair_candidates(tree)
    if pair_layout == "folders" and not pairs:
        pairs = pair_candidates(tree, any_words=True)
    covered = {folder for pair in pairs for folder in pair.used}
    joined = joined_candidates(tree, covered)
    named = [c for c in [*pairs, *joined] if c.is_named and TRAIN in c.folders]
    if pair_layout == "folders" and any(c.sides for c in named):
        named = [c for c in named if c.sides]
    if named:
        depth = min(len(c.prefix) for c in named)
        named = [c for c in named if len(c.prefix) == depth]
        if len(named) > 1:
            raise ambiguous(tree, [str(c) for c in named])
        if pair_layout == "auto" and named[0].sides and are_letters(tree, named[0]):
            raise _no_pairs(tree)
        return named[0]
    return _choose_unnamed(tree, joined, pairs)


def _choose_unnamed(
    tree: FolderTree, joined: list[Candidate], pairs: list[Candidate]
) -> Candidate | None:
    """Chooses where no folder is named as training pairs."""
    lone = sorted(folder for folder in tree.pictures if is_one_sided(folder))
    flat = [c for c in joined if not c.is_named]
    if tree.has_tables:
        return flat[0] if len(flat) == 1 and not lone else None
    if lone and not pairs:
        raise UserError(
            f"{tree.name} has only one side of its pairs: {list_folders(lone)}; add the other side "
            "(trainA goes with trainB), or pass --pair_layout left_right if each picture holds A "
            "on the left and B on the right."
        )
    splits = {folder: place_of(folder).split for folder in tree.pictures}
    if flat:
        first = min(flat, key=lambda c: len(c.prefix))
        is_outer = all(len(c.prefix) > len(first.prefix) for c in flat if c is not first)
        total = sum(len(names) for f, names in tree.pictures.items() if splits[f] in ("", TRAIN))
        if is_outer and 2 * sum(len(tree.pictures[f]) for f in first.used) > total:
            if is_held_out(first.prefix):
                raise UserError(
                    f"All pictures of {tree.name} are in {'/'.join(first.prefix)}, which by its "
                    "name is held out, so there is nothing to train on; to train on them, pass "
                    "that folder itself to --dataset_name."
                )
            return first
    held_out = [c for c in [*pairs, *joined] if c.is_named]
    if len(held_out) == 1 and not flat and TRAIN not in splits.values():
        return held_out[0]
    raise _no_pairs(tree)


def _no_pairs(tree: FolderTree) -> UserError:
    folders = sorted(tree.pictures)
    names = list_folders(folders)
    advice = "pairs need train with side-by-side pictures, or trainA and trainB"
    if len(folders) == 2:
        advice += "; if these two are A and B, pass --pair_layout folders"
    return UserError(
        f"{tree.name} has no pairs: it holds {count(len(folders), 'folder')} of pictures "
        f"({names}), which look like classes; {advice}. If each picture holds A on the left and "
        "B on the right, pass --pair_layout left_right."
    )
