"""Many pictures into one zip: a PNG each, a contact sheet and a report.

One picture at a time is in memory. The zip is written to disk as the pictures come, under a
temporary name; what is stopped leaves nothing behind.
"""

import json
import shutil
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from pix2pix.errors import UserError
from pix2pix.space.answers import PNG
from pix2pix.space.contact_sheet import ContactSheet
from pix2pix.space.photos import read_photo, safe_stem
from pix2pix.space.settings import Settings
from pix2pix.space.uploads import Upload
from pix2pix.translate import Translator

ZIP, SHEET, REPORT = "pix2pix-maps.zip", "contact-sheet.png", "report.json"


@dataclass(frozen=True)
class Outcome:
    """What became of one file: `map` is its name in the zip, or `error` says why it has none."""

    file: str
    map: str | None = None
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
        return sum(outcome.error is not None for outcome in self.outcomes)

    def report(self) -> dict:
        """As it lies in the zip: how many were translated, and each file's outcome."""
        files = [asdict(outcome) for outcome in self.outcomes]
        return {"translated": len(files) - self.failed, "failed": self.failed, "files": files}

    def summary(self) -> str:
        said = f"{len(self.outcomes) - self.failed} of {len(self.outcomes)} translated."
        return f"{said} {self.failed} failed: the table says why." if self.failed else said


def translate_files(
    translator: Translator, uploads: list[Upload], mode: str, settings: Settings, folder: Path
) -> Iterator[tuple[str, Batch | None]]:
    """Writes the zip and the sheet into `folder`, which is deleted when this is stopped.

    Yields:
        How far it is, as a sentence for the visitor, and None; with the last, the `Batch`.
    """
    outcomes, names = [], map_names([upload.name for upload in uploads])
    sheet, temporary = ContactSheet(len(uploads)), folder / f".{ZIP}"
    try:
        with zipfile.ZipFile(temporary, "w") as archive:  # stored: a PNG is compressed already
            for number, (upload, name) in enumerate(zip(uploads, names, strict=True), 1):
                place, started = f"{number} of {len(uploads)}: {upload.name}", time.perf_counter()
                yield place, None
                try:
                    photo = read_photo(upload.path, settings)
                    for done, total, picture in translator.steps(photo, mode=mode):
                        if picture is None:
                            yield f"{place}, tile {done} of {total}", None
                except UserError as error:
                    outcomes.append(Outcome(upload.name, error=str(error)))
                    continue
                with archive.open(name, "w") as file:
                    picture.save(file, **PNG)
                sheet.add(photo, picture, upload.name)
                seconds = round(time.perf_counter() - started, 3)
                outcomes.append(Outcome(upload.name, name, *picture.size, seconds))
            batch = Batch(folder / ZIP, sheet.save(folder / SHEET), tuple(outcomes))
            if batch.sheet:
                archive.write(batch.sheet, SHEET)
            archive.writestr(REPORT, json.dumps(batch.report(), indent=2, ensure_ascii=False))
        temporary.replace(batch.archive)
    except BaseException:  # a generator that is stopped, too
        shutil.rmtree(folder, ignore_errors=True)
        raise
    yield batch.summary(), batch


def map_names(files: list[str]) -> list[str]:
    """Names in the zip after the uploads': safe in any file system, unique whatever the case.

    Example:
        >>> map_names(["Harbour.JPG", "harbour.png", "../../x"])
        ['Harbour-map.png', 'harbour-map-2.png', 'x-map.png']
    """
    taken, names = set(), []
    for file in files:
        stem = safe_stem(file, "picture")
        name, number = f"{stem}-map.png", 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-map-{number}.png"
        taken.add(name.casefold())
        names.append(name)
    return names
