"""Chooses the columns of a table of pictures that are the pair, and reads their cells."""

import io
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

import datasets
import fsspec
from PIL import Image

from pix2pix.config import Config
from pix2pix.data.source import Row, Source
from pix2pix.errors import UserError, first_line
from pix2pix.formats import READABLE_FORMATS

# Pairs of columns that are recognized without flags.
KNOWN_PAIRS = (
    ("imageA", "imageB"),
    ("input_image", "target_image"),
    ("input_image", "output_image"),
    ("image", "label"),
)
JOINED_LAYOUTS = ("left_right", "top_bottom")
# What a dataset that is opened for pairs or for pictures should have.
EXPECTED = {
    "pairs": "parquet files with two picture columns or a folder train of side-by-side pictures",
    "pictures": "a table with a picture column or a folder of pictures",
}
# The names of this many rows are kept: a shuffle buffer and the rows that a sample reads.
REMEMBERED_ROWS = 1024


class TableSource(Source):
    """A dataset of rows with named columns, whose cells may tell the name of their file."""

    def __init__(self, name: str):
        self.name = name
        self._file_names: OrderedDict[tuple[str, int], str] = OrderedDict()

    def row_name(self, split: str, number: int) -> str:
        """Returns the row's files, if it was among the last rows read; see `Source.row_name`."""
        files = self._file_names.get((split, number))
        return f"{files} (row {number} of {split})" if files else super().row_name(split, number)

    def _read_row(self, split: str, number: int, cells: Mapping[str, Any]) -> Row:
        """Returns the files in a row's cells, and remembers their names."""
        chosen = [cells[column] for column in self.columns]
        paths = [cell["path"] for cell in chosen if isinstance(cell, dict) and cell.get("path")]
        if paths:
            names = dict.fromkeys(PurePosixPath(path.replace("\\", "/")).name for path in paths)
            self._file_names[split, number] = " and ".join(names)
            if len(self._file_names) > REMEMBERED_ROWS:
                self._file_names.popitem(last=False)
        return tuple(map(_read_cell, chosen))

    def _describe_columns(self) -> str:
        """Returns a sentence about what A and B are."""
        if len(self.columns) == 2:
            return "Pairs: A is the column {}, B the column {}.".format(*self.columns)
        return f"Pairs: each image in the column {self.columns[0]} is split into A and B."


def choose_columns(
    name: str,
    features: datasets.Features,
    config: Config,
    read_first: Callable[[list[str]], Mapping[str, Any]] = lambda _: {},
) -> tuple[str, ...]:
    """Returns the columns of A and B, or the one column of pictures that hold both.

    Args:
        name: the dataset's name, for messages.
        features: the dataset's columns.
        config: names the columns or the layout, where the user chose them.
        read_first: returns the cells of the first row in some columns. It shows whether a column
            of bytes has pictures.

    Raises:
        UserError: when a column is missing or has no pictures, or the choice is ambiguous; then it
            lists the columns and suggests two of them.
    """
    if config.pair_layout == "folders":
        raise UserError(
            f"{name} has columns, not two folders of images; leave out --pair_layout folders."
        )
    chosen = _chosen_columns(name, features, config)
    if chosen:
        return chosen
    pictures = [column for column, feature in features.items() if has_pictures(feature)]
    if not pictures:
        binary = [column for column, feature in features.items() if is_binary(feature)]
        cells = read_first(binary) if binary else {}
        pictures = [column for column in binary if _is_picture(cells[column])]
    _refuse_class_labels(name, features, pictures, config)
    if config.pair_layout not in JOINED_LAYOUTS:
        for pair in KNOWN_PAIRS:
            if set(pair) <= set(pictures):
                return pair
    if len(pictures) == 1 and config.pair_layout != "columns":
        return tuple(pictures)
    raise _ambiguous(name, features, pictures, config)


def _chosen_columns(name: str, features: datasets.Features, config: Config) -> tuple[str, ...]:
    """Returns the columns that the flags name; raises `UserError` where they don't fit."""
    a, b = config.input_column, config.target_column
    if b and not a:
        raise UserError("--target_column needs --input_column; add it to the command.")
    chosen = tuple(column for column in (a, b) if column)
    for column in chosen:
        if column not in features:
            names = ", ".join(features) or "none"
            raise UserError(f"{name} has no column {column}; its columns are {names}.")
        if not has_pictures(features[column]) and not is_binary(features[column]):
            raise UserError(f"The column {column} of {name} has no pictures; choose another one.")
    if b and config.pair_layout in JOINED_LAYOUTS:
        raise UserError(
            f"--pair_layout {config.pair_layout} splits the images of one column; leave out "
            "--target_column."
        )
    if len(chosen) == 1 and config.pair_layout == "columns":
        raise UserError("--pair_layout columns needs --target_column beside --input_column.")
    return chosen


def _refuse_class_labels(
    name: str, features: datasets.Features, pictures: list[str], config: Config
) -> None:
    """Raises `UserError` for a dataset of single pictures with classes."""
    labels = [c for c, feature in features.items() if isinstance(feature, datasets.ClassLabel)]
    if len(pictures) != 1 or not labels or config.pair_layout != "auto" or config.force_split:
        return
    classes = features[labels[0]].names or []
    some = ", ".join(classes[:3]) + (", ..." if len(classes) > 3 else "")
    raise UserError(
        f"{name} has images with class labels ({labels[0]}: {some}), not pairs of images; if each "
        f"image holds A and B side by side, add --input_column {pictures[0]}."
    )


def _ambiguous(
    name: str, features: datasets.Features, pictures: list[str], config: Config
) -> UserError:
    names = ", ".join(features) or "none"
    first, second = (pictures + ["<A>", "<B>"])[:2] if pictures else ("<A>", "<B>")
    if config.pair_layout in JOINED_LAYOUTS:
        return UserError(
            f"Which column of {name} holds the joined images? Its columns are {names}; name it, "
            f"e.g. --input_column {first}."
        )
    return UserError(
        f"Which columns of {name} are the pair? Its columns are {names}; name them, "
        f"e.g. --input_column {first} --target_column {second}."
    )


def has_pictures(feature: Any) -> bool:
    """Returns whether a column with this feature holds picture files."""
    # Some datasets store pictures as bare {bytes, path} structs instead of an Image column.
    return isinstance(feature, datasets.Image) or (
        isinstance(feature, dict) and {"bytes", "path"} <= set(feature)
    )


def is_binary(feature: Any) -> bool:
    """Returns whether a column with this feature holds bytes, which may be picture files."""
    return isinstance(feature, datasets.Value) and feature.dtype in ("binary", "large_binary")


def _is_picture(cell: bytes | None) -> bool:
    try:
        with Image.open(io.BytesIO(cell or b""), formats=READABLE_FORMATS):
            return True
    except Exception:  # Pillow's readers may raise anything for bytes that are not a picture
        return False


def _read_cell(cell: dict | bytes | None) -> bytes:
    """Returns the bytes of a picture file; empty if the row has no picture."""
    if cell is None or isinstance(cell, bytes):
        return cell or b""
    if cell.get("bytes") is not None:
        return cell["bytes"]
    if not cell.get("path"):
        return b""
    with fsspec.open(cell["path"], "rb") as file:
        return file.read()


@contextmanager
def dataset_errors_as_user_errors(name: str, content: str = "pairs") -> Iterator[None]:
    """Turns the exceptions of opening a dataset with `datasets` into a `UserError`.

    `content` is a key of `EXPECTED`: what the dataset is opened for.
    """
    try:
        yield
    except UserError:
        raise
    except (FileNotFoundError, datasets.exceptions.DatasetNotFoundError) as error:
        raise UserError(
            f"No {content} were found at {name}; {EXPECTED[content]} are expected "
            f"({first_line(error)})."
        ) from None
    except Exception as error:  # the clients raise a dozen unrelated classes
        raise UserError(f"The dataset {name} can't be read: {first_line(error)}") from error
