"""ZIP and tar archives in all their variants: compressions, links, names, ZIP bombs."""

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2pix import UserError
from pix2pix.data import unpacking
from pix2pix.data.archive import ENDINGS, is_archive, open_archive
from pix2pix.data.folder import FolderSource
from pix2pix.data.source import Rows

FILES = {f"pairs/{split}/{n}.png": os.urandom(50) for split in ("train", "val") for n in range(3)}


def write_zip(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return path


def write_tar(path: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    """Writes a tar archive with files and with symbolic links: name -> target."""
    modes = {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "tbz": "w:bz2", "tbz2": "w:bz2"}
    modes |= {"xz": "w:xz", "txz": "w:xz"}
    with tarfile.open(path, modes.get(path.suffix[1:], "w")) as packed:  # type: ignore[call-overload]
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            packed.addfile(member)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return path


def write_zip_links(path: Path, files: dict[str, bytes], links: dict[str, str]) -> Path:
    """Writes a ZIP archive with files and with symbolic links: name -> target."""
    write_zip(path, files)
    with zipfile.ZipFile(path, "a") as packed:
        for name, target in links.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            packed.writestr(info, target)
    return path


def open_in(folder: Path, path: Path) -> FolderSource:
    return open_archive(str(path), folder / "cache")


def contents(source: FolderSource, split: str = "train") -> list[tuple[bytes, ...]]:
    return list(source.read(Rows(split, 0, source.splits[split])))


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_kind_of_archive_is_read(tmp_path, ending):
    path = tmp_path / f"Pairs{ending.upper() if ending == '.zip' else ending}"
    (write_zip if ending == ".zip" else write_tar)(path, FILES)
    assert is_archive(str(path)) and is_archive(f"https://example.org/{path.name}?download=1")
    source = open_in(tmp_path, path)
    assert source.splits == {"train": 3, "val": 3}
    assert contents(source) == [(FILES[f"pairs/train/{n}.png"],) for n in range(3)]
    assert source.row_name("val", 2) == "pairs/val/2.png"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_compressions(tmp_path, method):
    path = write_zip(tmp_path / "a.zip", FILES, method)
    assert contents(open_in(tmp_path, path)) == [(FILES[f"pairs/train/{n}.png"],) for n in range(3)]


def test_a_folder_with_the_ending_of_an_archive_is_no_archive(tmp_path):
    (tmp_path / "a.zip").mkdir()
    assert not is_archive(str(tmp_path / "a.zip"))
    assert is_archive("maps#1.tar.gz"), "# has a meaning only in URLs"


def test_hidden_files_do_not_matter_and_others_are_named(tmp_path):
    files = dict(FILES) | {
        "__MACOSX/pairs/train/._0.png": b"x",
        "pairs/train/._1.png": b"x",
        "pairs/.DS_Store": b"x",
        "pairs/LICENSE": b"x",
        "pairs/train/a.svg": b"x",
    }
    for path in (write_zip(tmp_path / "a.zip", files), write_tar(tmp_path / "a.tgz", files)):
        source = open_in(tmp_path, path)
        assert source.splits == {"train": 3, "val": 3}
        assert source.notes[-1] == (
            "Left out: 2 files that can't be read as pictures (1 without ending and 1 .svg)."
        )


LINKS = {
    "a/trainB/0.png": "../store/0.png",
    "a/trainB/1.png": "2.png",
    "a/trainB/2.png": "../../a/./store/1.png",
    "a/valA": "store",
    "a/valB": "./valA",
}


@pytest.mark.parametrize("write", [write_zip_links, lambda p, f, k: write_tar(p, f, k)])
def test_links_are_followed_inside_an_archive(tmp_path, write: Callable):
    """To files and folders, through other links, and before or after their target."""
    files = {
        f"a/{folder}/{n}.png": f"{folder} {n}".encode()
        for folder in ("store", "trainA")
        for n in range(3)
    }
    source = open_in(tmp_path, write(tmp_path / "a.tar", files, LINKS).rename(tmp_path / "a.zip"))
    targets = [0, 1, 1]
    assert contents(source) == [(b"trainA %d" % n, b"store %d" % targets[n]) for n in range(3)]
    assert contents(source, "val") == [(b"store %d" % n, b"store %d" % n) for n in range(3)]


@pytest.mark.parametrize(
    "target",
    ["/etc/passwd", "../../../secret.png", "nowhere.png", "../train/9.png", "../train/../../../x"],
)
@pytest.mark.parametrize("write", [write_zip_links, lambda p, f, k: write_tar(p, f, k)])
def test_links_that_lead_nowhere_are_named(tmp_path, write: Callable, target):
    (tmp_path / "secret.png").write_bytes(b"secret")
    path = write(tmp_path / "a.zip", FILES, {"pairs/train/9.png": target})
    source = open_in(tmp_path, path)
    assert source.splits["train"] == 3
    assert source.notes[-1] == (
        "Left out: 1 link or special file without a picture behind it, e.g. pairs/train/9.png."
    )


@pytest.mark.parametrize("name", ["../evil.png", "train/../../evil.png", "a/../../../evil.png"])
def test_a_zip_with_a_path_to_the_outside_is_refused(tmp_path, name):
    path = write_zip(tmp_path / "a.zip", {"train/0.png": b"x", name: b"x"})
    with pytest.raises(UserError, match="leads outside of the archive"):
        open_in(tmp_path, path)
    assert not list(tmp_path.rglob("evil.png"))


def test_an_absolute_path_is_unpacked_inside(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"/train/0.png": b"x", f"{tmp_path}/evil.png": b"x"})
    assert open_in(tmp_path, path).splits == {"train": 1}
    assert not (tmp_path / "evil.png").exists()


def test_names_of_windows_and_macos(tmp_path):
    """Backslashes as separators, and UTF-8 that is not marked as such."""
    path = write_zip(tmp_path / "w.zip", {"train\\0.png": b"0", "train\\1.png": b"1"})
    assert contents(open_in(tmp_path, path)) == [(b"0",), (b"1",)]
    plain = write_zip(tmp_path / "m.zip", {"train/M__nchen.png": b"0"}).read_bytes()
    (tmp_path / "m.zip").write_bytes(plain.replace(b"M__nchen", "M\u00fcnchen".encode()))
    assert open_in(tmp_path, tmp_path / "m.zip").row_name("train", 0) == "train/M\u00fcnchen.png"


@pytest.mark.parametrize("name", ["train/0.png", "train/0.txt"])
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_a_zip_bomb_is_refused(tmp_path, monkeypatch, write: Callable, name):
    """One file of zeros, with a limit that does not need gigabytes of them."""
    monkeypatch.setattr(unpacking, "FREE_BYTES", 10**6)
    path = write(tmp_path / ("a.zip" if write is write_zip else "a.tgz"), {name: bytes(10**7)})
    assert path.stat().st_size < 20_000
    with pytest.raises(UserError, match=r"unpacks to over .* GB, 200 times its size, like a ZIP"):
        open_in(tmp_path, path)
    assert not list((tmp_path / "cache").rglob("*.png"))


def test_a_password_is_named(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"train/0.png": b"x"}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag in the file's own header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    path.write_bytes(content)
    with pytest.raises(UserError, match="has a password"):
        open_in(tmp_path, path)


@pytest.mark.parametrize("position", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_a_damaged_zip_is_refused(tmp_path, position):
    path = write_zip(tmp_path / "a.zip", {"train/0.png": os.urandom(2000)})
    content = path.read_bytes()
    start = int(position * (len(content) - 20))
    path.write_bytes(
        content[:start]
        + bytes(255 - b for b in content[start : start + 20])
        + content[start + 20 :]
    )
    with pytest.raises(UserError, match="can't be unpacked|has no pairs"):
        open_in(tmp_path, path)
    assert not list((tmp_path / "cache").rglob("*.png"))


def test_the_fingerprint_stays_when_an_archive_is_moved_and_unpacked_again(tmp_path):
    path = write_zip(tmp_path / "a.zip", FILES)
    first = open_in(tmp_path, path)
    (tmp_path / "moved").mkdir()
    second = open_in(tmp_path / "moved", path.rename(tmp_path / "moved" / "b.zip"))
    assert second.fingerprint() == first.fingerprint()
    assert second.inventory() == first.inventory()
    changed = write_zip(tmp_path / "a.zip", FILES | {"pairs/train/0.png": b"other"})
    assert open_in(tmp_path, changed).fingerprint() != first.fingerprint()
