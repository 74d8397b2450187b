"""Translates a split of a dataset for `pix2pix translate --dataset_name`."""

import logging
import time
import warnings
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix import console, hub, preflight
from pix2pix.artifacts import GRAPH_FILE
from pix2pix.commands.translate_settings import TranslateSettings, load_translator
from pix2pix.data.wording import count
from pix2pix.errors import UserError
from pix2pix.images import orient_pair
from pix2pix.translate import Translator

if TYPE_CHECKING:
    from pix2pix.bulk.destinations import Destination
    from pix2pix.bulk.source_table import SourceTable
    from pix2pix.bulk.translation_plan import TranslationPlan, TranslationRecord
    from pix2pix.bulk.workers import Workers

# Warnings about single rows; a damaged dataset would fill the screen.
MAX_WARNINGS = 5
LICENSE_KEYS = ("license", "license_name", "license_link")

logger = logging.getLogger(__name__)


def run(settings: TranslateSettings) -> int:
    """Translates the split on this machine, or submits the job; returns the exit code."""
    if not find_spec("datasets"):
        raise UserError(
            "--dataset_name needs a package that is not installed: pip install datasets."
        )
    preflight.prepare_hub()
    warnings.filterwarnings("ignore", module="PIL")
    from pix2pix.bulk.translation_plan import TranslationRecord, check_continues, check_fits

    destination = _open_destination(settings)
    finished, unfinished = destination.read_finished(), destination.read_unfinished()
    settings = _pin(settings, unfinished)
    if settings.hf_job:
        from pix2pix.commands import translate_job

        return translate_job.run(settings)
    translator = load_translator(settings, threads=1)
    table = _open_table(settings)
    plan = _make_plan(settings, table, translator)
    if check_fits(finished, plan, settings.overwrite, destination.name):
        if unfinished and unfinished.plan == plan:
            destination.delete_unfinished()  # its run was killed between its last two steps
        print(f"{destination.name} has this translation already; nothing was translated.")
        return 0
    if not settings.overwrite:
        check_continues(unfinished, plan, destination.name)
    card = hub.read_dataset_card(table.name, plan.dataset_revision)
    license = {key: card[key] for key in LICENSE_KEYS if card.get(key)}
    record = TranslationRecord(plan, license)
    _translate(settings, table, record, destination, finished, translator)
    return 0


def _open_destination(settings: TranslateSettings) -> "Destination":
    from pix2pix.bulk.destinations import FolderDestination, HubDestination

    if settings.push_to_hub:
        return HubDestination(settings.push_to_hub, settings.split, settings.hub_private_repo)
    return FolderDestination(settings.output or Path(), settings.split)


def _pin(settings: TranslateSettings, unfinished: "TranslationRecord | None") -> TranslateSettings:
    """Returns the settings with the commits of the dataset and of a model on the Hub.

    They are those of an unfinished translation, unless the user names others, so that a run that
    was stopped reads the same rows when the dataset has changed meanwhile.
    """
    plan = unfinished.plan if unfinished and not settings.overwrite else None
    dataset, revision = settings.dataset_name or "", settings.dataset_revision
    if plan and plan.dataset == dataset and not revision:
        revision = plan.dataset_revision
    model, is_local = settings.model, not settings.model or Path(settings.model).is_dir()
    if plan and plan.model == model and plan.model_revision and not is_local:
        model = f"{model}@{plan.model_revision}"
    commit = hub.dataset_commit(dataset, revision)
    if revision and not commit:
        raise UserError(
            f"--dataset_revision names a commit on the Hub, and {dataset} is not there; leave it "
            "out."
        )
    return replace(settings, dataset_revision=commit, model=model)


def _open_table(settings: TranslateSettings) -> "SourceTable":
    from pix2pix.bulk.source_table import SourceTable

    return SourceTable(
        settings.dataset_name or "",
        settings.split,
        settings.dataset_config,
        settings.dataset_revision,
    )


def _make_plan(
    settings: TranslateSettings, table: "SourceTable", translator: Translator
) -> "TranslationPlan":
    """Returns what the translation is made of. Raises `UserError` for columns that don't fit."""
    from pix2pix.bulk.source_table import choose_input_column
    from pix2pix.bulk.translation_plan import TranslationPlan

    column = choose_input_column(
        table.name, table.features, settings.input_column, _trained_column(translator)
    )
    output = settings.output_column
    if output in table.features:
        raise UserError(
            f"{table.name} has a column {output} already; choose another --output_column."
        )
    # Names of folders without their paths, because the plan is published.
    dataset = table.name if settings.dataset_revision else Path(table.name).resolve().name
    model = translator.folder.resolve().name
    if translator.revision:
        model = (settings.model or "").partition("@")[0]
    return TranslationPlan(
        dataset=dataset,
        dataset_config=settings.dataset_config,
        dataset_revision=settings.dataset_revision,
        fingerprint=table.fingerprint,
        split=settings.split,
        rows=min(table.rows, settings.max_samples or table.rows),
        columns=tuple(table.features),
        input_column=column,
        output_column=output,
        model=model,
        model_revision=translator.revision,
        graph_sha256=translator.about["sha256"][GRAPH_FILE],
        mode=settings.mode,
        bands=settings.bands,
        value_range=settings.value_range,
        max_megapixels=settings.max_megapixels,
        shard_rows=settings.shard_rows,
    )


def _trained_column(translator: Translator) -> str | None:
    """Returns the column of the inputs that the model was trained on, if it had two columns."""
    columns: list[str] = translator.about.get("columns") or []
    return orient_pair(columns, translator.config.direction)[0] if len(columns) == 2 else None


def _translate(
    settings: TranslateSettings,
    table: "SourceTable",
    record: "TranslationRecord",
    destination: "Destination",
    finished: "dict[str, TranslationRecord]",
    translator: Translator,
) -> None:
    """Translates the rows whose files are missing, and completes the destination."""
    from pix2pix.bulk.shard_files import write_shards

    plan = record.plan
    with destination.opened(record) as there:
        missing = set(range(plan.shard_count)) - there
        done, todo = plan.count_rows(there), plan.count_rows(missing)
        kept = f"; {count(done, 'row')} of them are done already" if there else ""
        print(
            f"Translating {count(plan.rows, 'row')} of {table.name} ({plan.split}), column "
            f"{plan.input_column}, into {count(plan.shard_count, 'file')}{kept}."
        )
        started, folder = time.perf_counter(), destination.shards.path
        with (
            _Progress(plan.rows, done) as progress,
            _start_workers(settings, translator) as workers,
        ):
            for path in write_shards(table, record, missing, folder, workers, progress):
                destination.add(path)
        rate = todo / (time.perf_counter() - started)
        where = destination.complete({**finished, plan.split: record})
    print(f"{count(todo, 'row')} translated ({rate:.1f} images/s): {where}")
    if untranslated := sum(record.untranslated.values()):
        logger.warning(
            "%s no translation; the column %s is empty there.",
            "1 row has" if untranslated == 1 else f"{untranslated:,} rows have",
            plan.output_column,
        )


def _start_workers(settings: TranslateSettings, translator: Translator) -> "Workers":
    from pix2pix.bulk.workers import Workers

    if settings.num_proc == 1:
        return Workers(lambda **_: translator, settings.mode, 1)
    load = partial(
        Translator,
        translator.folder,
        bands=settings.bands,
        value_range=settings.value_range,
        max_megapixels=settings.max_megapixels,
    )
    return Workers(load, settings.mode, settings.num_proc)


class _Progress:
    """Shows a bar of the rows, and warns of the first rows that have no translation."""

    def __init__(self, rows: int, done: int):
        self._bar = console.progress_bar(total=rows, initial=done, unit=" images", disable=None)
        self._warnings = 0

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, rows: int, problems: list[tuple[int, str]]) -> None:
        """Counts some more rows, with the problems of those that have no translation."""
        self._bar.update(rows)
        for row, problem in problems:
            self._warnings += 1
            if self._warnings <= MAX_WARNINGS:
                logger.warning("row %d: %s", row, problem)
