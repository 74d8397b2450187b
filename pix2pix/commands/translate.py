"""Translates pictures or a dataset with a published model, without TensorFlow.

    pix2pix translate photos --output maps
    pix2pix translate "photos/**/*.jpg" --output maps --model <user>/pix2pix-maps --mode full
    pix2pix translate --dataset_name huggan/maps --push_to_hub <user>/my-maps

The results are PNGs, and those of a dataset a new column. A georeferenced TIFF or JPEG 2000 file
becomes a GeoTIFF of the same size and place, if the extra `geo` is installed.
The exit code is 1 when a picture could not be translated; the other pictures are still translated.
In a dataset, the new column is empty in such a row, and the exit code stays 0.
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
from pathlib import Path

from tqdm import tqdm

from pix2pix.commands.translate_settings import TranslateSettings, load_translator
from pix2pix.console import progress_bar, run_command
from pix2pix.errors import UserError
from pix2pix.flags import parse_as
from pix2pix.geotiff import has_gdal, is_georeferenced, translate_geotiff
from pix2pix.picture_files import (
    GEOTIFF_SUFFIX,
    PictureFile,
    find_pictures,
    plan_outputs,
    prepare_output,
    printable,
)
from pix2pix.png_results import translate_to_png

PROGRAM = "pix2pix translate"
RECOVERY_HINT = "finished pictures are kept: add --skip_existing to continue"
DATASET_HINT = "finished files are kept: run the command again to continue"
# Write errors that every later picture would run into too.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)

logger = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    (settings,) = parse_as((TranslateSettings,), __doc__, arguments, PROGRAM)
    hint = DATASET_HINT if settings.dataset_name else RECOVERY_HINT
    return run_command(PROGRAM, lambda: run(settings), hint)


def run(settings: TranslateSettings) -> int:
    """Translates the dataset or the pictures, and returns the exit code."""
    if threading.current_thread() is threading.main_thread():
        # A job scheduler's SIGTERM ends the command as Ctrl-C does, with its message.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    if settings.dataset_name:
        from pix2pix.commands import translate_dataset

        return translate_dataset.run(settings)
    return run_pictures(settings, settings.output or Path())


def run_pictures(settings: TranslateSettings, output: Path) -> int:
    """Translates the pictures into a folder, prints the counts, and returns the exit code."""
    # Pillow warns about odd metadata, but each file that fails gets one line, and others none.
    warnings.filterwarnings("ignore", module="PIL")
    search = find_pictures(settings.input, output)
    geotiffs = _choose_geotiffs(search.pictures, settings)
    outputs = plan_outputs(search.pictures, output, geotiffs)
    if not outputs and not search.problems:
        names = ", ".join(map(printable, settings.input))
        raise UserError(f"There are no pictures in {names}{_format_ignored(search.ignored)}.")
    for problem in search.problems:
        _print_problem(problem)
    prepare_output(output, outputs)
    existing = {path for path in outputs if settings.skip_existing and path.is_file()}
    waiting = {path: picture for path, picture in outputs.items() if path not in existing}
    translated, seconds = _translate_all(waiting, settings) if waiting else (0, 0.0)
    failed = len(search.problems) + len(waiting) - translated
    counts = f"{translated} translated"
    if translated:
        rate = translated / seconds
        speed = f"{rate:.1f} images/s" if rate > 1 else f"{1 / rate:.1f} s/image"
        counts += f" to {printable(output)} ({speed})"
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
    translator = load_translator(settings)
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
