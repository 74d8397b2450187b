"""Translates pictures with a published model, without TensorFlow.

    pix2pix translate photos --output maps
    pix2pix translate "photos/**/*.jpg" --output maps --model <user>/pix2pix-maps --mode full

The exit code is 1 when a picture could not be translated; the other pictures are still translated.
"""

import errno
import os
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from pix2pix import hub
from pix2pix.console import run_command
from pix2pix.errors import UserError
from pix2pix.fields import check_settings, setting
from pix2pix.files import remove_temporary, write_atomically
from pix2pix.flags import parse_as
from pix2pix.images import open_image
from pix2pix.picture_files import PictureFile, find_pictures, plan_outputs, printable
from pix2pix.translate import STARTER_MODEL, Mode, Translator

PROGRAM = "pix2pix translate"
RECOVERY_HINT = "finished pictures are kept: add --skip_existing to continue"
# tqdm's default format, but with "0.25 images/s" where tqdm would write "4.00s/ images".
progress_bar = partial(
    tqdm, bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]"
)
# Write errors that every later picture would run into too.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


@dataclass(frozen=True)
class TranslateSettings:
    """Names the pictures, the model and the output folder. Raises `UserError` for a wrong value."""

    input: tuple[str, ...] = setting(
        help='pictures, folders (with their subfolders), or patterns such as "photos/**/*.jpg"',
        positional=True,
    )
    output: Path = setting(help="folder for the PNGs; it gets the subfolders of the input folders")
    model: str | None = setting(
        None,
        "folder, Hub id, or id@revision",
        default_help="the starter model of a checkout",
    )
    mode: Mode = setting(
        "fit", "fit: the whole picture at the training size; full: every pixel, in blended tiles"
    )
    side_by_side: bool = setting(False, "write the input and, to its right, the result")
    skip_existing: bool = setting(False, "skip pictures whose PNG exists already")

    def __post_init__(self) -> None:
        check_settings(self)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    (settings,) = parse_as((TranslateSettings,), __doc__, arguments, PROGRAM)
    return run_command(PROGRAM, lambda: run(settings), RECOVERY_HINT)


def run(settings: TranslateSettings) -> int:
    """Translates the pictures, prints the counts, and returns the exit code."""
    # Pillow warns about odd metadata, but each file that fails gets one line, and others none.
    warnings.filterwarnings("ignore", module="PIL")
    search = find_pictures(settings.input, settings.output)
    outputs = plan_outputs(search.pictures, settings.output)
    if not outputs and not search.problems:
        names = ", ".join(map(printable, settings.input))
        raise UserError(f"There are no pictures in {names}{_format_ignored(search.ignored)}.")
    for problem in search.problems:
        _print_problem(problem)
    _prepare_output(settings.output, outputs)
    existing = {path for path in outputs if settings.skip_existing and path.is_file()}
    waiting = {path: picture for path, picture in outputs.items() if path not in existing}
    translated, seconds = _translate_all(waiting, settings) if waiting else (0, 0.0)
    failed = len(search.problems) + len(waiting) - translated
    counts = f"{translated} translated"
    if translated:
        rate = translated / seconds
        speed = f"{rate:.1f} images/s" if rate > 1 else f"{1 / rate:.1f} s/image"
        counts += f" to {printable(settings.output)} ({speed})"
    counts += f", {failed} failed"
    if existing:
        counts += f", {len(existing)} existed already"
    print(f"{counts}{_format_ignored(search.ignored)}.")
    return 1 if failed else 0


def _prepare_output(folder: Path, outputs: Iterable[Path]) -> None:
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


def _translate_all(
    pictures: dict[Path, PictureFile], settings: TranslateSettings
) -> tuple[int, float]:
    """Writes the result of each picture to its path; returns how many, and the seconds it took."""
    translator = _load_model(settings.model)
    if threading.current_thread() is threading.main_thread():
        # A job scheduler's SIGTERM ends the command as Ctrl-C does, with its message.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    translated, started = 0, time.perf_counter()
    # disable=None: a log file gets the lines of failed pictures and the counts, without the bars.
    with progress_bar(total=len(pictures), unit=" images", disable=None) as bar:
        for path, picture in pictures.items():
            try:
                # No variable holds the result: it would stay in memory while the next is read.
                _write(path, _translate(translator, picture, settings))
                translated += 1
            except (UserError, MemoryError) as error:
                _print_problem(f"{printable(picture.path)}: {error or 'out of memory'}")
            except OSError as error:
                if error.errno in DISK_ERRORS:
                    raise
                _print_problem(f"{printable(path)} can't be written ({error.strerror or error}).")
            bar.update()
    return translated, time.perf_counter() - started


def _load_model(name: str | None) -> Translator:
    if name:
        looks_like_a_path = name.startswith((".", "~", os.sep)) or name.count("/") > 1
        if looks_like_a_path and not Path(name).is_dir():
            raise UserError(f"There is no folder {printable(name)}; check the path in --model.")
        hub.set_request_timeout()
        return Translator.from_name(name)
    if not STARTER_MODEL.is_dir():
        raise UserError(
            "--model is missing: only a checkout has the starter model; name a folder or a model "
            "of the Hub, e.g. <user>/pix2pix-maps."
        )
    return Translator(STARTER_MODEL)


def _translate(
    translator: Translator, picture: PictureFile, settings: TranslateSettings
) -> Image.Image:
    """Returns the picture to write; a slow translation shows a progress bar of its tiles."""
    image = open_image(picture.path)
    name = printable(picture.path.name)
    disable = True if settings.mode == "fit" else None
    with progress_bar(desc=name, unit=" tiles", leave=False, delay=1, disable=disable) as bar:
        for done, total, translation in translator.iter_progress(image, mode=settings.mode):
            bar.total = total
            bar.update(done - bar.n)
            if translation is not None:
                result = translation
    if not settings.side_by_side:
        return result
    side_by_side = Image.new("RGB", (2 * image.width, image.height))
    side_by_side.paste(image, (0, 0))
    side_by_side.paste(result, (image.width, 0))
    return side_by_side


def _write(path: Path, image: Image.Image) -> None:
    # With level 3 instead of 6, compressing a photo of 4800x1890 takes 3 s instead of 13 s on a
    # busy CPU, and the file is 9 % larger.
    write_atomically(
        path, lambda file: image.save(file, "PNG", compress_level=3), remove_leftovers=False
    )


def _print_problem(sentence: str) -> None:
    """Prints one line on stderr, above the progress bar."""
    tqdm.write(sentence.replace("\n", "\\n"), file=sys.stderr)


def _format_ignored(ignored: Counter[str]) -> str:
    """Returns a clause such as ", 3 other files ignored (2 .txt, 1 hidden)", or ""."""
    if not ignored:
        return ""
    total = ignored.total()
    files = "file" if total == 1 else "files"
    kinds = ", ".join(f"{count} {kind}" for kind, count in ignored.most_common(5))
    return f", {total} other {files} ignored ({kinds})"
