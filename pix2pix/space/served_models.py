"""The models that the Space serves, loaded once when it starts, and banners for those that fail."""

import functools
import logging
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from pix2pix import hub
from pix2pix.artifacts import STARTER_FOLDERS
from pix2pix.errors import UserError
from pix2pix.gallery import Sample, read_samples
from pix2pix.labels import Labels, labels_for
from pix2pix.pixels.gate import open_image
from pix2pix.space.settings import Settings
from pix2pix.translate import Translator
from pix2pix.version import ROOT

logger = logging.getLogger(__name__)

# Tokens of the Hub, and the user and password in a URL.
SECRET = re.compile(r"hf_\w+|(?<=://)[^/@:\s]*:[^/@\s'\"]+")
MAX_BANNER_LENGTH = 500


@dataclass(frozen=True)
class ServedModels:
    """Holds the translators by name, and banners about models that failed to load.

    Attributes:
        translators: never empty; the first is the default. The operator's names, or the titles of
            the starter models.
        banners: plain text, a sentence or two for each failure. Without secrets, not yet escaped.
    """

    translators: dict[str, Translator]
    banners: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names in the operator's order, or in that of `STARTER_FOLDERS`."""
        return list(self.translators)

    @property
    def default(self) -> Translator:
        """The first translator."""
        return self.translators[self.names[0]]

    @functools.cached_property
    def samples(self) -> dict[str, list[Sample]]:
        """The held-out triplets of each model."""
        return {name: read_samples(model.folder) for name, model in self.translators.items()}

    def __getitem__(self, name: str | None) -> Translator:
        """Returns the translator of that name, and the default for None or an unknown name."""
        return self.default if name is None else self.translators.get(name, self.default)

    def read(self, name: str | None, path: str, is_rgb: bool = False) -> Image.Image:
        """Reads a picture as that model reads its input; raises `UserError`.

        Samples and halves of pairs are 8-bit RGB already (`is_rgb`), to which the model's choice of
        bands does not apply.
        """
        translator = self[name]
        limit = round(translator.max_megapixels * 1e6)
        return open_image(path, limit) if is_rgb else translator.read(path)

    def labels(self, name: str | None) -> Labels:
        """Returns the names of a model's input and output."""
        return labels_for(self[name].config)


def load_models(settings: Settings) -> ServedModels:
    """Loads the operator's models, and the starter models where none of them can be loaded.

    Raises:
        UserError: when there is no model to serve.
    """
    on_hub = [name for name in settings.models if not _is_folder(name)]
    # Checked once: a download from a Hub that does not respond would be retried for minutes.
    offline = bool(on_hub) and not hub.is_reachable()
    translators, failures = _load_all(settings.models, settings, offline)
    banners = [*settings.notices, *failures]
    if not translators:
        translators, failures = _load_starters(settings)
        banners += failures
        if settings.models:
            banners.append(_describe_starters(list(translators)))
    elif (default := next(iter(translators))) != settings.models[0]:
        banners.append(f"This is {default} instead.")
    banners = [_shorten(_hide_secrets(banner)) for banner in banners]
    for banner in banners:
        logger.info("%s", banner)
    return ServedModels(translators, tuple(banners))


def _load_all(
    names: Sequence[str], settings: Settings, offline: bool
) -> tuple[dict[str, Translator], list[str]]:
    """Returns the models that can be served, by name, and a banner for each of the others."""
    # In parallel, so that the waiting times of several models don't add up.
    with ThreadPoolExecutor(max(1, len(names))) as pool:
        results = list(pool.map(lambda name: _load(name, settings, offline), names))
    loaded = dict(zip(names, results, strict=True))
    banners = [f"{n} is not served. {r}" for n, r in loaded.items() if isinstance(r, str)]
    return {n: r for n, r in loaded.items() if isinstance(r, Translator)}, banners


def _load_starters(settings: Settings) -> tuple[dict[str, Translator], list[str]]:
    """Returns the starter models by their titles, and a banner for each that is damaged.

    A missing one is no fault: a Space that an earlier version deployed has only the first.
    """
    folders = [str(ROOT / folder) for folder in STARTER_FOLDERS if (ROOT / folder).is_dir()]
    by_folder, banners = _load_all(folders, settings, offline=True)
    banners = [banner.replace(f"{ROOT}{os.sep}", "") for banner in banners]
    translators = {labels_for(model.config).title: model for model in by_folder.values()}
    if not translators:
        raise UserError(" ".join(["There is no model to serve.", *banners]))
    return translators, banners


def _describe_starters(names: list[str]) -> str:
    if len(names) == 1:
        return f"The starter model is served instead: {names[0]}."
    return f"The starter models are served instead: {' and '.join(names)}."


def _load(name: str, settings: Settings, offline: bool) -> Translator | str:
    """Returns a model that has translated a picture, or why it can't be served."""
    try:
        translator = Translator.from_name(
            name, local_files_only=offline, threads=settings.threads,
            max_megapixels=settings.max_megapixels,
        )  # fmt: skip
    except UserError as error:
        return str(error)
    except Exception:
        return _log_exception(name, "It can't be loaded")
    try:
        translator(
            Image.new("RGB", (64, 64))
        )  # within any limit of pixels; resized for the network
    except Exception:
        return _log_exception(name, "It can't translate a picture")
    return translator


def _log_exception(name: str, reason: str) -> str:
    logger.exception("%s is not served. %s.", _shorten(_hide_secrets(name)), reason)
    return f"{reason}: the Space's log has the reason."


def _is_folder(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except OSError:  # a name that no file system accepts
        return False


def _hide_secrets(text: str) -> str:
    token = os.environ.get("HF_TOKEN")
    return SECRET.sub("...", text.replace(token, "...") if token else text)


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_BANNER_LENGTH else f"{text[:MAX_BANNER_LENGTH]}..."
