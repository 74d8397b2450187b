"""Finding pictures in files, folders and patterns, and naming their results."""

import os
from pathlib import Path

import pytest
from PIL import Image

from pix2pix import UserError
from pix2pix.formats import PICTURE_SUFFIXES, READABLE_FORMATS
from pix2pix.picture_files import find_pictures, plan_outputs, printable


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def find(*names: str, output: str = "out") -> list[str]:
    """The pictures found, as text; without any problem."""
    search = find_pictures(names, Path(output))
    assert search.problems == []
    return [str(picture.path) for picture in search.pictures]


def plan(*names: str, output: str = "out") -> dict[str, str]:
    """The path of each picture by the path of its PNG."""
    pictures = find_pictures(names, Path(output)).pictures
    planned = plan_outputs(pictures, Path(output))
    return {str(path): str(picture.path) for path, picture in planned.items()}


def problem(*names: str) -> str:
    """The one problem of names that stand for no picture."""
    search = find_pictures(names, Path("out"))
    assert search.pictures == []
    (sentence,) = search.problems
    return sentence


def test_a_folder_keeps_its_structure(folder: Path):
    touch("photos/b.JPG", "photos/a.png", "photos/2020/may/c.webp", "photos/x.y.tif")
    assert plan("photos") == {
        "out/a.png": "photos/a.png",
        "out/b.png": "photos/b.JPG",
        "out/x.y.png": "photos/x.y.tif",
        "out/2020/may/c.png": "photos/2020/may/c.webp",
    }


def test_a_file_keeps_its_bare_name(folder: Path):
    touch("photos/2020/a.jpg", "without-ending")
    assert plan("photos/2020/a.jpg", str(folder / "without-ending")) == {
        "out/a.png": "photos/2020/a.jpg",
        "out/without-ending.png": str(folder / "without-ending"),
    }


def test_other_and_hidden_files_in_a_folder_are_counted(folder: Path):
    touch("p/a.jpg", "p/._a.jpg", "p/.DS_Store", "p/notes.txt", "p/b.heic", "p/c.HEIC", "p/README")
    touch("p/.thumbnails/a.jpg", "p/__MACOSX/._b.jpg")
    os.mkfifo("p/pipe.jpg")
    search = find_pictures(["p"], Path("out"))
    assert [str(picture.path) for picture in search.pictures] == ["p/a.jpg"]
    assert search.ignored == {
        "hidden": 3, ".txt": 1, ".heic": 2, ".jpg": 1, "without ending": 1,
    }  # fmt: skip
    assert search.problems == []


def test_every_ending_that_pillow_knows_for_the_readable_formats_counts():
    Image.init()
    formats = (*READABLE_FORMATS, "MPO")  # MPO: JPEG with further pictures, read as JPEG
    endings = {e for e, format in Image.registered_extensions().items() if format in formats}
    assert endings - {".pfm"} == PICTURE_SUFFIXES, ".pfm holds floating point numbers"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("p/*.jpg", {"out/a.png": "p/a.jpg"}),
        ("p/?.[jp]*g", {"out/a.png": "p/a.jpg", "out/b.png": "p/b.png"}),
        ("p/s/**/*.jpg", {"out/c.png": "p/s/c.jpg", "out/t/d.png": "p/s/t/d.jpg"}),
        ("**/t/*", {"out/p/s/t/d.png": "p/s/t/d.jpg"}),
        ("p/*/t", {"out/s/t/d.png": "p/s/t/d.jpg"}),
        ("p/s/**", {"out/c.png": "p/s/c.jpg", "out/t/d.png": "p/s/t/d.jpg"}),
        ("*/*/*.jpg", {"out/p/s/c.png": "p/s/c.jpg"}),
        ("{}/p/*.jpg", {"out/a.png": "{}/p/a.jpg"}),
    ],
)  # fmt: skip
def test_a_pattern_keeps_the_structure_below_its_first_wildcard(
    folder: Path, pattern: str, expected: dict[str, str]
):
    touch("p/a.jpg", "p/b.png", "p/s/c.jpg", "p/s/t/d.jpg", "p/.hidden/e.jpg", "p/.f.jpg")
    expected = {path: source.format(folder) for path, source in expected.items()}
    assert plan(pattern.format(folder)) == expected


def test_a_name_with_brackets_that_exists_is_not_a_pattern(folder: Path):
    touch("p [2020]/a[1].jpg", "p [2020]/b.jpg", "p 2/c.jpg")
    assert find("p [2020]/a[1].jpg") == ["p [2020]/a[1].jpg"]
    assert find("p [2020]/*.jpg") == ["p [2020]/a[1].jpg", "p [2020]/b.jpg"]


def test_a_home_folder_in_a_quoted_pattern(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(folder))
    touch("p/a.jpg")
    assert find("~/p/*.jpg") == [str(folder / "p/a.jpg")]


def test_each_picture_is_found_once(folder: Path):
    touch("p/a.jpg", "p/b.jpg")
    assert find("p/a.jpg", "p", "p/../p/a.jpg", "p/*.jpg", "p/**") == ["p/a.jpg", "p/b.jpg"]


def test_loops_of_links_end(folder: Path):
    touch("p/a.jpg", "p/s/b.jpg")
    Path("p/s/up").symlink_to("..")
    Path("p/again").symlink_to("s")
    Path("p/self").symlink_to("self")
    Path("p/self.jpg").symlink_to("self.jpg")
    assert find("p") == ["p/a.jpg", "p/self.jpg", "p/s/b.jpg"]
    assert find("p/**/*.jpg") == ["p/a.jpg", "p/self.jpg", "p/s/b.jpg"]


def test_a_linked_folder_elsewhere_is_searched(folder: Path):
    touch("disk/x.jpg", "disk/y/z.jpg", "p/a.jpg")
    Path("p/2020").symlink_to(folder / "disk")
    Path("disk/back").symlink_to(folder / "p")
    assert list(plan("p")) == ["out/a.png", "out/2020/x.png", "out/2020/y/z.png"]


def test_the_output_folder_is_not_searched(folder: Path):
    touch("p/a.jpg", "p/out/a.png", "p/out/s/b.png", "p/s/out/c.jpg")
    Path("p/link").symlink_to("out")
    for name in ("p", "p/**", "p/**/*.[jp]*g"):
        assert find(name, output="p/out") == ["p/a.jpg", "p/s/out/c.jpg"]


def test_pictures_may_be_translated_into_their_own_folder_by_a_pattern(folder: Path):
    touch("a.jpg", "b.png", "s/c.jpg")
    assert plan("**/*.jpg", output=".") == {"a.png": "a.jpg", "s/c.png": "s/c.jpg"}


def test_one_stem_with_two_endings_gives_two_results(folder: Path):
    touch("p/a.jpg", "p/a.png", "p/A.gif", "p/b.jpg", "p/s/a.jpg")
    assert plan("p") == {
        "out/A.gif.png": "p/A.gif",
        "out/a.jpg.png": "p/a.jpg",
        "out/a.png.png": "p/a.png",
        "out/b.png": "p/b.jpg",
        "out/s/a.png": "p/s/a.jpg",
    }


def test_two_encodings_of_an_umlaut_are_not_mixed_up(folder: Path):
    touch("p/\u00fc.jpg", "p/u\u0308.png")
    assert set(plan("p")) == {"out/\u00fc.jpg.png", "out/u\u0308.png.png"}


@pytest.mark.parametrize("names", [("p", "q"), ("p/a.jpg", "q/a.jpg"), ("p/*", "q")])
def test_two_pictures_for_one_result_are_refused(folder: Path, names: tuple[str, str]):
    touch("p/a.jpg", "q/a.jpg")
    with pytest.raises(UserError) as caught:
        plan(*names)
    assert str(caught.value).startswith(
        "p/a.jpg and q/a.jpg would both be written to out/a.jpg.png"
    )


def test_an_input_is_never_overwritten(folder: Path):
    touch("p/a.png", "p/b.jpg")
    with pytest.raises(UserError, match="p/a.png would be written to p/a.png, which is itself"):
        plan("p/a.png", "p/b.jpg", output="p")
    with pytest.raises(UserError, match="p/a.png would be written to p/a.png, which is itself"):
        plan("p/*", output="p")
    Path("q").symlink_to("p")
    with pytest.raises(UserError, match="p/a.png would be written to q/a.png, which is itself"):
        plan("p/a.png", output="q")


@pytest.mark.parametrize("output", ["p", "./p/", "q"])
def test_the_output_folder_is_refused_as_an_input(folder: Path, output: str):
    touch("p/a.jpg")
    Path("q").symlink_to("p")
    with pytest.raises(UserError, match="--output p is also an input; name another folder"):
        plan("p", output=output)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gone.jpg", "There is no file or folder gone.jpg; check the path."),
        ("", "There is no file or folder ''; check the path."),
        ("line\nbreak.jpg", "There is no file or folder 'line\\nbreak.jpg'; check the path."),
        ("dangling.jpg", "There is no file or folder dangling.jpg; check the path."),
        ("x" * 300, f"There is no file or folder {'x' * 300}; check the path."),
        ("null\0.jpg", "There is no file or folder 'null\\x00.jpg'; check the path."),
        ("pipe", "pipe is not a file; name a picture or a folder."),
        ("*.jpeg", "No file matches *.jpeg; check the pattern."),
        ("gone/**/*.jpg", "No file matches gone/**/*.jpg; check the pattern."),
    ],
)
def test_names_without_a_picture_are_problems(folder: Path, name: str, expected: str):
    Path("dangling.jpg").symlink_to("gone")
    os.mkfifo("pipe")
    assert problem(name) == expected


def test_a_name_that_is_not_utf_8_is_printable(folder: Path):
    Path(os.fsdecode(b"\xff.jpg")).touch()
    (name,) = find(".")
    assert printable(name) == r"'\udcff.jpg'"
