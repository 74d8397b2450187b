"""Declares the settings of `pix2pix translate`, and loads the model that they name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pix2pix import hub
from pix2pix.errors import UserError
from pix2pix.fields import check_settings, setting, settings_of
from pix2pix.names import check_model_name, is_repository_name
from pix2pix.pixels.rule import PixelRule
from pix2pix.translate import STARTER_MODEL, Mode, Translator, TranslatorOptions

# Settings for picture files only, and for a dataset only.
OF_PICTURES = ("format", "side_by_side", "skip_existing")
OF_DATASETS = (
    "dataset_config", "dataset_revision", "split", "input_column", "output_column", "max_samples",
    "shard_rows", "num_proc", "push_to_hub", "hub_private_repo", "overwrite", "hf_job",
    "hf_job_timeout", "hf_job_source",
)  # fmt: skip


@dataclass(frozen=True)
class TranslateSettings:
    """Names what to translate, the model and the destination. Raises `UserError` on wrong ones."""

    input: tuple[str, ...] = setting(
        (),
        'pictures, folders (with their subfolders), or patterns such as "photos/**/*.jpg"; none '
        "with --dataset_name",
        positional=True,
        default_help="none",
    )
    output: Path | None = setting(
        None,
        "folder for the results, with the subfolders of the input folders; a dataset needs either "
        "--output or --push_to_hub",
        default_help="none",
        local=True,
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
    dataset_name: str | None = setting(
        None,
        "dataset to translate row by row: a Hub id, or a folder or file that `datasets` reads",
        group="a dataset instead of pictures",
        default_help="none",
        may_be_path=True,
    )
    dataset_config: str | None = setting(
        None,
        "configuration of a dataset that has several",
        default_help="the only one, or the one named default",
    )
    dataset_revision: str | None = setting(
        None, "commit, tag or branch of the dataset", default_help="the newest commit"
    )
    split: str = setting("train", "split of the dataset to translate")
    input_column: str | None = setting(
        None,
        "column of the pictures",
        default_help="that of the model's training, else the only one that has pictures",
    )
    output_column: str = setting("translation", "name of the new column")
    max_samples: int | None = setting(
        None, "translate only this many of the first rows", default_help="all rows", at_least=1
    )
    shard_rows: int = setting(
        500, "rows in each file; a run that is stopped loses those of one file", at_least=1
    )
    num_proc: int = setting(
        1, "processes, each of which holds the model; one uses all cores with threads", at_least=1
    )
    overwrite: bool = setting(
        False, "replace an earlier translation of the split that has other settings"
    )
    push_to_hub: str | None = setting(
        None, "dataset repository for the result, e.g. <user>/my-maps", default_help="none"
    )
    hub_private_repo: bool = setting(False, "create the dataset repository as a private one")
    hf_job: str | None = setting(
        None,
        "hardware of Hugging Face Jobs to translate on instead of this machine, e.g. cpu-upgrade",
        default_help="translate on this machine",
        local=True,
    )
    hf_job_timeout: str = setting(
        "12h", "longest duration of the job: a number and s, m, h or d", local=True
    )
    hf_job_source: str | None = setting(
        None,
        "URL that the job installs this package from, e.g. git+https://huggingface.co/spaces/<id>",
        default_help="none",
        local=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        PixelRule().override(self.bands, self.value_range)
        if self.dataset_name is None:
            self._check_pictures()
        else:
            self._check_dataset()

    def _check_pictures(self) -> None:
        missing = [name for name in ("input", "output") if not getattr(self, name)]
        words = [{"input": "INPUT", "output": "--output"}[name] for name in missing]
        for name in self._changed(OF_DATASETS):
            raise UserError(f"--{name} has no effect without --dataset_name: add it.")
        if words:
            raise UserError(f"the following arguments are required: {', '.join(words)}")

    def _check_dataset(self) -> None:
        if self.input:
            raise UserError(
                f"{self.input[0]} and --dataset_name are two inputs: translate one of them at a "
                "time."
            )
        for name in self._changed(OF_PICTURES):
            raise UserError(f"--{name} is for picture files: leave it out with --dataset_name.")
        if not self.output_column:
            raise UserError("--output_column is empty; name the new column.")
        if (self.output is None) == (self.push_to_hub is None):
            raise UserError("A dataset needs either --output or --push_to_hub for the result.")
        if self.push_to_hub is None:
            for name in self._changed(("hub_private_repo", "hf_job")):
                raise UserError(f"--{name} has no effect without --push_to_hub: add it.")
        if self.hf_job is None:
            for name in self._changed(("hf_job_timeout", "hf_job_source")):
                raise UserError(f"--{name} has no effect without --hf_job: add it.")
        if self.push_to_hub is not None and not is_repository_name(self.push_to_hub):
            raise UserError(
                f"--push_to_hub is {self.push_to_hub!r}, which is no name of a repository; use "
                "letters, digits, '.', '-' and '_', e.g. <user>/my-maps."
            )

    def _changed(self, names: tuple[str, ...]) -> list[str]:
        """Returns those of the settings that do not have their default."""
        defaults = {spec.name: spec.default for spec in settings_of(type(self))}
        return [name for name in names if getattr(self, name) != defaults[name]]


def load_translator(settings: TranslateSettings, threads: int | None = None) -> Translator:
    """Loads the model that the settings name; each translation uses `threads` threads.

    None reads PIX2PIX_THREADS. Raises `UserError` when the model can't be loaded.
    """
    options: TranslatorOptions = {
        "threads": threads,
        "bands": settings.bands,
        "value_range": settings.value_range,
        "max_megapixels": settings.max_megapixels,
    }
    if settings.model:
        check_model_name(settings.model)
        hub.set_request_timeout()
        return Translator.from_name(settings.model, **options)
    if not STARTER_MODEL.is_dir():
        raise UserError(
            "--model is missing: only a checkout has the starter model; name a folder or a model "
            "of the Hub, e.g. <user>/pix2pix-maps."
        )
    return Translator(STARTER_MODEL, **options)
