"""Pairs in a Berkeley archive: a .tar.gz of side-by-side pictures, as a file or behind a URL."""

import hashlib
import shutil
import tarfile
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from filelock import FileLock
from tqdm import tqdm

from pix2pix.data.folder import SUFFIXES, FolderSource, has_pictures
from pix2pix.errors import UserError, first_line
from pix2pix.files import write_atomically

ENDINGS = (".tar", ".tar.gz", ".tgz")


def is_archive(name: str) -> bool:
    return urlsplit(name).path.lower().endswith(ENDINGS)


def open_archive(name: str, cache_dir: Path) -> FolderSource:
    """Unpacks the archive into `cache_dir` once and reads it as a folder.

    Raises `UserError` when it can't be fetched, is damaged, or holds no pairs.
    """
    remote = urlsplit(name).scheme in ("http", "https")
    if not remote and not Path(name).is_file():
        raise UserError(f"There is no archive {name}; check the path.")
    identity = name if remote else f"{Path(name).resolve()} {Path(name).stat().st_mtime_ns}"
    folder = cache_dir / "archives" / hashlib.sha256(identity.encode()).hexdigest()[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.is_dir():
            archive = folder.with_suffix(".tar") if remote else Path(name)
            try:
                if remote and not archive.exists():
                    write_atomically(archive, lambda path: _download(name, path))
                _unpack(archive, folder, name)
            finally:
                if remote:  # unpacked, or damaged: no use in either case
                    archive.unlink(missing_ok=True)
    return FolderSource(_layout(folder), name)


def _download(url: str, path: Path) -> None:
    try:
        with httpx2.stream("GET", url, follow_redirects=True, timeout=60) as answer:
            answer.raise_for_status()
            size = int(answer.headers.get("Content-Length", 0)) or None
            progress = tqdm(desc=f"Fetching {url}", total=size, unit="B", unit_scale=True)
            with progress, path.open("wb") as file:
                for part in answer.iter_bytes(1 << 20):
                    file.write(part)
                    progress.update(len(part))
    except httpx2.HTTPError as error:
        reason = first_line(error)
        raise UserError(f"{url} can't be fetched ({reason}); check it and try again.") from None


def _unpack(archive: Path, folder: Path, name: str) -> None:
    """Writes the archive's pictures, and nothing else of it, to `folder`, all or none."""
    draft = folder.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        with tarfile.open(archive) as packed:
            for member in packed:
                if member.isfile() and Path(member.name).suffix.lower() in SUFFIXES:
                    # The filter refuses absolute paths and those that lead out of the folder.
                    packed.extract(member, draft, filter="data")
            # tarfile takes a broken header for the end: the checksum at the real end tells.
            while packed.fileobj.read(1 << 20):
                pass
        draft.mkdir(exist_ok=True)
        FolderSource(_layout(draft), name)  # without pairs it is not worth keeping
        draft.replace(folder)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise UserError(f"The archive {name} can't be unpacked: {first_line(error)}.") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _layout(folder: Path) -> Path:
    """The folder with train/ in it: the archives have one folder at the top."""
    inner = [path for path in folder.iterdir() if path.is_dir()]
    return inner[0] if len(inner) == 1 and not has_pictures(folder) else folder
