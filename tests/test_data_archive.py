"""Archives of the Berkeley layout: opened by path or URL, and safely unpacked."""

import io
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pix2pix import UserError
from pix2pix.data import Rows, Source, open_source
from pix2pix.hub import dataset_commit
from tests.builders import encode_image, join_pair, make_pairs, tiny_config, write_joined_pairs

SIDE = 40


def open_archive(name: str | Path, cache: Path) -> Source:
    return open_source(tiny_config(dataset_name=str(name)), cache)


def read_all(source: Source) -> dict[str, list]:
    """Returns the rows of both splits, as the bytes of their files."""
    plan = source.plan(tiny_config())
    return {rows.split: list(source.read(rows)) for rows in (plan.train, plan.held_out)}


def error_message(name: str | Path, cache: Path) -> str:
    """Returns the message of the error, which must leave no partly unpacked folder."""
    with pytest.raises(UserError) as error:
        open_archive(name, cache)
    assert "\n" not in str(error.value)
    archives = cache / "archives"
    assert not [path for path in archives.glob("*") if path.is_dir()]
    assert not list(archives.glob("*.tar"))
    return str(error.value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layout of the Berkeley archives: maps/train and maps/val."""
    folder = tmp_path_factory.mktemp("berkeley") / "maps"
    write_joined_pairs(folder, "train", make_pairs(5, SIDE), "jpg")
    write_joined_pairs(folder, "val", make_pairs(2, SIDE, seed=1), "jpg")
    return folder


@pytest.fixture
def archive(folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "maps.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        packed.add(folder, "maps")
    return path


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """The URL that serves `tmp_path`, and the paths that were requested."""
    requests: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            requests.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", requests
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_archive_has_the_pairs_of_its_folder(folder, archive, tmp_path):
    source = open_archive(archive, tmp_path / "cache")
    assert source.splits == {"train": 5, "val": 2} and source.name == str(archive)
    assert read_all(source) == read_all(open_archive(folder, tmp_path))


def test_an_archive_is_downloaded_from_a_url(folder, archive, served, tmp_path):
    url, requests = served
    source = open_archive(f"{url}/maps.tar.gz", tmp_path / "cache")
    assert source.name == f"{url}/maps.tar.gz"
    assert read_all(source) == read_all(open_archive(folder, tmp_path))
    open_archive(f"{url}/maps.tar.gz", tmp_path / "cache")
    assert requests == ["/maps.tar.gz"], "it is downloaded only once"


def test_an_archive_may_have_train_at_its_top(folder, tmp_path):
    path = tmp_path / "flat.tar"
    with tarfile.open(path, "w") as packed:
        packed.add(folder / "train", "train")
    assert open_archive(path, tmp_path / "cache").splits == {"train": 5}


def test_an_archive_is_unpacked_once_until_it_changes(archive, folder, tmp_path):
    def unpacked() -> dict[Path, int]:
        pictures = (tmp_path / "cache").rglob("*.jpg")
        return {path: path.stat().st_ino for path in pictures}

    first, seen = open_archive(archive, tmp_path / "cache"), unpacked()
    assert len(seen) == 7
    second = open_archive(archive, tmp_path / "cache")
    assert unpacked() == seen and second.fingerprint() == first.fingerprint()
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(folder / "train", "train")
    assert open_archive(archive, tmp_path / "cache").splits == {"train": 5}


# Archives that try to leave their folder.


def picture_bytes() -> bytes:
    return encode_image(join_pair(make_pairs(1, SIDE)[0]), "JPEG")


def a_file(name: str) -> tuple[tarfile.TarInfo, io.BytesIO]:
    member = tarfile.TarInfo(name)
    member.size = len(picture_bytes())
    return member, io.BytesIO(picture_bytes())


def a_link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, None]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, None


def a_device(name: str) -> tuple[tarfile.TarInfo, None]:
    return a_link(name, "", tarfile.CHRTYPE)


MALICIOUS: dict[str, Callable[[Path], list]] = {
    "an absolute path": lambda out: [a_file(f"{out}/evil.jpg")],
    "a link, then a file behind it": lambda out: [
        a_link("train", str(out)),
        a_file("train/evil.jpg"),
    ],
    "a link with ..": lambda out: [
        a_link("link.jpg", "../../../outside"),
        a_file("link.jpg/e.jpg"),
    ],
    "a picture that is a link": lambda out: [a_link("train/9.jpg", str(out / "secret.jpg"))],
    "a hard link": lambda out: [a_link("train/9.jpg", str(out / "secret.jpg"), tarfile.LNKTYPE)],
    "a device": lambda out: [a_device("train/9.jpg")],
    "a pipe": lambda out: [a_link("train/9.jpg", "", tarfile.FIFOTYPE)],
}


# The second picture lies behind the link, which is not written: train is a plain folder.
TRAIN_ROWS = {"a link, then a file behind it": 2}


@pytest.mark.parametrize("kind", MALICIOUS)
def test_a_malicious_archive_writes_and_reads_nothing_outside(tmp_path, kind):
    """Its pictures are read from inside the cache, and its links and devices are left out."""
    outside, cache = write_malicious_archive(tmp_path, MALICIOUS[kind])
    source = open_archive(tmp_path / "evil.tar.gz", cache)
    rows = list(source.read(Rows("train", 0, source.splits["train"])))
    assert rows == [(picture_bytes(),)] * TRAIN_ROWS.get(kind, 1)
    check_nothing_escaped(tmp_path, outside, cache)


def test_an_archive_with_a_path_out_of_its_folder_is_an_error(tmp_path):
    outside, cache = write_malicious_archive(
        tmp_path, lambda _: [a_file("train/../../../../outside/evil.jpg")]
    )
    message = error_message(tmp_path / "evil.tar.gz", cache)
    assert message.startswith(f"The archive {tmp_path}/evil.tar.gz can't be unpacked: ")
    assert "leads outside of the archive" in message
    check_nothing_escaped(tmp_path, outside, cache)


def write_malicious_archive(folder: Path, members: Callable[[Path], list]) -> tuple[Path, Path]:
    """Writes evil.tar.gz with a good picture first; returns a folder beside it and the cache."""
    outside = folder / "outside"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"secret")
    with tarfile.open(folder / "evil.tar.gz", "w:gz") as packed:
        packed.addfile(*a_file("train/0.jpg"))
        for member, content in members(outside):
            packed.addfile(member, content)
    return outside, folder / "cache"


def check_nothing_escaped(folder: Path, outside: Path, cache: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {"outside", "cache", "evil.tar.gz"}
    assert [path.name for path in outside.iterdir()] == ["secret.jpg"]
    assert (outside / "secret.jpg").read_bytes() == b"secret"
    kinds = {stat.S_IFMT(path.lstat().st_mode) for path in cache.rglob("*")}
    assert kinds == {stat.S_IFDIR, stat.S_IFREG}


# Archives without pairs.


@pytest.mark.parametrize("length", [0, 10, 0.5, 0.99])
def test_an_archive_cut_short_is_an_error(archive, tmp_path, length):
    content = archive.read_bytes()
    archive.write_bytes(
        content[: int(length * len(content)) if isinstance(length, float) else length]
    )
    assert f"The archive {archive} can't be unpacked" in error_message(archive, tmp_path / "cache")


@pytest.mark.parametrize("position", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_an_archive_with_wrong_bytes_is_an_error(archive, tmp_path, position):
    content = bytearray(archive.read_bytes())
    wrong = slice(int(position * len(content)), int(position * len(content)) + 50)
    content[wrong] = bytes(255 - byte for byte in content[wrong])
    archive.write_bytes(content)
    assert "can't be unpacked" in error_message(archive, tmp_path / "cache")


def test_a_file_that_is_not_an_archive_is_an_error(tmp_path):
    (tmp_path / "page.tar.gz").write_text("<html>sign in first</html>")
    assert "can't be unpacked" in error_message(tmp_path / "page.tar.gz", tmp_path / "cache")


def test_an_archive_without_pictures_is_an_error(tmp_path):
    path = tmp_path / "texts.tar.gz"
    (tmp_path / "a.txt").write_text("not a picture")
    with tarfile.open(path, "w:gz") as packed:
        packed.add(tmp_path / "a.txt", "texts/a.txt")
    assert f"{path} has no pairs" in error_message(path, tmp_path / "cache")


def test_a_missing_path_is_an_error(tmp_path):
    name = tmp_path / "nowhere.tar.gz"
    assert f"There is no folder or file {name}" in error_message(name, tmp_path / "cache")


def test_a_missing_url_is_an_error(served, tmp_path):
    name = f"{served[0]}/nowhere.tar.gz"
    message = error_message(name, tmp_path / "cache")
    assert name in message and "404" in message


def test_an_unreachable_server_is_an_error(served, tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        name = f"http://127.0.0.1:{server.server_port}/maps.tar.gz"
    assert f"{name} can't be downloaded" in error_message(name, tmp_path / "cache")


def test_a_damaged_download_is_downloaded_again(archive, folder, served, tmp_path):
    """A download that can't be unpacked is not kept for the next run."""
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    name = f"{served[0]}/maps.tar.gz"
    assert "can't be unpacked" in error_message(name, tmp_path / "cache")
    archive.write_bytes(whole)
    assert read_all(open_archive(name, tmp_path / "cache")) == read_all(
        open_archive(folder, tmp_path)
    )


def test_the_url_of_an_archive_has_no_commit_on_the_hub():
    """The commit is looked up before the download, here without a request: nothing listens."""
    assert dataset_commit("http://127.0.0.1:9/maps.tar.gz") is None
