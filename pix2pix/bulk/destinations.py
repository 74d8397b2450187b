"""Stores a translated split: in a folder of this machine, or in a dataset on the Hub.

In both, the files of a split are `data/<split>/*.parquet`, beside the record `translation.json` of
how they were made. They get there together, when all are complete.
"""

import hashlib
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pix2pix.bulk.shard_files import ShardFolder
from pix2pix.bulk.translation_card import format_translation_card
from pix2pix.bulk.translation_plan import RECORD_FILE, TranslationRecord
from pix2pix.environment import default_cache_dir, find_problem
from pix2pix.errors import UserError
from pix2pix.files import write_text
from pix2pix.hub.dataset_branch import CARD_FILE, DATA_FOLDER, BranchUploads, DatasetBranch
from pix2pix.picture_files import printable

# The hidden folder of a split in a folder of this machine begins with this.
UNFINISHED = ".unfinished-"
# The folder of the cache with locks, and with files that wait for their upload.
CACHE_FOLDER = "translations"
NOT_OURS = "has files that pix2pix translate did not write"


class Destination(ABC):
    """Collects the files of one split; call `add` and `complete` inside `with opened(...)`.

    Attributes:
        name: the destination, for messages.
        shards: the folder in which the files are written.
    """

    name: str
    shards: ShardFolder

    @abstractmethod
    def read_finished(self) -> dict[str, TranslationRecord]:
        """Returns the record of each split that is complete.

        Raises `UserError` when the destination has files of others. Nothing is written.
        """

    @abstractmethod
    def read_unfinished(self) -> TranslationRecord | None:
        """Returns the record of the split that an earlier run has begun, or None."""

    @abstractmethod
    def delete_unfinished(self) -> None:
        """Deletes the files that an earlier run has begun."""

    @abstractmethod
    def opened(self, record: TranslationRecord) -> AbstractContextManager[set[int]]:
        """Returns a context that gives the numbers of the files that are there already.

        Files that were made by another plan are deleted first. What an earlier run knows about its
        files is added to `record`.
        """

    @abstractmethod
    def add(self, path: Path) -> None:
        """Takes over a file that is complete in `shards`."""

    @abstractmethod
    def complete(self, records: dict[str, TranslationRecord]) -> str:
        """Makes the split visible with a card about all `records`; returns where it is."""


class FolderDestination(Destination):
    """A folder of this machine, which `datasets` can load."""

    def __init__(self, folder: Path, split: str):
        self.name, self._folder, self._split = f"--output {printable(folder)}", folder, split
        self.shards = ShardFolder(folder / f"{UNFINISHED}{split}")

    def read_finished(self) -> dict[str, TranslationRecord]:
        """Returns the records in the folder; see `Destination.read_finished`."""
        if self._folder.exists() and not self._folder.is_dir():
            raise UserError(f"{self.name} is a file; name a folder.")
        if reason := find_problem(self._folder):
            raise UserError(f"{self.name} can't be written ({reason}); name another folder.")
        folders = self._folder.glob(f"{DATA_FOLDER}/*")
        found = {path.name: TranslationRecord.read(path) for path in folders}
        records = {split: record for split, record in found.items() if record}
        has_others = any(not path.name.startswith(".") for path in self._folder.glob("*"))
        # A run that was killed just before its files moved has written the card already.
        unfinished = map(TranslationRecord.read, self._folder.glob(f"{UNFINISHED}*"))
        if has_others and not records and not any(unfinished):
            raise UserError(f"{self.name} {NOT_OURS}; name a new or an empty folder.")
        return records

    def read_unfinished(self) -> TranslationRecord | None:
        """Returns the record of the hidden folder; see `Destination.read_unfinished`."""
        return TranslationRecord.read(self.shards.path)

    def delete_unfinished(self) -> None:
        """Deletes the hidden folder."""
        shutil.rmtree(self.shards.path, ignore_errors=True)

    @contextmanager
    def opened(self, record: TranslationRecord) -> Iterator[set[int]]:
        """Yields the numbers of the files in the hidden folder; see `Destination.opened`."""
        with _locked(str(self._folder.resolve()), self.name):
            self.shards.open(record)
            yield self.shards.find_shards(record.plan)

    def add(self, path: Path) -> None:
        """Does nothing: the files move together at the end."""

    def complete(self, records: dict[str, TranslationRecord]) -> str:
        """Moves the files into the data folder in one step; see `Destination.complete`."""
        # The card comes first: a program that loads the dataset in between fails, instead of taking
        # the other splits for the whole dataset.
        write_text(self._folder / CARD_FILE, format_translation_card(records, self._folder.name))
        target = self._folder / DATA_FOLDER / self._split
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            old = self._folder / f".replaced-{self._split}"
            shutil.rmtree(old, ignore_errors=True)
            target.rename(old)
            self.shards.path.rename(target)
            shutil.rmtree(old, ignore_errors=True)
        else:
            self.shards.path.rename(target)
        return printable(self._folder)


class HubDestination(Destination):
    """A dataset on the Hub; files are on this machine only until they are uploaded."""

    def __init__(self, repo_id: str, split: str, private: bool):
        """Raises `UserError` when a dataset can't be published there."""
        self._branch, self._split = DatasetBranch(repo_id, split, private), split
        self.name = str(self._branch)
        key = _hash(f"{self._branch.page} {split}")
        self.shards = ShardFolder(default_cache_dir() / CACHE_FOLDER / key)
        self._uploads: BranchUploads | None = None

    def read_finished(self) -> dict[str, TranslationRecord]:
        """Returns the records on the main branch; see `Destination.read_finished`."""
        names = self._branch.list_main()
        records = {}
        for name in names:
            folder, _, file = name.rpartition("/")
            if file != RECORD_FILE or not folder.startswith(f"{DATA_FOLDER}/"):
                continue
            if record := TranslationRecord.from_dict(self._branch.read_json(name)):
                records[record.plan.split] = record
        if names and not records:
            raise UserError(f"{self.name} {NOT_OURS}; choose another --push_to_hub.")
        return records

    def read_unfinished(self) -> TranslationRecord | None:
        """Returns the record on the split's branch, or of this machine; see `Destination`."""
        path = f"{self._branch.folder}/{RECORD_FILE}"
        if path in self._branch.list_unfinished():
            values = self._branch.read_json(path, unfinished=True)
            return TranslationRecord.from_dict(values)
        return TranslationRecord.read(self.shards.path)

    def delete_unfinished(self) -> None:
        """Deletes the branch of the split, and what waits on this machine for its upload."""
        self._branch.delete_branch()
        shutil.rmtree(self.shards.path, ignore_errors=True)

    @contextmanager
    def opened(self, record: TranslationRecord) -> Iterator[set[int]]:
        """Yields the numbers of the files on the branch and here; see `Destination.opened`."""
        with ExitStack() as stack:
            stack.enter_context(_locked(str(self.shards.path), self.name))
            old = self.read_unfinished()
            if old and old.plan != record.plan:
                self.delete_unfinished()
            elif old:
                record.untranslated |= old.untranslated
            self._branch.create()
            self.shards.open(record)
            uploads = BranchUploads(self._branch, Path.unlink, self.shards.path / RECORD_FILE)
            self._uploads = stack.enter_context(uploads)
            names = {name.rpartition("/")[2] for name in self._branch.list_unfinished()}
            plan, here = record.plan, self.shards.find_shards(record.plan)
            there = {n for n in range(plan.shard_count) if plan.shard_name(n) in names}
            for number in sorted(here):
                path = self.shards.path / plan.shard_name(number)
                if number in there:
                    path.unlink()
                else:
                    uploads.add(path)
            yield here | there

    def add(self, path: Path) -> None:
        """Uploads the file soon, and then deletes it; see `Destination.add`."""
        if self._uploads:
            self._uploads.add(path)

    def complete(self, records: dict[str, TranslationRecord]) -> str:
        """Uploads the last files and publishes the split; see `Destination.complete`."""
        if self._uploads:
            self._uploads.finish()
        plan, title = records[self._split].plan, self._branch.repo_id.split("/")[1]
        self._branch.publish(
            format_translation_card(records, title),
            f"pix2pix translate: {plan.rows:,} rows of {plan.dataset} ({plan.split})",
        )
        self.delete_unfinished()
        return self._branch.page


@contextmanager
def _locked(key: str, name: str) -> Iterator[None]:
    """Reserves a destination for this process; raises `UserError` when another one has it."""
    folder = default_cache_dir() / CACHE_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{_hash(key)}.lock")
    try:
        lock.acquire(timeout=0.5)
    except Timeout:
        raise UserError(
            f"{name} is in use by another run of pix2pix translate; wait until it ends."
        ) from None
    try:
        yield
    finally:
        lock.release()


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]
