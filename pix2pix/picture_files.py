"""Finds the pictures in files, folders and glob patterns, and names the results."""

import fnmatch
import glob
import os
import stat
import tempfile
import unicodedata
from collections import Counter, defaultdict, deque
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pix2pix.errors import UserError
from pix2pix.files import remove_temporary
from pix2pix.formats import PICTURE_SUFFIXES

# Device and inode number: the identity of a file or folder, whatever path leads to it.
FileId = tuple[int, int]
GEOTIFF_SUFFIX = ".tif"


@dataclass(frozen=True)
class PictureFile:
    """A picture that was found, and its path relative to the folder that the user named."""

    path: Path
    relative: Path


def find_pictures(names: Iterable[str], output: Path) -> "PictureSearch":
    """Finds the pictures in the files, folders and glob patterns `names`, each picture once.

    A folder is searched with its subfolders. A pattern is one that the shell did not expand; `**`
    in it matches any subfolders. In folders and for patterns, only files with the suffix of a
    picture count, and hidden files and the folder `output` do not.

    Raises:
        UserError: when `output` is one of the named folders.
    """
    search = PictureSearch(output)
    for name in names:
        path = Path(name)
        mode = _file_mode(path) if name else None
        if mode is None and glob.has_magic(name):
            search.add_pattern(name)
        elif mode is None:
            search.problems.append(f"There is no file or folder {printable(name)}; check the path.")
        elif stat.S_ISDIR(mode):
            search.add_folder(path)
        elif stat.S_ISREG(mode):
            search.add_file(path, path.name)
        else:
            search.problems.append(f"{printable(name)} is not a file; name a picture or a folder.")
    return search


class PictureSearch:
    """Collects pictures from folders and patterns.

    Attributes:
        pictures: the pictures found.
        problems: names without a file and folders that can't be read, one sentence each.
        ignored: the number of other files in folders, by suffix or as "hidden".
    """

    def __init__(self, output: Path):
        """Starts without any picture; the folder `output` is never searched."""
        self.problems: list[str] = []
        self.ignored: Counter[str] = Counter()
        self._output_id = file_id(output)
        self._pictures: dict[tuple[FileId | Path, Path], PictureFile] = {}

    @property
    def pictures(self) -> list[PictureFile]:
        """The pictures found, each once."""
        return list(self._pictures.values())

    def add_file(self, path: Path, relative: str | Path) -> None:
        """Adds one picture."""
        picture = PictureFile(path, Path(relative))
        self._pictures.setdefault((file_id(path) or path, picture.relative), picture)

    def add_folder(self, folder: Path) -> None:
        """Adds the pictures in `folder` and its subfolders."""
        if self._output_id and file_id(folder) == self._output_id:
            raise UserError(f"--output {folder} is also an input; name another folder.")
        for relative in self._walk(folder, ()):
            self._add_if_picture(folder, relative)

    def add_pattern(self, pattern: str) -> None:
        """Adds the pictures that a glob pattern matches, and those in folders that it matches.

        They keep the structure below the last folder that the pattern names without a wildcard.
        """
        # The shell does not expand "~" in a quoted pattern.
        parts = (Path(pattern).expanduser() if pattern.startswith("~/") else Path(pattern)).parts
        fixed = 0
        # Brackets in the name of a folder that exists are not wildcards.
        while fixed < len(parts) and _file_mode(Path(*parts[: fixed + 1])):
            fixed += 1
        folder, wildcards = Path(*parts[:fixed]), parts[fixed:]
        is_empty = True
        for relative in self._walk(folder, wildcards):
            if _matches(relative.parts, wildcards):
                is_empty = False
                self._add_if_picture(folder, relative)
        if is_empty:
            self.problems.append(f"No file matches {printable(pattern)}; check the pattern.")

    def _add_if_picture(self, folder: Path, relative: Path) -> None:
        path, suffix = folder / relative, relative.suffix.lower()
        if relative.name.startswith("."):
            self.ignored["hidden"] += 1
        elif suffix not in PICTURE_SUFFIXES or not stat.S_ISREG(_file_mode(path) or stat.S_IFREG):
            self.ignored[suffix or "without ending"] += 1
        else:
            self.add_file(path, relative)

    def _walk(self, root: Path, pattern: tuple[str, ...]) -> Iterator[Path]:
        """Yields the files below `root`, relative to it, where `pattern` may match.

        Folders behind symbolic links are entered last, and each folder only once, so that a loop
        of links ends and a picture is found under its path without links, if it has one.
        """
        visited = {self._output_id} - {file_id(root)}
        starts = deque([root])
        while starts:
            for name, subfolders, files in os.walk(starts.popleft(), onerror=self._add_error):
                folder = Path(name)
                folder_id = file_id(folder)
                if folder_id in visited:
                    subfolders.clear()
                    continue
                visited.add(folder_id)
                relative = folder.relative_to(root)
                subfolders[:] = sorted(
                    name
                    for name in subfolders
                    if not name.startswith(".")
                    and _matches((*relative.parts, name), pattern, is_folder=True)
                )
                # os.walk itself does not enter them.
                starts.extend(folder / name for name in subfolders if (folder / name).is_symlink())
                yield from (relative / name for name in sorted(files))

    def _add_error(self, error: OSError) -> None:
        self.problems.append(f"{printable(error.filename)} can't be read ({error.strerror}).")


def _matches(parts: tuple[str, ...], pattern: tuple[str, ...], is_folder: bool = False) -> bool:
    """Returns whether `pattern` matches the path `parts` or one of its parent folders.

    With `is_folder`, returns whether it may match a path in the folder `parts`.
    """
    if not pattern:
        return True
    if pattern[0] == "**" and _matches(parts, pattern[1:], is_folder):
        return True
    if not parts:
        return is_folder
    if pattern[0] == "**":
        return _matches(parts[1:], pattern, is_folder)
    return fnmatch.fnmatch(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:], is_folder)


def plan_outputs(
    pictures: Iterable[PictureFile], output: Path, geotiffs: Container[PictureFile] = ()
) -> dict[Path, PictureFile]:
    """Returns the picture for each file to write below `output`; no two share a file.

    photo.jpg becomes photo.png. If photo.png in the same folder is translated too, the two become
    photo.jpg.png and photo.png.png. The pictures in `geotiffs` get the suffix .tif instead.

    Raises:
        UserError: when two pictures would still be written to one file, or one over an input.
    """
    pictures = list(pictures)
    same_stem = defaultdict(list)
    for picture in pictures:
        # Some file systems do not distinguish case, or the two Unicode encodings of "ü".
        name = unicodedata.normalize("NFC", str(picture.relative.with_suffix(""))).casefold()
        same_stem[name, picture in geotiffs].append(picture)
    planned: dict[Path, PictureFile] = {}
    input_ids = {file_id(picture.path) for picture in pictures} - {None}
    for (_, is_geotiff), group in same_stem.items():
        suffix = GEOTIFF_SUFFIX if is_geotiff else ".png"
        for picture in group:
            stem = picture.relative.stem if len(group) == 1 else picture.relative.name
            path = output / picture.relative.with_name(stem + suffix)
            if other := planned.get(path):
                raise UserError(
                    f"{printable(other.path)} and {printable(picture.path)} would both be written "
                    f"to {printable(path)}; name the folder that holds both, or translate them one "
                    "after the other with another --output."
                )
            if file_id(path) in input_ids:
                raise UserError(
                    f"{printable(picture.path)} would be written to {printable(path)}, which is "
                    "itself an input; name another folder with --output."
                )
            planned[path] = picture
    return planned


def prepare_output(folder: Path, outputs: Iterable[Path]) -> None:
    """Creates the output folder and deletes the temporary files of a run that was killed.

    Raises:
        UserError: when the folder can't be written.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--output {folder} is a file; name a folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"--output {folder} can't be written ({error.strerror}); name another folder."
        ) from None
    names = defaultdict(set)
    for path in outputs:
        names[path.parent].add(path.name)
    for parent in names:
        remove_temporary(parent, names[parent])


def _file_mode(path: Path) -> int | None:
    """Returns `st_mode` of the file or folder at `path`, or None when there is none."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):  # ValueError: a null character
        return None


def file_id(path: Path) -> FileId | None:
    """Returns the identity of the file or folder at `path`, or None where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def printable(path: str | Path) -> str:
    """Returns a path as one line, quoted and escaped if it has unprintable characters."""
    text = str(path)
    return text if text.isprintable() and text else repr(text)
