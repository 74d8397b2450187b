"""Translates pictures with a published model, without TensorFlow.

    pix2pix translate photos --output maps
    pix2pix translate "photos/**/*.jpg" --output maps --model <user>/pix2pix-maps --mode full

The results are PNGs. A georeferenced TIFF or JPEG 2000 file becomes a GeoTIFF of the same size and
place, if the extra `geo` is installed.
The exit code is 1 when a picture could not be translated; the other pictures are still translated.
"""

import errno
import logging
import signal
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from pix2pix import hub
from pix2pix.console import run_command
from pix2pix.errors import UserError
from pix2pix.fields import check_settings, setting
from pix2pix.flags import parse_as
from pix2pix.geotiff import has_gdal, is_georeferenced, translate_geotiff
from pix2pix.names import check_model_name
from pix2pix.picture_files import (
    GEOTIFF_SUFFIX,
    PictureFile,
    find_pictures,
    plan_outputs,
    prepare_output,
    printable,
)
from pix2pix.pixels.rule import PixelRule
from pix2pix.png_results import translate_to_png
from pix2pix.translate import STARTER_MODEL, Mode, Translator, TranslatorOptions

PROGRAM = "pix2pix translate"
RECOVERY_HINT = "finished pictures are kept: add --skip_existing to continue"
# tqdm's default format, but with "0.25 images/s" where tqdm would write "4.00s/ images".
progress_bar = partial(
    tqdm, bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]"
)
# Write errors that every later picture would run into too.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TranslateSettings:
    """Names the pictures, the model and the output folder. Raises `UserError` for a wrong value."""

    input: tuple[str, ...] = setting(
        help='pictures, folders (with their subfolders), or patterns such as "photos/**/*.jpg"',
        positional=True,
    )
    output: Path = setting(
        help="folder for the results; it gets the subfolders of the input folders"
    )
    model: str | None = setting(
        None,
        "folder, Hub id, or id@revision",
        default_help="the starter model of a checkout",
        may_be_path=True,
    )
    mode: Mode = setting(
        "fit", "fit: the whole picture at the training size; full: every pixel, in blended tiles"
    )
    format: Literal["auto", "png"] = setting(
        "auto",
        "auto: a GeoTIFF for a georeferenced TIFF or JPEG 2000 file, if the extra geo is "
        "installed, and a PNG for others; png: always a PNG",
    )
    side_by_side: bool = setting(
        False, "write the input and, to its right, the result; always as PNG"
    )
    skip_existing: bool = setting(False, "skip pictures whose result exists already")
    bands: str | None = setting(
        None,
        "numbers of the bands that are red, green and blue, from 1, or of one for gray: 1,2,3",
        default_help="as the model was trained, else the first three",
    )
    value_range: str | None = setting(
        None,
        "values that become black and white in files that do not have 8 bits: LOW,HIGH; auto: "
        "recognized from the values of each file; dtype: the full range of the file's type",
        default_help="as the model was trained, else auto",
    )
    max_megapixels: float = setting(
        64.0, "refuse larger pictures; GeoTIFFs are not held in memory and may be larger", above=0
    )

    def __post_init__(self) -> None:
        check_settings(self)
        PixelRule().override(self.bands, self.value_range)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    (settings,) = parse_as((TranslateSettings,), __doc__, arguments, PROGRAM)
    return run_command(PROGRAM, lambda: run(settings), RECOVERY_HINT)


def run(settings: TranslateSettings) -> int:
    """Translates the pictures, prints the counts, and returns the exit code."""
    # Pillow warns about odd metadata, but each file that fails gets one line, and others none.
    warnings.filterwarnings("ignore", module="PIL")
    search = find_pictures(settings.input, settings.output)
    geotiffs = _choose_geotiffs(search.pictures, settings)
    outputs = plan_outputs(search.pictures, settings.output, geotiffs)
    if not outputs and not search.problems:
        names = ", ".join(map(printable, settings.input))
        raise UserError(f"There are no pictures in {names}{_format_ignored(search.ignored)}.")
    for problem in search.problems:
        _print_problem(problem)
    prepare_output(settings.output, outputs)
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


def _choose_geotiffs(
    pictures: Iterable[PictureFile], settings: TranslateSettings
) -> set[PictureFile]:
    """Returns the pictures to translate to GeoTIFFs; without the extra `geo`, warns of the first.

    The result of --side_by_side is a PNG: the two halves can't both lie where the picture does.
    """
    if settings.format == "png" or settings.side_by_side:
        return set()
    found = (picture for picture in pictures if is_georeferenced(picture.path))
    if has_gdal():
        return set(found)
    if picture := next(found, None):
        logger.warning(
            "%s is georeferenced; install the extra geo to keep its coordinates: "
            "pip install rasterio",
            printable(picture.path),
        )
    return set()


def _translate_all(
    pictures: dict[Path, PictureFile], settings: TranslateSettings
) -> tuple[int, float]:
    """Writes the result of each picture to its path; returns how many, and the seconds it took."""
    translator = _load_model(settings)
    if threading.current_thread() is threading.main_thread():
        # A job scheduler's SIGTERM ends the command as Ctrl-C does, with its message.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    translated, started = 0, time.perf_counter()
    # disable=None: a log file gets the lines of failed pictures and the counts, without the bars.
    with progress_bar(total=len(pictures), unit=" images", disable=None) as bar:
        for path, picture in pictures.items():
            try:
                with _progress_of_tiles(picture) as show:
                    if path.suffix == GEOTIFF_SUFFIX:
                        translate_geotiff(
                            translator, picture.path, path, settings.mode, progress=show
                        )
                    else:
                        translate_to_png(
                            translator,
                            picture.path,
                            path,
                            settings.mode,
                            settings.side_by_side,
                            show,
                        )
                translated += 1
            except (UserError, MemoryError) as error:
                _print_problem(f"{printable(picture.path)}: {error or 'out of memory'}")
            except OSError as error:
                if error.errno in DISK_ERRORS:
                    raise
                _print_problem(f"{printable(path)} can't be written ({error.strerror or error}).")
            bar.update()
    return translated, time.perf_counter() - started


def _load_model(settings: TranslateSettings) -> Translator:
    name = settings.model
    options: TranslatorOptions = {
        "bands": settings.bands,
        "value_range": settings.value_range,
        "max_megapixels": settings.max_megapixels,
    }
    if name:
        check_model_name(name)
        hub.set_request_timeout()
        return Translator.from_name(name, **options)
    if not STARTER_MODEL.is_dir():
        raise UserError(
            "--model is missing: only a checkout has the starter model; name a folder or a model "
            "of the Hub, e.g. <user>/pix2pix-maps."
        )
    return Translator(STARTER_MODEL, **options)


@contextmanager
def _progress_of_tiles(picture: PictureFile) -> Iterator[Callable[[str, int, int], None]]:
    """Yields a function of a unit, the number done and of all; a slow picture shows a bar of it."""
    name = printable(picture.path.name)
    with progress_bar(desc=name, leave=False, delay=1, disable=None) as bar:

        def show(unit: str, done: int, total: int) -> None:
            if done < bar.n or total != bar.total:
                bar.unit = f" {unit}"
                bar.reset(total)
            bar.update(done - bar.n)

        yield show


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
