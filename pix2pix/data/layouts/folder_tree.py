"""Lists the pictures in a folder and its subfolders, without opening them."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pix2pix.data.layouts.folder_names import is_hidden, split_ending
from pix2pix.data.wording import printable
from pix2pix.errors import UserError
from pix2pix.formats import PICTURE_SUFFIXES

# A folder as the names that lead to it from the folder of the dataset, which is ().
Folder = tuple[str, ...]

METADATA_FILES = ("metadata.jsonl", "metadata.csv")
TABLE_SUFFIXES = {".parquet", ".arrow"}
# Files that `datasets` may be able to read, if a folder has no pictures.
DATA_SUFFIXES = TABLE_SUFFIXES | {
    ".csv", ".tsv", ".json", ".jsonl", ".tar", ".tgz", ".gz", ".zip", ".zst", ".bz2", ".xz", ".h5",
    ".hdf5", ".txt", ".lmdb",
}  # fmt: skip
# `DatasetDict.save_to_disk` writes the first, `Dataset.save_to_disk` the others.
SAVED_FILES = ({"dataset_dict.json"}, {"state.json", "dataset_info.json"})
MAX_DEPTH = 8


@dataclass
class FolderTree:
    """The files below a folder that matter; hidden files and those of the system do not.

    Attributes:
        root: the folder.
        name: what messages call it.
        pictures: the names of the files with the ending of a readable picture, by folder.
        metadata: the folders with a file metadata.jsonl or metadata.csv, and its name.
        others: the number of other files by ending.
        is_saved: whether `save_to_disk` of `datasets` wrote the folder.
        broken: links to nothing, and other names of pictures that are no files.
        outside: links to pictures and folders outside of the folder.
        deep: folders that are not searched, because they are too deep.
    """

    root: Path
    name: str
    pictures: dict[Folder, list[str]] = field(default_factory=lambda: defaultdict(list))
    metadata: dict[Folder, str] = field(default_factory=dict)
    others: Counter[str] = field(default_factory=Counter)
    is_saved: bool = False
    broken: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    deep: list[str] = field(default_factory=list)

    @property
    def has_tables(self) -> bool:
        """Whether there are parquet or Arrow files."""
        return any(self.others[suffix] for suffix in TABLE_SUFFIXES)


def scan(root: Path, name: str) -> FolderTree:
    """Lists what is below `root`; raises `UserError` when a folder can't be read."""
    tree = FolderTree(root, name)
    real_root = os.path.realpath(root)
    _scan_folder(tree, (), (real_root,), real_root)
    return tree


def _scan_folder(tree: FolderTree, folder: Folder, parents: tuple[str, ...], root: str) -> None:
    """Adds the files in `folder`, whose real path and those of its parents are `parents`."""
    path = Path(tree.root, *folder)
    try:
        with os.scandir(path) as listing:
            entries = [entry for entry in listing if not is_hidden(entry.name)]
    except OSError as error:
        raise UserError(f"The folder {path} can't be read ({error.strerror}).") from None
    if not folder:
        names = {entry.name for entry in entries}
        tree.is_saved = any(saved <= names for saved in SAVED_FILES)
    for entry in entries:
        if _exists(entry.is_dir):
            subfolder = (*folder, entry.name)
            real = f"{parents[-1]}{os.sep}{entry.name}"
            if entry.is_symlink():
                real = os.path.realpath(entry.path)
                if real in parents:  # a loop
                    tree.broken.append("/".join(subfolder))
                    continue
                _note_outside(tree, subfolder, real, root)
            if len(folder) == MAX_DEPTH:
                tree.deep.append("/".join(subfolder))
                continue
            _scan_folder(tree, subfolder, (*parents, real), root)
        else:
            _add_file(tree, folder, entry, root)


def _add_file(tree: FolderTree, folder: Folder, entry: os.DirEntry, root: str) -> None:
    name, suffix = entry.name, split_ending(entry.name)[1]
    if suffix in PICTURE_SUFFIXES:
        if not _exists(entry.is_file):
            tree.broken.append("/".join((*folder, name)))
            return
        if entry.is_symlink():
            _note_outside(tree, (*folder, name), os.path.realpath(entry.path), root)
        tree.pictures[folder].append(name)
    elif name.lower() in METADATA_FILES:
        # metadata.jsonl is the one that `datasets` prefers too.
        tree.metadata[folder] = max(name, tree.metadata.get(folder, ""), key=str.lower)
    else:
        tree.others[printable(suffix)] += 1


def _exists(is_kind: Callable[[], bool]) -> bool:
    try:
        return is_kind()
    except OSError:  # a link to itself
        return False


def _note_outside(tree: FolderTree, path: Folder, target: str, root: str) -> None:
    if os.path.commonpath((target, root)) != root:
        tree.outside.append("/".join(path))
