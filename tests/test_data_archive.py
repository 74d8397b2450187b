"""Berkeley archives: a .tar.gz of side-by-side pictures, by path or address, safely unpacked."""

import io
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
from tests.builders import encode, pairs, side_by_side, tiny_config, write_side_by_side

SIDE = 40


def opened(name: str | Path, cache: Path) -> Source:
    return open_source(tiny_config(dataset_name=str(name)), cache)


def bytes_of(source: Source) -> dict[str, list]:
    """Every row of every split, as stored."""
    plan = source.plan(tiny_config())
    return {rows.split: list(source.read(rows)) for rows in (plan.train, plan.held_out)}


def refusal(name: str | Path, cache: Path) -> str:
    """The sentence of the error, which must leave no half-unpacked folder behind."""
    with pytest.raises(UserError) as refused:
        opened(name, cache)
    assert "\n" not in str(refused.value)
    archives = cache / "archives"
    assert not [path for path in archives.glob("*") if path.is_dir()]
    assert not list(archives.glob("*.tar"))
    return str(refused.value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layout of the Berkeley archives: maps/train and maps/val."""
    folder = tmp_path_factory.mktemp("berkeley") / "maps"
    write_side_by_side(folder, "train", pairs(5, SIDE), "jpg")
    write_side_by_side(folder, "val", pairs(2, SIDE, seed=1), "jpg")
    return folder


@pytest.fixture
def archive(folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "maps.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        packed.add(folder, "maps")
    return path


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """The address under which `tmp_path` is served, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_pairs_of_an_archive_are_those_of_its_folder(folder, archive, tmp_path):
    source = opened(archive, tmp_path / "cache")
    assert source.splits == {"train": 5, "val": 2} and source.name == str(archive)
    assert bytes_of(source) == bytes_of(opened(folder, tmp_path))


def test_an_archive_behind_an_address(folder, archive, served, tmp_path):
    address, asked = served
    source = opened(f"{address}/maps.tar.gz", tmp_path / "cache")
    assert source.name == f"{address}/maps.tar.gz"
    assert bytes_of(source) == bytes_of(opened(folder, tmp_path))
    opened(f"{address}/maps.tar.gz", tmp_path / "cache")
    assert asked == ["/maps.tar.gz"], "it is fetched once"


def test_pictures_without_a_folder_around_train(folder, tmp_path):
    path = tmp_path / "flat.tar"
    with tarfile.open(path, "w") as packed:
        packed.add(folder / "train", "train")
    assert opened(path, tmp_path / "cache").splits == {"train": 5}


def test_an_archive_is_unpacked_once_until_it_changes(archive, folder, tmp_path):
    def unpacked() -> dict[Path, int]:
        pictures = (tmp_path / "cache").rglob("*.jpg")
        return {path: path.stat().st_ino for path in pictures}

    first, seen = opened(archive, tmp_path / "cache"), unpacked()
    assert len(seen) == 7
    second = opened(archive, tmp_path / "cache")
    assert unpacked() == seen and second.fingerprint() == first.fingerprint()
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(folder / "train", "train")
    assert opened(archive, tmp_path / "cache").splits == {"train": 5}


# Archives that want out of their folder.


def picture_bytes() -> bytes:
    return encode(side_by_side(pairs(1, SIDE)[0]), "JPEG")


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


EVIL: dict[str, Callable[[Path], list]] = {
    "an absolute path": lambda out: [a_file(f"{out}/evil.jpg")],
    "a path that climbs": lambda out: [a_file("train/../../../../outside/evil.jpg")],
    "a link, then a file behind it": lambda out: [
        a_link("train", str(out)),
        a_file("train/evil.jpg"),
    ],
    "a link that climbs": lambda out: [
        a_link("way.jpg", "../../../outside"),
        a_file("way.jpg/e.jpg"),
    ],
    "a picture that is a link": lambda out: [a_link("train/9.jpg", str(out / "secret.jpg"))],
    "a hard link": lambda out: [a_link("train/9.jpg", str(out / "secret.jpg"), tarfile.LNKTYPE)],
    "a device": lambda out: [a_device("train/9.jpg")],
    "a pipe": lambda out: [a_link("train/9.jpg", "", tarfile.FIFOTYPE)],
}


@pytest.mark.parametrize("kind", EVIL)
def test_an_evil_archive_writes_and_reads_nothing_outside(tmp_path, kind):
    """Its good pictures are read, or it is refused in one sentence; nothing else happens."""
    outside, cache = tmp_path / "outside", tmp_path / "cache"
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(b"secret")
    before = sorted(tmp_path.iterdir()) + sorted(outside.iterdir())
    path = tmp_path / "evil.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        packed.addfile(*a_file("train/0.jpg"))
        for member, content in EVIL[kind](outside):
            packed.addfile(member, content)
    try:
        source = opened(path, cache)
    except UserError as error:
        assert str(path) in str(error) and "\n" not in str(error)
        assert not [folder for folder in (cache / "archives").iterdir() if folder.is_dir()]
    else:
        rows = bytes_of_train(source)
        assert rows and set(rows) == {(picture_bytes(),)}
    assert (outside / "secret.jpg").read_bytes() == b"secret"
    after = sorted(tmp_path.iterdir()) + sorted(outside.iterdir())
    assert set(after) - set(before) == {path, cache}
    for found in cache.rglob("*"):
        assert not found.is_symlink() and (found.is_dir() or found.is_file())


def bytes_of_train(source: Source) -> list:
    return list(source.read(Rows("train", 0, source.splits["train"])))


# Archives that hold no pairs.


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_an_archive_that_was_cut_short(archive, tmp_path, kept):
    content = archive.read_bytes()
    archive.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    assert f"The archive {archive} can't be unpacked" in refusal(archive, tmp_path / "cache")


@pytest.mark.parametrize("place", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_an_archive_whose_bytes_are_wrong(archive, tmp_path, place):
    content = bytearray(archive.read_bytes())
    wrong = slice(int(place * len(content)), int(place * len(content)) + 50)
    content[wrong] = bytes(255 - byte for byte in content[wrong])
    archive.write_bytes(content)
    assert "can't be unpacked" in refusal(archive, tmp_path / "cache")


def test_a_file_that_is_no_archive(tmp_path):
    (tmp_path / "page.tar.gz").write_text("<html>sign in first</html>")
    assert "can't be unpacked" in refusal(tmp_path / "page.tar.gz", tmp_path / "cache")


def test_an_archive_without_pictures(tmp_path):
    path = tmp_path / "texts.tar.gz"
    (tmp_path / "a.txt").write_text("no picture")
    with tarfile.open(path, "w:gz") as packed:
        packed.add(tmp_path / "a.txt", "texts/a.txt")
    assert f"{path} holds no pairs" in refusal(path, tmp_path / "cache")


def test_a_path_that_is_not_there(tmp_path):
    name = tmp_path / "nowhere.tar.gz"
    assert f"There is no archive {name}" in refusal(name, tmp_path / "cache")


def test_an_address_that_is_not_there(served, tmp_path):
    name = f"{served[0]}/nowhere.tar.gz"
    said = refusal(name, tmp_path / "cache")
    assert name in said and "404" in said


def test_an_address_where_nobody_answers(served, tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        name = f"http://127.0.0.1:{server.server_port}/maps.tar.gz"
    assert f"{name} can't be fetched" in refusal(name, tmp_path / "cache")


def test_a_damaged_download_is_fetched_again(archive, folder, served, tmp_path):
    """What was downloaded and can't be unpacked is not kept for the next run."""
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    name = f"{served[0]}/maps.tar.gz"
    assert "can't be unpacked" in refusal(name, tmp_path / "cache")
    archive.write_bytes(whole)
    assert bytes_of(opened(name, tmp_path / "cache")) == bytes_of(opened(folder, tmp_path))


def test_an_archives_address_has_no_commit_on_the_hub():
    """`train_hub.py` asks for it before the first byte; nothing listens there."""
    assert dataset_commit("http://127.0.0.1:9/maps.tar.gz") is None
