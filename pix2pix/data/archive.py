"""Opens a tar archive of pictures, such as those from Berkeley, at a path or URL."""

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
    """Returns whether a path or URL has the ending of a tar archive."""
    return urlsplit(name).path.lower().endswith(ENDINGS)


def open_archive(name: str, cache_dir: Path) -> FolderSource:
    """Unpacks the archive into `cache_dir`, if not done before, and opens it as a folder.

    `name` is a path or a URL. Raises `UserError` when it can't be downloaded, is damaged, or has no
    pairs.
    """
    is_remote = urlsplit(name).scheme in ("http", "https")
    if not is_remote and not Path(name).is_file():
        raise UserError(f"There is no archive {name}; check the path.")
    identity = name if is_remote else f"{Path(name).resolve()} {Path(name).stat().st_mtime_ns}"
    folder = cache_dir / "archives" / hashlib.sha256(identity.encode()).hexdigest()[:16]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.is_dir():
            archive = folder.with_suffix(".tar") if is_remote else Path(name)
            try:
                if is_remote and not archive.exists():
                    write_atomically(archive, lambda path: _download(name, path))
                _unpack(archive, folder, name)
            finally:
                if is_remote:  # by now, the download is either unpacked or known to be damaged
                    archive.unlink(missing_ok=True)
    return FolderSource(_find_layout(folder), name)


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
    """Writes only the archive's pictures to `folder`, either all of them or none."""
    draft = folder.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isfile() and Path(member.name).suffix.lower() in SUFFIXES:
                    # The filter refuses absolute paths and paths that leave the folder.
                    tar.extract(member, draft, filter="data")
            # tarfile takes a damaged header for the end of the archive; reading on to the real end
            # verifies the checksum of the compressed data.
            while tar.fileobj.read(1 << 20):
                pass
        draft.mkdir(exist_ok=True)
        FolderSource(_find_layout(draft), name)  # raises when there are no pairs
        draft.replace(folder)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise UserError(f"The archive {name} can't be unpacked: {first_line(error)}.") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _find_layout(folder: Path) -> Path:
    """Returns the folder that contains train/; most archives have a single folder around it."""
    inner = [path for path in folder.iterdir() if path.is_dir()]
    return inner[0] if len(inner) == 1 and not has_pictures(folder) else folder
