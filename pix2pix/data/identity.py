"""Recognizes whether a dataset is still the one that a checkpoint was trained on."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2pix.data.source import Source, SplitPlan
from pix2pix.files import write_json

# Lists the dataset's files beside the checkpoints. The list is not part of a checkpoint, because
# those are uploaded to the Hub and file names may be private.
INVENTORY_FILE = "dataset.json"
NAMES_SHOWN = 3
# The blocks of `SplitPlan`, and what messages call their rows.
BLOCKS = {"train": "training", "selection": "selection", "held_out": "held-out"}


@dataclass(frozen=True)
class DataIdentity:
    """Describes the pairs of a run, so that a resumed run can be compared with it.

    Attributes:
        fingerprint: hash of all files, or of the commit of a Hub dataset.
        rows: the blocks of rows, as `SplitPlan.to_dict` returns them.
        files: a description of each file's content by its name; None for a Hub dataset.
    """

    fingerprint: str
    rows: dict[str, dict[str, Any]]
    files: dict[str, str] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns what a checkpoint stores: everything except for the names of the files."""
        count = None if self.files is None else len(self.files)
        return {"fingerprint": self.fingerprint, "rows": self.rows, "file_count": count}


def identify(source: Source, plan: SplitPlan) -> DataIdentity:
    """Returns the identity of the rows of `plan`. Copying or moving local files keeps it."""
    files = source.inventory()
    if files is None:
        return DataIdentity(source.fingerprint(), plan.to_dict())
    digest = hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()[:16]
    return DataIdentity(digest, plan.to_dict(), files)


def write_inventory(folder: Path, identity: DataIdentity) -> None:
    """Writes the names of the dataset's files beside the checkpoints in `folder`."""
    if identity.files is not None:
        content = {"fingerprint": identity.fingerprint, "files": identity.files}
        write_json(folder / INVENTORY_FILE, content)


def describe_changes(recorded: dict[str, Any], now: DataIdentity, folder: Path) -> list[str]:
    """Returns what differs between the data of a checkpoint and those of this run, as clauses.

    Args:
        recorded: what the checkpoint stores, from `DataIdentity.to_dict`.
        now: the identity of this run's data.
        folder: the checkpoint's folder, where `write_inventory` has listed the files.
    """
    changes = []
    if recorded["fingerprint"] != now.fingerprint:
        changes = _compare_files(recorded, now, _read_inventory(folder, recorded["fingerprint"]))
    for block, name in BLOCKS.items():
        then, today = recorded["rows"].get(block), now.rows.get(block)
        if then != today:
            changes.append(
                f"the {name} rows were {_describe(then)} and would be {_describe(today)}"
            )
    return changes


def _compare_files(
    recorded: dict[str, Any], now: DataIdentity, then: dict[str, str] | None
) -> list[str]:
    if then is None or now.files is None:
        counts = recorded["file_count"], now.files and len(now.files)
        if None in counts or counts[0] == counts[1]:
            return ["its content has changed"]
        return [f"it had {counts[0]} files and has {counts[1]}"]
    common = then.keys() & now.files.keys()
    groups = {
        "gone": then.keys() - common,
        "new": now.files.keys() - common,
        "changed": {name for name in common if then[name] != now.files[name]},
    }
    return [_count_names(names, state) for state, names in groups.items() if names]


def _count_names(names: set[str], state: str) -> str:
    shown = ", ".join(sorted(names)[:NAMES_SHOWN])
    dots = ", ..." if len(names) > NAMES_SHOWN else ""
    verb = "file is" if len(names) == 1 else "files are"
    return f"{len(names)} {verb} {state} ({shown}{dots})"


def _read_inventory(folder: Path, fingerprint: str) -> dict[str, str] | None:
    try:
        content = json.loads((folder / INVENTORY_FILE).read_text(encoding="utf-8"))
        return content["files"] if content["fingerprint"] == fingerprint else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _describe(rows: dict[str, Any] | None) -> str:
    if rows is None or rows["start"] >= rows["stop"]:
        return "none"
    return f"{rows['start']} to {rows['stop'] - 1} of {rows['split']}"
