"""`pix2pix translate`, run as a user runs it, on real pictures with the starter model."""

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix import Translator
from pix2pix.commands import translate
from pix2pix.pixels.gate import open_image
from pix2pix.translate import STARTER_MODEL
from tests.builders import encode_image, make_picture
from tests.commands import ROOT
from tests.hub_server import HubServer

COMMAND = [sys.executable, "-m", "pix2pix", "translate"]
PHOTO = STARTER_MODEL / "samples" / "003-input.png"
UPRIGHT_TAG = 0x0112


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator(STARTER_MODEL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the working directory of the test and of the command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def run(*arguments: str | Path) -> subprocess.CompletedProcess:
    """Runs the command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=300, check=False
    )


def save(path: str, width: int = 40, height: int = 30, seed: int = 0, **options) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    make_picture(width, height, seed).save(path, **options)


def names_in(folder: str) -> set[str]:
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}


def assert_same_pixels(path: str | Path, expected: Image.Image) -> None:
    with Image.open(path) as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        np.testing.assert_array_equal(np.asarray(image), np.asarray(expected))


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Runs the command in this process, up to an error, and returns its one line on stderr."""
    assert translate.main(list(arguments)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("pix2pix translate: ")
    return line


@pytest.mark.slow
def test_200_pictures_with_three_broken_ones(folder: Path, translator: Translator):
    for number in range(200):
        save(f"photos/{number % 7}/{number:03d}.jpg", seed=number)
    Path("photos/0/007.jpg").write_bytes(Path("photos/0/007.jpg").read_bytes()[:500])
    Path("photos/1/050.jpg").write_text("dear diary")
    Path("photos/3/150.jpg").write_bytes(b"")
    Path("photos/notes.txt").write_text("not a picture, and not named")
    finished = run("photos", "--output", "maps")
    assert finished.returncode == 1
    problems = finished.stderr.splitlines()
    assert [line.split(": ")[0] for line in problems] == [
        "photos/0/007.jpg", "photos/1/050.jpg", "photos/3/150.jpg",
    ]  # fmt: skip
    assert [message in line for message, line in zip(
        ("damaged or cut short", "not a picture", "empty"), problems, strict=True
    )] == [True] * 3  # fmt: skip
    assert re.fullmatch(
        r"197 translated to maps \([\d.]+ images/s\), 3 failed, "
        r"1 other file ignored \(1 \.txt\)\.\n",
        finished.stdout,
    )
    inputs = {name.removesuffix(".jpg") for name in names_in("photos") if name.endswith(".jpg")}
    broken = {"0/007", "1/050", "3/150"}
    assert names_in("maps") == {f"{name}.png" for name in inputs - broken}
    for name in ("0/000", "1/197", "3/199"):
        expected = translator(f"photos/{name}.jpg")
        assert_same_pixels(f"maps/{name}.png", expected)


@pytest.mark.parametrize("mode", ["fit", pytest.param("full", marks=pytest.mark.slow)])
def test_each_kind_of_picture_beside_its_input(folder: Path, translator: Translator, mode: str):
    Path("in").mkdir()
    sixteen_bit = np.linspace(0, 65535, 300 * 280).reshape(280, 300).astype(np.uint16)
    Image.fromarray(sixteen_bit).save("in/sixteen bits.png")
    exif = Image.Exif()
    exif[UPRIGHT_TAG] = 6
    save("in/für Oma/rotated.jpg", 90, 60, exif=exif)
    transparent = make_picture(70, 50).convert("RGBA")
    transparent.putalpha(120)
    transparent.save("in/line\nbreak.webp", lossless=True)
    save("in/palette.gif")
    save("in/a.tif", 1, 1)
    finished = run("in", "--output", "new/out", "--mode", mode, "--side_by_side")
    assert (finished.returncode, finished.stderr) == (0, "")
    outputs = {
        "sixteen bits.png": "sixteen bits.png", "für Oma/rotated.jpg": "für Oma/rotated.png",
        "line\nbreak.webp": "line\nbreak.png", "palette.gif": "palette.png", "a.tif": "a.png",
    }  # fmt: skip
    assert names_in("new/out") == set(outputs.values())
    for source, result in outputs.items():
        image = open_image(f"in/{source}")
        both = np.concatenate([image, translator(f"in/{source}", mode=mode)], axis=1)
        assert_same_pixels(f"new/out/{result}", Image.fromarray(both))


def test_files_folders_and_patterns_together(folder: Path, translator: Translator):
    save("one.jpg"), save("f/two.jpg"), save("f/s/three.jpg"), save("g/s/four.jpg")
    finished = run("one.jpg", "f", "g/**/*.jpg", "gone.jpg", "*.bmp", "--output", "out")
    assert finished.returncode == 1
    assert finished.stderr.splitlines() == [
        "There is no file or folder gone.jpg; check the path.",
        "No file matches *.bmp; check the pattern.",
    ]
    assert "4 translated to out" in finished.stdout and "2 failed." in finished.stdout
    assert names_in("out") == {"one.png", "two.png", "s/three.png", "s/four.png"}
    assert_same_pixels("out/s/four.png", translator("g/s/four.jpg"))


def test_a_named_file_of_another_kind_is_reported(folder: Path):
    Path("notes.txt").write_text("dear diary")
    save("really-a-picture.txt", format="PNG")
    finished = run("notes.txt", "really-a-picture.txt", "--output", "out")
    assert finished.returncode == 1
    (line,) = finished.stderr.splitlines()
    assert line.startswith("notes.txt: This file is not a picture that can be read")
    assert names_in("out") == {"really-a-picture.png"}


def test_skip_existing_leaves_results_as_they_are(folder: Path):
    for name in "abc":
        save(f"in/{name}.jpg")
    assert run("in", "--output", "in/out").returncode == 0
    Path("in/out/a.png").write_text("edited by hand")
    Path("in/out/b.png").unlink()
    finished = run("in", "--output", "in/out", "--skip_existing")
    assert finished.returncode == 0
    assert re.fullmatch(
        r"1 translated to in/out \(.* images/s\), 0 failed, 2 existed already\.\n", finished.stdout
    )
    assert Path("in/out/a.png").read_text() == "edited by hand"
    assert names_in("in/out") == {"a.png", "b.png", "c.png"}
    # A second run over everything: the results in in/out are not inputs.
    finished = run("in", "--output", "in/out")
    assert finished.stdout.startswith("3 translated") and finished.returncode == 0
    with Image.open("in/out/a.png") as image:
        assert image.format == "PNG"


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_an_interrupted_run_can_be_continued(folder: Path, number: signal.Signals):
    for index in range(60):
        save(f"in/{index:03d}.jpg", 300, 300, index)
    command = [*COMMAND, "in", "--output", "out"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while len(list(Path("out").glob("[!.]*.png"))) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors == (
        "pix2pix translate: interrupted; finished pictures are kept: add --skip_existing to "
        "continue\n"
    )
    finished = names_in("out")
    assert 3 <= len(finished) < 60
    for name in finished:
        with Image.open(f"out/{name}") as image:
            assert image.size == (300, 300)
            image.load()
    # As a process leaves it that is killed while it writes.
    Path("out/.123.059.png").write_bytes(b"half a picture")
    resumed = run("in", "--output", "out", "--skip_existing")
    assert f", {len(finished)} existed already." in resumed.stdout
    assert names_in("out") == {f"{index:03d}.png" for index in range(60)}


@pytest.mark.slow
def test_a_terminal_shows_pictures_and_tiles_and_the_time_left(folder: Path):
    save("large.png", 1500, 1400)
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 100))
    process = subprocess.Popen(
        [*COMMAND, "large.png", "--output", "out", "--mode", "full"],
        stdout=subprocess.DEVNULL, stderr=follower,
    )  # fmt: skip
    os.close(follower)
    output = b""
    while True:
        try:
            output += os.read(leader, 10_000)
        except OSError:  # the process has closed its side
            break
    os.close(leader)
    assert process.wait(timeout=60) == 0
    text = output.decode()
    rate = r"\[\d+:\d+<\d+:\d+, +[\d.]+"
    # A busy machine takes more than a second for one of them.
    assert re.search(rf"100%.* 1/1 {rate}( images/s|s/ images)\]", text)
    assert re.search(rf"large\.png: +\d+%.* \d+/56 {rate}( tiles/s|s/ tiles)\]", text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: INPUT, --output"),
        (["a.jpg"], "the following arguments are required: --output"),
        (["a.jpg", "--output", "out", "--mode", "tiles"], "argument --mode: invalid choice"),
    ],
)
def test_wrong_usage(capsys, arguments: list[str], message: str):
    with pytest.raises(SystemExit) as caught:
        translate.main(arguments)
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"pix2pix translate: {message}")


def test_a_folder_without_pictures(folder: Path, capsys):
    Path("in").mkdir()
    assert failure(capsys, "in", "--output", "out").endswith(" There are no pictures in in.")
    for name in ("a.heic", "b.heic", "._c.jpg"):
        (folder / "in" / name).touch()
    assert failure(capsys, "in", "--output", "out").endswith(
        "There are no pictures in in, 3 other files ignored (2 .heic, 1 hidden)."
    )
    assert not Path("out").exists()


def test_an_output_that_cannot_be_written(folder: Path, capsys):
    save("a.jpg")
    Path("file").touch()
    assert failure(capsys, "a.jpg", "--output", "file").endswith(
        "--output file is a file; name a folder."
    )
    assert failure(capsys, "a.jpg", "--output", "file/out").endswith(
        "--output file/out can't be written (Not a directory); name another folder."
    )
    assert "--output /proc/out can't be written" in failure(
        capsys, "a.jpg", "--output", "/proc/out"
    )


def test_a_result_that_cannot_be_written_leaves_the_others(folder: Path):
    save("in/a.jpg"), save("in/b.jpg"), save("in/c/d.jpg")
    Path("out/a.png").mkdir(parents=True)
    Path("out/c").touch()
    finished = run("in", "--output", "out")
    assert finished.returncode == 1
    assert finished.stderr.splitlines() == [
        "out/a.png can't be written (Is a directory).",
        "out/c/d.png can't be written (File exists).",
    ]
    assert finished.stdout.startswith("1 translated") and "2 failed" in finished.stdout
    assert names_in("out") == {"b.png", "c"}


def test_a_model_that_does_not_exist(folder: Path, capsys, hub: HubServer):
    save("a.jpg")
    for name in ("./model", "/no/model", "a/b/c"):
        assert failure(capsys, "a.jpg", "--output", "out", "--model", name).endswith(
            f"There is no folder {name}; check the path in --model."
        )
    assert "tester/no-such-model was not found on the Hub" in failure(
        capsys, "a.jpg", "--output", "out", "--model", "tester/no-such-model"
    )
    assert f"{folder} is not a complete pix2pix model (pix2pix.json is missing)" in failure(
        capsys, "a.jpg", "--output", "out", "--model", str(folder)
    )


def test_the_package_alone_needs_a_model_and_no_training_packages(folder: Path):
    """Only what requirements.txt installs can be imported, and there are no assets."""
    shutil.copytree(ROOT / "pix2pix", "site/pix2pix", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "requirements.txt", "site")
    save("a.jpg")
    code = "import sys; from pix2pix.__main__ import main; sys.exit(main({!r}))"
    command = [sys.executable, str(ROOT / "tests" / "serving_imports_only.py"), "site"]
    environment = os.environ | {"PYTHONPATH": "site"}

    def run_alone(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*command, code.format(["translate", "a.jpg", "--output", "out", *arguments])],
            env=environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    finished = run_alone()
    assert finished.returncode == 1
    assert finished.stderr == (
        "pix2pix translate: --model is missing: only a checkout has the starter model; name a "
        "folder or a model of the Hub, e.g. <user>/pix2pix-maps.\n"
    )
    finished = run_alone("--model", str(STARTER_MODEL))
    assert (finished.returncode, finished.stderr) == (0, "")
    assert re.search(r"^hidden: .*\btensorflow\b", finished.stdout)
    assert names_in("out") == {"a.png"}


def test_help_does_not_load_onnx_runtime():
    code = (
        "import sys, atexit; from pix2pix.__main__ import main;"
        "atexit.register(lambda: print('onnxruntime' in sys.modules));"
        "main(['translate', '--help'])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--skip_existing" in finished.stdout and finished.stdout.endswith("False\n")


def test_a_truncated_profile_adds_no_warning(folder: Path):
    """Pillow warns about damaged metadata of pictures that it reads all the same."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"
    Path("a.jpg").write_bytes(encode_image(make_picture(30, 20), "JPEG", exif=exif[:-6]))
    finished = run("a.jpg", "--output", "out")
    assert (finished.returncode, finished.stderr) == (0, "")
