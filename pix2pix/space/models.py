"""The models that the Space serves, loaded once when it starts, and banners for those that fail."""

import functools
import os
import re
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from pix2pix import hub
from pix2pix.errors import UserError
from pix2pix.gallery import Sample, read_samples
from pix2pix.space.settings import Settings
from pix2pix.translate import Translator
from pix2pix.version import ROOT

STARTER_MODEL = ROOT / "assets" / "starter_model"
STARTER_NAME = "the starter model"
# Tokens of the Hub, and names with passwords in addresses.
SECRET = re.compile(r"hf_\w+|(?<=://)[^/@:\s]*:[^/@\s'\"]+")
LONGEST_BANNER = 500


@dataclass(frozen=True)
class Models:
    """What is served: translators by the operator's names, and why others are not.

    Attributes:
        translators: never empty; the first is the default.
        banners: plain text, a sentence or two a failure. Without secrets, but not yet escaped.
    """

    translators: dict[str, Translator]
    banners: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return list(self.translators)

    @property
    def default(self) -> Translator:
        return self.translators[self.names[0]]

    @functools.cached_property
    def samples(self) -> dict[str, list[Sample]]:
        """Each model's held-out triplets."""
        return {name: read_samples(model.folder) for name, model in self.translators.items()}

    def __getitem__(self, name: str | None) -> Translator:
        """The translator of that name; the default for None or an unknown name."""
        return self.translators.get(name, self.default)


def load_models(settings: Settings) -> Models:
    """Loads what the operator listed; the starter model where none of it can be."""
    on_hub = [name for name in settings.models if not _is_folder(name)]
    # Asked once: a download from a Hub that doesn't answer would be tried for minutes.
    offline = bool(on_hub) and not hub.reachable()
    translators, banners = {}, list(settings.notices)
    # All at a time, so that their waiting doesn't add up.
    with ThreadPoolExecutor(max(1, len(settings.models))) as pool:
        loaded = pool.map(lambda name: _load(name, offline), settings.models)
        for name, found in zip(settings.models, loaded, strict=True):
            if isinstance(found, Translator):
                translators[name] = found
            else:
                banners.append(f"{name} is not served. {found}")
    if not translators:
        translators[STARTER_NAME] = Translator.from_pretrained(STARTER_MODEL)
    served = next(iter(translators))
    if settings.models and served != settings.models[0]:
        banners.append(f"This is {served} instead.")
    banners = [_fit_to_show(banner) for banner in banners]
    print(*banners, sep="\n", end="\n" * bool(banners), flush=True)
    return Models(translators, tuple(banners))


def _load(name: str, offline: bool) -> Translator | str:
    """The model of that name, which has translated a picture; or why it can't be served."""
    try:
        translator = Translator.named(name, local_files_only=offline)
    except UserError as error:
        return str(error)
    except Exception:
        return _unexpected("It can't be loaded")
    try:
        side = translator.config.image_size
        translator(Image.new("RGB", (side, side)))
    except Exception:
        return _unexpected("It can't translate a picture")
    return translator


def _unexpected(what: str) -> str:
    traceback.print_exc()
    return f"{what}: the Space's log says why."


def _is_folder(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except OSError:  # a name that no file system takes
        return False


def _fit_to_show(text: str) -> str:
    """`text` without secrets, and not endless."""
    token = os.environ.get("HF_TOKEN")
    text = text.replace(token, "...") if token else text
    text = SECRET.sub("...", text)
    return text if len(text) <= LONGEST_BANNER else f"{text[:LONGEST_BANNER]}..."
