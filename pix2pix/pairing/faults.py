"""What is wrong with single pairs: one sentence for each, which names the file."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pix2pix.files import write_atomically

FAULTS_FILE = "faults.csv"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with one picture or pair.

    Attributes:
        name: the file, or the two files, of the pair.
        sentence: what is wrong, and what to do if it is not obvious.
        is_left_out: whether the pair is left out of the dataset, because it is useless.
    """

    name: str
    sentence: str
    is_left_out: bool = True

    def __str__(self) -> str:
        kept = "" if self.is_left_out else " Kept."
        return f"{self.name}: {self.sentence}{kept}"


def write_faults(path: Path, faults: Iterable[Fault]) -> None:
    """Writes a table of faults as CSV: file, fault, and whether it is left out."""

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            table = csv.writer(file)
            table.writerow(("file", "fault", "left_out"))
            for fault in faults:
                table.writerow((fault.name, fault.sentence, "yes" if fault.is_left_out else "no"))

    write_atomically(path, write)
