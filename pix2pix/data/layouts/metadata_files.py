"""Reads pairs from the file metadata.jsonl or metadata.csv of an image folder.

Each row of the file names the two pictures of a pair, relative to the folder of the file; see
https://huggingface.co/docs/datasets/image_dataset#imagefolder.
"""

import csv
import json
import posixpath
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from pix2pix.data.layouts.folder_names import are_sides, normalize, read_name, side_word, tokens
from pix2pix.data.layouts.folder_tree import Folder, FolderTree
from pix2pix.data.layouts.pairing import MAX_LONE_FRACTION
from pix2pix.errors import UserError
from pix2pix.formats import PICTURE_SUFFIXES

# A column of these names says to which split a row belongs.
SPLIT_COLUMNS = {"split", "subset", "partition"}
DELIMITERS = ",;\t"


@dataclass(frozen=True)
class MetadataPairs:
    """The pairs of all metadata files.

    Attributes:
        splits: the files of each pair, relative to the folder of the dataset.
        columns: the two columns of the files.
        files: the names of the metadata files.
        left_out: rows without one of their pictures.
    """

    splits: dict[str, list[tuple[str, ...]]]
    columns: tuple[str, ...]
    files: tuple[str, ...]
    left_out: int = 0


def read_metadata(
    tree: FolderTree, input_column: str | None = None, target_column: str | None = None
) -> MetadataPairs | None:
    """Returns the pairs that the metadata files list, or None if no two columns hold pictures.

    Raises `UserError` when a file can't be read, several columns could be the pair, or over 1 % of
    the rows lack a picture.
    """
    pictures = _Pictures(tree)
    splits: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    columns: tuple[str, ...] = ()
    files: list[str] = []
    rows_read = left_out = 0
    for folder in sorted(tree.metadata):
        if any(folder[:depth] in tree.metadata for depth in range(len(folder))):
            continue  # the file of an outer folder lists all
        file = "/".join((*folder, tree.metadata[folder]))
        place = f"{file} in {tree.name}"
        rows = _read_rows(Path(tree.root, file), place)
        chosen = _choose_columns(place, rows, folder, pictures, (input_column, target_column))
        if not chosen:
            continue
        if columns and chosen != columns:
            raise UserError(
                f"The files {files[0]} and {file} have "
                f"different columns ({', '.join(columns)}; {', '.join(chosen)}); name them alike."
            )
        columns = chosen
        files.append(file)
        rows_read += len(rows)
        for row in rows:
            found = (pictures.find(row.get(column), folder) for column in columns)
            names = tuple(name for name in found if name)
            if len(names) < len(columns):
                left_out += 1
            else:
                splits[_split_of(row, folder, names, place)].append(names)
    if not columns:
        return None
    if left_out > MAX_LONE_FRACTION * rows_read:
        raise UserError(
            f"{left_out} of {rows_read} rows of {', '.join(files)} in {tree.name} name no picture "
            f"that exists in their columns {columns[0]} and {columns[1]}; correct the file names."
        )
    names = tuple(map(_feature_name, columns))
    return MetadataPairs(dict(splits), names, tuple(files), left_out)


class _Pictures:
    """Finds the pictures that the cells of metadata files name."""

    def __init__(self, tree: FolderTree):
        self._root = Path(tree.root).absolute().as_posix()
        self._exact: dict[str, str] = {}
        # By name without capitals, and also without the ending; None if several have that name.
        self._similar: dict[str, str | None] = {}
        for folder, names in tree.pictures.items() if tree.metadata else ():
            for name in names:
                path = "/".join((*folder, name))
                self._exact[unicodedata.normalize("NFC", path)] = path
                key = normalize(path)
                for similar in {key, posixpath.splitext(key)[0]}:
                    known = self._similar.setdefault(similar, path)
                    self._similar[similar] = path if known == path else None

    def find(self, value: object, folder: Folder) -> str | None:
        """Returns the picture that a cell names, relative to the dataset, or None."""
        name = _name_in(value)
        if not name:
            return None
        # `join` keeps an absolute path, such as that of this folder.
        path = posixpath.join(self._root, *folder, name.replace("\\", "/"))
        path = posixpath.normpath(path).removeprefix(f"{self._root}/")
        exact = self._exact.get(unicodedata.normalize("NFC", path))
        return exact or self._similar.get(normalize(path))


def _name_in(value: object) -> str | None:
    if isinstance(value, dict):  # a {bytes, path} struct without bytes
        value = value.get("path")
    return value if isinstance(value, str) else None


def _read_rows(path: Path, name: str) -> list[dict]:
    number = 0
    try:
        # Excel writes the mark of UTF-8 at the beginning of a CSV file.
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix.lower() == ".csv":
                head = file.readline()
                file.seek(0)
                return list(csv.DictReader(file, delimiter=max(DELIMITERS, key=head.count)))
            rows = []
            for line in file:
                number += 1
                if line.strip():
                    rows.append(json.loads(line))
                    if not isinstance(rows[-1], dict):
                        raise ValueError("no JSON object")
            return rows
    except (OSError, ValueError, csv.Error) as error:
        place = f"line {number} of {name}" if number else name
        raise UserError(f"The metadata can't be read: {place} ({error}).") from None


def _choose_columns(
    file: str,
    rows: list[dict],
    folder: Folder,
    pictures: _Pictures,
    wanted: tuple[str | None, str | None],
) -> tuple[str, ...]:
    """Returns the columns of A and B, or () if fewer than two columns hold pictures."""
    columns = list(dict.fromkeys(str(column) for row in rows for column in row if column))
    holding = []
    for column in columns:
        found = sum(pictures.find(row.get(column), folder) is not None for row in rows)
        if 2 * found > len(rows) or (_words_of(column)[-2:] == ["file", "name"] and found):
            holding.append(column)
    by_name = {_feature_name(column): column for column in holding} | {c: c for c in holding}
    for chosen in wanted:
        if chosen and chosen not in by_name:
            names = ", ".join(holding) or "none"
            raise UserError(
                f"The column {chosen} of {file} holds no pictures; its columns that do: {names}."
            )
    if len(holding) < 2:
        _check_names(file, rows, columns, pictures, folder)
        return ()
    wanted = (by_name.get(wanted[0] or ""), by_name.get(wanted[1] or ""))
    others = [column for column in holding if column not in wanted]
    if len(holding) - len(others) == 2 or (any(wanted) and len(others) == 1):
        return (wanted[0] or others[0], wanted[1] or others[0])
    pairs = [(a, b) for a in holding for b in holding if are_sides(_side_of(a), _side_of(b))]
    if not any(wanted) and (len(pairs) == 1 or len(holding) == 2):
        return pairs[0] if pairs else (holding[0], holding[1])
    raise UserError(
        f"Which columns of {file} are the pair? {', '.join(holding)} hold pictures; name two, e.g. "
        f"--input_column {holding[0]} --target_column {holding[1]}."
    )


def _check_names(
    file: str, rows: list[dict], columns: list[str], pictures: _Pictures, folder: Folder
) -> None:
    """Raises `UserError` if two columns name pictures, but not those that are there."""
    naming = []
    for column in columns:
        names = [_name_in(row.get(column)) or "" for row in rows]
        if 2 * sum(Path(name).suffix.lower() in PICTURE_SUFFIXES for name in names) > len(rows):
            naming.append(next((n for n in names if n and not pictures.find(n, folder)), ""))
    if len(naming) >= 2:
        missing = next((name for name in naming if name), "")
        raise UserError(
            f"{file} names pictures that do not exist, e.g. {missing[:200]}; write their paths "
            "relative to the folder of that file, or remove the file."
        )


def _feature_name(column: str) -> str:
    """Returns what `datasets` calls a column of file names: file_name is image."""
    return "image" if column == "file_name" else column.removesuffix("_file_name")


def _words_of(column: str) -> list[str]:
    return [token for token in tokens(column.casefold()) if token.isalnum()]


def _side_of(column: str) -> str:
    words = [word for word in _words_of(column) if word not in {"file", "name", "path"}]
    sides = [side for side in map(side_word, words) if side]
    specific = [side for side in sides if side != "image"]
    return (specific or sides or ["image"])[0]  # `datasets` calls the column file_name image


def _split_of(row: dict, folder: Folder, names: tuple[str, ...], file: str) -> str:
    """Returns the split of a row: of its column split, or of the folders of its pictures."""
    for column, value in row.items():
        if str(column).casefold() in SPLIT_COLUMNS and isinstance(value, str) and value.strip():
            split = read_name(value.strip()).split
            if split is None:
                raise UserError(
                    f"The split {value} in the column {column} of {file} is unknown; use train, "
                    "validation and test."
                )
            return split
    parts = [part for name in names for part in name.split("/")[:-1]]
    found = {split for part in (*parts, *folder) if (split := read_name(part).split)}
    if len(found) > 1:
        raise UserError(
            f"{' and '.join(names)} in {file} are in folders of different splits "
            f"({', '.join(sorted(found))}); give the file a column named split."
        )
    return found.pop() if found else "train"
