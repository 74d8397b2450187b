"""Opens a tar or ZIP archive of pictures, such as those from Berkeley, at a path or URL."""

import hashlib
import lzma
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from filelock import FileLock
from tqdm import tqdm

from pix2pix.data.folder import FolderSource
from pix2pix.data.layouts import find_layout
from pix2pix.data.unpacking import Contents, unpack
from pix2pix.data.wording import list_endings
from pix2pix.errors import UserError, first_line
from pix2pix.files import write_atomically

ENDINGS = (
    ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tbz2", ".tar.xz", ".txz", ".zip",
)  # fmt: skip
# Hidden, so that it is no part of the dataset.
CONTENTS_FILE = ".contents.json"
DAMAGE = (
    tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError,
    NotImplementedError,  # a compression that zipfile does not know
)  # fmt: skip
# How an archive is unpacked; another number unpacks archives again that an older version unpacked.
UNPACKING_VERSION = 2


def is_archive(name: str) -> bool:
    """Returns whether a path or URL has the ending of a tar or ZIP archive."""
    if _is_url(name):
        return urlsplit(name).path.lower().endswith(ENDINGS)
    return name.lower().endswith(ENDINGS) and not Path(name).is_dir()


def _is_url(name: str) -> bool:
    return urlsplit(name).scheme.lower() in ("http", "https")


def open_archive(
    name: str,
    cache_dir: Path,
    pair_layout: str = "auto",
    columns: tuple[str | None, str | None] = (None, None),
) -> FolderSource:
    """Unpacks the archive into `cache_dir`, if not done before, and opens it as a folder.

    `name` is a path or a URL; `pair_layout` and `columns` are as in `find_layout`. Raises
    `UserError` when the archive can't be downloaded, is damaged, or has no pairs.
    """
    path = Path(name).expanduser()
    if not _is_url(name) and not path.is_file():
        raise UserError(f"There is no archive {name}; check the path.")
    identity = name if _is_url(name) else f"{path.resolve()} {path.stat().st_mtime_ns}"
    identity = f"{UNPACKING_VERSION} {identity}"
    folder = cache_dir / "archives" / hashlib.sha256(identity.encode()).hexdigest()[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)

    def open_folder(unpacked: Path) -> FolderSource:
        contents = Contents.read(unpacked / CONTENTS_FILE)
        if not contents.pictures:
            files = f" ({list_endings(contents.others)})" if contents.others else ""
            raise UserError(
                f"{name} has no pairs: none of its files can be read as a picture{files}."
            )
        layout = find_layout(unpacked, pair_layout, columns, name)
        return FolderSource(unpacked, name, layout=layout, archive=contents)

    with FileLock(folder.with_suffix(".lock")):
        if not folder.is_dir():
            archive = folder.with_suffix(".tar") if _is_url(name) else path
            draft = folder.with_suffix(".draft")
            try:
                if _is_url(name) and not archive.exists():
                    write_atomically(archive, lambda path: _download(name, path))
                _unpack(archive, draft, name)
                open_folder(draft)  # raises when there are no pairs
                draft.replace(folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
                if _is_url(name):  # by now, the download is either unpacked or known to be damaged
                    archive.unlink(missing_ok=True)
    return open_folder(folder)


def _download(url: str, path: Path) -> None:
    try:
        with httpx2.stream("GET", url, follow_redirects=True, timeout=60) as response:
            response.raise_for_status()
            size = int(response.headers.get("Content-Length", 0)) or None
            progress = tqdm(desc=f"Downloading {url}", total=size, unit="B", unit_scale=True)
            with progress, path.open("wb") as file:
                for block in response.iter_bytes(1 << 20):
                    file.write(block)
                    progress.update(len(block))
    except httpx2.HTTPError as error:
        reason = first_line(error)
        raise UserError(
            f"{url} can't be downloaded ({reason}); check the URL and try again."
        ) from None


def _unpack(archive: Path, folder: Path, name: str) -> None:
    """Writes the archive's pictures and `CONTENTS_FILE` to `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        unpack(archive, folder).write(folder / CONTENTS_FILE)
    except (*DAMAGE, UserError) as error:
        raise UserError(f"The archive {name} can't be unpacked: {first_line(error)}.") from None
