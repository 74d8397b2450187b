"""Says what the translation of a split is made of, so that a run that was stopped can go on.

A record of it lies beside the files of the split, as `translation.json`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import groupby
from pathlib import Path
from typing import Any

from pix2pix import __version__
from pix2pix.errors import UserError
from pix2pix.files import write_json

RECORD_FILE = "translation.json"


@dataclass(frozen=True)
class TranslationPlan:
    """The source, the model and the settings of a translation; two equal plans give equal files.

    Attributes:
        dataset: the Hub id or path of the source.
        dataset_config: its configuration, or None for the only one.
        dataset_revision: its commit on the Hub, or None for files of this machine.
        fingerprint: a hash of the sizes and times of these files, or None.
        split: the split that is translated.
        rows: the number of its rows that are translated, the first ones.
        columns: the columns of the source.
        input_column: the column of the pictures.
        output_column: the new column.
        model: the Hub id or path of the model.
        model_revision: its commit on the Hub, or None for a folder of this machine.
        graph_sha256: the hash of its graph.
        mode: how `Translator` translates.
        bands: the bands of the pictures that are read, or None for those of the training.
        value_range: the values that become black and white, or None for those of the training.
        max_megapixels: larger pictures are not translated.
        shard_rows: the number of rows of each file except for the last one.
    """

    dataset: str
    dataset_config: str | None
    dataset_revision: str | None
    fingerprint: str | None
    split: str
    rows: int
    columns: tuple[str, ...]
    input_column: str
    output_column: str
    model: str
    model_revision: str | None
    graph_sha256: str
    mode: str
    bands: str | None
    value_range: str | None
    max_megapixels: float
    shard_rows: int

    @property
    def shard_count(self) -> int:
        """The number of files."""
        return -(-self.rows // self.shard_rows)

    def shard_name(self, number: int) -> str:
        """Returns the name of a file, which has the numbers as `datasets` writes them."""
        return f"{self.split}-{number:05d}-of-{self.shard_count:05d}.parquet"

    def count_rows(self, shards: Iterable[int]) -> int:
        """Returns the number of rows in some files."""
        return sum(self._stop(number) - number * self.shard_rows for number in shards)

    def iter_row_ranges(self, shards: Iterable[int]) -> Iterator[tuple[int, int]]:
        """Yields the (start, stop) of the rows of some files, neighboring files as one range."""
        for _, group in groupby(enumerate(sorted(shards)), lambda item: item[1] - item[0]):
            numbers = [number for _, number in group]
            yield numbers[0] * self.shard_rows, self._stop(numbers[-1])

    def _stop(self, shard: int) -> int:
        return min((shard + 1) * self.shard_rows, self.rows)

    def describe_differences(self, other: "TranslationPlan") -> str:
        """Returns for example "mode: fit, now full", or "" for equal plans; `other` is the new."""
        pairs = [(f.name, getattr(self, f.name), getattr(other, f.name)) for f in fields(self)]
        return "; ".join(
            f"{name}: {_show(old)}, now {_show(new)}" for name, old, new in pairs if old != new
        )


def _show(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return "none" if value is None else str(value)


@dataclass
class TranslationRecord:
    """What is known of a split that is being translated, or that is finished.

    Attributes:
        plan: what it is made of.
        license: the keys of the source's card that state its license, such as `license_name`.
        untranslated: for each file with such rows, the number of rows that have no translation.
    """

    plan: TranslationPlan
    license: dict[str, str] = field(default_factory=dict)
    untranslated: dict[int, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Returns the record as JSON values."""
        untranslated = {str(shard): count for shard, count in sorted(self.untranslated.items())}
        return {
            "pix2pix_version": __version__,
            "plan": asdict(self.plan),
            "license": self.license,
            "untranslated": untranslated,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TranslationRecord | None":
        """Returns the record in JSON values, or None for those of something else."""
        try:
            plan = dict(values["plan"])
            plan["columns"] = tuple(plan["columns"])
            untranslated = {int(shard): int(n) for shard, n in values["untranslated"].items()}
            return cls(TranslationPlan(**plan), dict(values["license"]), untranslated)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    @classmethod
    def read(cls, folder: Path) -> "TranslationRecord | None":
        """Returns the record in a folder, or None without a readable one."""
        try:
            text = (folder / RECORD_FILE).read_text(encoding="utf-8")
            return cls.from_dict(json.loads(text))
        except (OSError, ValueError):
            return None

    def write(self, folder: Path) -> Path:
        """Writes the record into a folder and returns its path."""
        write_json(folder / RECORD_FILE, self.to_dict())
        return folder / RECORD_FILE


def check_continues(
    unfinished: TranslationRecord | None, plan: TranslationPlan, where: str
) -> None:
    """Raises `UserError` when an unfinished translation was begun with another plan."""
    if unfinished and (differences := unfinished.plan.describe_differences(plan)):
        raise UserError(
            f"{where} has an unfinished translation with other settings ({differences}): use the "
            "same ones to continue it, or add --overwrite to start anew."
        )


def check_fits(
    finished: Mapping[str, TranslationRecord], plan: TranslationPlan, overwrite: bool, where: str
) -> bool:
    """Returns whether the split is finished already, with the same plan.

    Args:
        finished: the record of each split that the destination has.
        plan: what is asked for now.
        overwrite: whether a split that was made with another plan is replaced.
        where: the destination, for messages.

    Raises:
        UserError: when another split has other columns, or when the same split was made with
            another plan and `overwrite` is False.
    """
    for split, record in finished.items():
        theirs = (*record.plan.columns, record.plan.output_column)
        ours = (*plan.columns, plan.output_column)
        if split != plan.split and theirs != ours:
            raise UserError(
                f"{where} has other columns in the split {split}: {', '.join(theirs)}; this "
                f"translation has {', '.join(ours)}. Choose another destination."
            )
    same = finished.get(plan.split)
    differences = same.plan.describe_differences(plan) if same else ""
    if differences and not overwrite:
        raise UserError(
            f"{where} has the split {plan.split} already, made with other settings "
            f"({differences}): choose another destination, or add --overwrite to replace it."
        )
    return same is not None and not differences
