"""The models that the Space serves, loaded once when it starts, and banners for those that fail."""

from dataclasses import dataclass
from pathlib import Path

from pix2pix.errors import UserError
from pix2pix.space.settings import Settings
from pix2pix.translate import Translator

STARTER_MODEL = Path(__file__).parents[2] / "assets" / "starter_model"


@dataclass(frozen=True)
class Models:
    """What is served: translators by the operator's names, and why others are not.

    Attributes:
        translators: never empty; the first is the default. banners: a sentence a failure.
    """

    translators: dict[str, Translator]
    banners: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        return list(self.translators)

    @property
    def default(self) -> Translator:
        return self.translators[self.names[0]]

    def __getitem__(self, name: str | None) -> Translator:
        """The translator of that name; the default for None or an unknown name."""
        return self.translators.get(name, self.default)


def load_models(settings: Settings) -> Models:
    """Loads what the operator listed; the starter model where none of it can be."""
    translators, banners = {}, list(settings.notices)
    for name in settings.models:
        try:
            translators[name] = Translator.named(name)
        except UserError as error:
            banners.append(f"**{name} is not served.** {error}")
    if not translators:
        translators["starter model"] = Translator.from_pretrained(STARTER_MODEL)
        if settings.models:
            banners.append("This is the starter model instead.")
    for banner in banners:
        print(banner)
    return Models(translators, tuple(banners))
