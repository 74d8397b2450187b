"""Translates many pictures into one zip: a PNG each, a contact sheet and a report.

One picture at a time is in memory. The zip is written to disk as the pictures are finished, under
a temporary name; a batch that is stopped leaves no file.
"""

import json
import math
import shutil
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from PIL import Image, ImageDraw, ImageFont

from pix2pix.errors import UserError
from pix2pix.images import RESAMPLE
from pix2pix.labels import labels_for
from pix2pix.space.components import PROGRESS_INTERVAL, Upload
from pix2pix.space.result_files import PNG, create_result_folder, safe_stem
from pix2pix.translate import Translator

SHEET, REPORT = "contact-sheet.png", "report.json"
NO_PICTURES = "There are no pictures yet: choose or drop some first."

COLUMNS, GAP, CAPTION_HEIGHT = 2, 8, 22
# However many pictures there are, the sheet has at most this many pixels of thumbnails.
MAX_SHEET_PIXELS = 16_000_000
MAX_THUMBNAIL, MIN_THUMBNAIL = 256, 48
PAPER, INK = "white", "#334155"


@dataclass(frozen=True)
class Outcome:
    """The result of one file: its name in the zip, or in `error` the reason of a failure."""

    file: str
    result: str | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Batch:
    """A finished batch; `sheet` is None where no file could be translated."""

    archive: Path
    sheet: Path | None
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> int:
        """The number of files that could not be translated."""
        return sum(outcome.error is not None for outcome in self.outcomes)

    def report(self) -> dict:
        """Returns the content of the report in the zip: the counts and each file's outcome."""
        # "map" is the key of version 0.1.
        files = [asdict(outcome) | {"map": outcome.result} for outcome in self.outcomes]
        return {"translated": len(files) - self.failed, "failed": self.failed, "files": files}

    def summary(self) -> str:
        """Returns the counts as a sentence."""
        total = len(self.outcomes)
        sentence = f"{total - self.failed} of {total} translated."
        return f"{sentence} {self.failed} failed: the table says why." if self.failed else sentence


def run_batch(
    translator: Translator, uploads: list[Upload], mode: str
) -> Iterator[tuple[str, Batch | None]]:
    """Runs `translate_files` in a new folder of Gradio's cache, and limits the progress messages.

    It yields at most one message in PROGRESS_INTERVAL seconds, so that a browser keeps up.
    """
    if not uploads:
        raise UserError(NO_PICTURES)
    last_message_at = 0.0
    try:
        folder = create_result_folder()
        for message, batch in translate_files(translator, uploads, mode, folder):
            if batch or time.monotonic() - last_message_at > PROGRESS_INTERVAL:
                last_message_at = time.monotonic()
                yield message, batch
    except OSError as error:
        raise UserError(
            f"The zip can't be written ({error.strerror}); try again later, or send fewer files."
        ) from None


def translate_files(
    translator: Translator, uploads: list[Upload], mode: str, folder: Path
) -> Iterator[tuple[str, Batch | None]]:
    """Writes the zip and the contact sheet into `folder`, which is deleted if the batch stops.

    The zip's name is that of the direction: `photo-to-map.zip`.

    Yields:
        A progress message and None; at the end, the summary and the `Batch`.
    """
    outcomes: list[Outcome] = []
    labels = labels_for(translator.config)
    names = result_names([upload.name for upload in uploads], labels.short_result)
    path = folder / f"{labels.short_source}-to-{labels.short_result}.zip"
    sheet, temporary = ContactSheet(len(uploads)), path.with_name(f".{path.name}")
    try:
        with zipfile.ZipFile(temporary, "w") as archive:  # stored: a PNG is compressed already
            for number, (upload, name) in enumerate(zip(uploads, names, strict=True), 1):
                position, started = f"{number} of {len(uploads)}: {upload.name}", time.monotonic()
                yield position, None
                try:
                    photo = translator.read(upload.path)
                    for done, total, translation in translator.iter_rgb(photo, mode):
                        if translation is None:
                            yield f"{position}, tile {done} of {total}", None
                except UserError as error:
                    outcomes.append(Outcome(upload.name, error=str(error)))
                    continue
                translation = cast(Image.Image, translation)  # comes with the last tile
                with archive.open(name, "w") as file:
                    translation.save(file, **PNG)
                sheet.add(photo, translation, upload.name)
                seconds = round(time.monotonic() - started, 3)
                outcomes.append(Outcome(upload.name, name, *translation.size, seconds))
            batch = Batch(path, sheet.save(folder / SHEET), tuple(outcomes))
            if batch.sheet:
                archive.write(batch.sheet, SHEET)
            archive.writestr(REPORT, json.dumps(batch.report(), indent=2, ensure_ascii=False))
        temporary.replace(batch.archive)
    except BaseException:  # GeneratorExit too: the visitor stopped the batch
        shutil.rmtree(folder, ignore_errors=True)
        raise
    yield batch.summary(), batch


def result_names(files: list[str], what: str) -> list[str]:
    """Returns names in the zip: safe in any file system, and unique even where case is ignored.

    Example:
        >>> result_names(["Harbor.JPG", "harbor.png", "../../x"], "map")
        ['Harbor-map.png', 'harbor-map-2.png', 'x-map.png']
    """
    taken: set[str] = set()
    names = []
    for file in files:
        stem = safe_stem(file, "picture")
        name, number = f"{stem}-{what}.png", 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{what}-{number}.png"
        taken.add(name.casefold())
        names.append(name)
    return names


class ContactSheet:
    """Draws thumbnails of up to `count` pictures and their results, with captions, on one sheet."""

    def __init__(self, count: int):
        side = math.isqrt(MAX_SHEET_PIXELS // (2 * max(count, 1)))
        self.side = min(MAX_THUMBNAIL, max(MIN_THUMBNAIL, side))
        self._columns = min(COLUMNS, max(count, 1))
        self._cell = (2 * self.side + 2 * GAP, self.side + CAPTION_HEIGHT + GAP)
        rows = -(-count // self._columns)
        size = (self._columns * self._cell[0] + GAP, rows * self._cell[1] + GAP)
        self._sheet = Image.new("RGB", size, PAPER)
        self._font = ImageFont.load_default(size=13)
        self._count = 0

    def add(self, photo: Image.Image, translation: Image.Image, caption: str) -> None:
        """Puts the next pair on the sheet."""
        row, column = divmod(self._count, self._columns)
        left, top = GAP + column * self._cell[0], GAP + row * self._cell[1]
        for index, image in enumerate((photo, translation)):
            small = _thumbnail(image, self.side)
            x = left + index * (self.side + GAP // 2) + (self.side - small.width) // 2
            self._sheet.paste(small, (x, top + (self.side - small.height) // 2))
        text = _shorten(caption, self._font, 2 * self.side)
        ImageDraw.Draw(self._sheet).text((left, top + self.side + 2), text, INK, self._font)
        self._count += 1

    def save(self, path: Path) -> Path | None:
        """Saves the sheet without empty rows, and returns its path; None if it has no pictures."""
        if not self._count:
            return None
        rows = -(-self._count // self._columns)
        self._sheet.crop((0, 0, self._sheet.width, rows * self._cell[1] + GAP)).save(path, **PNG)
        return path


def _thumbnail(image: Image.Image, side: int) -> Image.Image:
    width, height = (max(1, round(length * side / max(image.size))) for length in image.size)
    return image.resize((width, height), RESAMPLE, reducing_gap=3)


def _shorten(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."
