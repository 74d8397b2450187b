"""Finds the model of --init_from, whose weights a run starts from, and scores it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pix2pix.artifacts import CONFIG_FILE, DISCRIMINATOR_FILE, WEIGHTS_FILE
from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.files import sha256
from pix2pix.names import check_model_name

if TYPE_CHECKING:
    from pix2pix.data import LoadedPairs
    from pix2pix.training.checkpoints import Checkpoint
    from pix2pix.training.initial_weights import InitialWeights

# Settings of a base model that the plan of a run shows.
SHOWN = (
    "image_size", "generator_filters", "generator_norm", "upsampling", "discriminator_filters",
)  # fmt: skip


@dataclass(frozen=True)
class BaseModel:
    """A published model whose weights a run starts from.

    Attributes:
        name: its id on the Hub, or its folder.
        revision: its commit on the Hub; None for a folder.
        folder: the folder with its files.
        digests: the SHA-256 of its weight files, by their names.
        weights: its weight files.
    """

    name: str
    revision: str | None
    folder: Path
    digests: dict[str, str]
    weights: "InitialWeights"

    @property
    def pinned_name(self) -> str:
        """The value of --init_from that gives these weights, as long as a folder stays the same."""
        return f"{self.name}@{self.revision}" if self.revision else self.name

    def describe(self) -> str:
        """Returns which networks the run starts from, and the settings that they have."""
        networks = "its generator; the discriminator starts new, since the model has none"
        if self.weights.discriminator:
            networks = "its generator and its discriminator"
        settings = (f"--{name} {getattr(self.weights.config, name)}" for name in SHOWN)
        return f"{self.pinned_name}, {networks} ({' '.join(settings)})"

    def record(self, loaded: "LoadedPairs", config: Config) -> dict[str, Any]:
        """Scores the model on the run's held-out pairs, and returns what the run records of it.

        Returns:
            "model", which becomes "base_model" in pix2pix.json, and "scores", which becomes
            "base_model" in metrics.json; without held-out pairs, the scores are empty.
        """
        model = {"name": self.name, "revision": self.revision, "sha256": self.digests}
        return {"model": model, "scores": self._score(loaded, config)}

    def _score(self, loaded: "LoadedPairs", config: Config) -> dict[str, Any]:
        from pix2pix import artifact_writer, evaluation
        from pix2pix.translate import Translator

        if not loaded.held_out:
            return {}
        print(f"Evaluating {self.name} on {len(loaded.held_out)} held-out pairs, before the run.")
        legend = artifact_writer.find_own_legend(config, loaded)
        legend = legend or evaluation.find_training_legend(loaded.reference, config)
        predict = Translator(self.folder).predict
        scores = evaluation.score_all(predict, loaded.held_out, config.direction, legend)
        return {"metrics": scores.summary(), "intervals": scores.intervals()}


@dataclass(frozen=True)
class Start:
    """Where the training starts: at a checkpoint, with the weights of a model, or with random ones.

    Attributes:
        checkpoint: the checkpoint to resume, or None.
        weights: the weights to start from, or None.
        record: what `BaseModel.record` returned when the run started from a model, else None.
    """

    checkpoint: "Checkpoint | None" = None
    weights: "InitialWeights | None" = None
    record: dict[str, Any] | None = None


def choose_model(
    config: Config, checkpoint: "Checkpoint | None"
) -> tuple[Config, BaseModel | None]:
    """Returns the config with the model's settings, and the model that a new run starts from.

    A run that resumes a checkpoint has the settings of its own start, and needs no model. Raises
    `UserError` when the model of --init_from can't be read or does not fit the other settings.
    """
    if checkpoint:
        started = checkpoint.config.init_from
        if config.freeze_encoder and started is None:
            raise UserError(
                "The run that is resumed did not start from a model, so --freeze_encoder can't be "
                "added: leave it out, or start a new run from a model in another --output_dir."
            )
        if config.init_from is not None:
            print("The run goes on from its own checkpoint, so --init_from has no effect.")
        own = {name: getattr(checkpoint.config, name) for name in config.inherited}
        return replace(config, **own, inherited=(), init_from=started), None
    if config.init_from is None:
        return config, None
    model = find_model(config.init_from)
    try:
        config = config.inherit(model.weights.config)
    except UserError as error:
        raise UserError(f"{model.name} does not fit these settings: {error}") from None
    model.weights.check(config)
    return replace(config, init_from=model.pinned_name), model


def find_model(name: str, flag: str = "--init_from") -> BaseModel:
    """Returns the model of a Hub id, an `id@revision` or a folder, with its weights downloaded.

    `flag` is the flag that named it, for messages. Raises `UserError` when it can't be found, or
    when a file is missing or damaged.
    """
    from pix2pix import hub
    from pix2pix.training.initial_weights import InitialWeights
    from pix2pix.translate import Translator

    check_model_name(name, flag)
    translator = Translator.from_name(name)
    folder, revision = translator.folder, translator.revision
    published = translator.about["sha256"]
    files = [file for file in (WEIGHTS_FILE, DISCRIMINATOR_FILE) if file in published]
    if WEIGHTS_FILE not in files:
        raise UserError(f"{name} has no {WEIGHTS_FILE} to start from; choose another model.")
    if revision:
        name = name.partition("@")[0]
        hub.fetch_weights(name, revision, files)
    for file in files:
        _check_file(folder / file, published[file], revision)
    discriminator = folder / DISCRIMINATOR_FILE if DISCRIMINATOR_FILE in files else None
    weights = InitialWeights(name, translator.config, folder / WEIGHTS_FILE, discriminator)
    return BaseModel(name, revision, folder, {file: published[file] for file in files}, weights)


def _check_file(path: Path, digest: str, revision: str | None) -> None:
    remedy = "restore it, train the model again, or choose another model"
    if revision:
        remedy = f"delete {path.parent} to download it again, or choose another model"
    if not path.is_file():
        raise UserError(f"{path} is missing, so a run can't start from it; {remedy}.")
    if sha256(path) != digest:
        raise UserError(
            f"{path} is not the file that {CONFIG_FILE} describes (its sha256 differs); {remedy}."
        )
