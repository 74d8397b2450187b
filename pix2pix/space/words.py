"""What a model's pictures are called: after its direction and what it was trained on."""

from dataclasses import dataclass

from pix2pix.config import Config


@dataclass(frozen=True)
class Words:
    """Names of a model's input and output, such as `aerial photo` and `map`."""

    source: str
    result: str

    @property
    def short_source(self) -> str:
        """One word, for labels and file names: `photo`."""
        return self.source.split()[-1]

    @property
    def short_result(self) -> str:
        return self.result.split()[-1]

    @property
    def real(self) -> str:
        """What a result is compared with: `real map`, or `real photo`."""
        return f"real {self.short_result}"


def words(config: Config) -> Words:
    """The names for sets of maps; `input` and `output` for all others."""
    name = config.dataset_name.lower()
    if "map" not in name:
        return Words("input", "output")
    photo = "satellite photo" if "sample_maps" in name else "aerial photo"
    return Words(photo, "map") if config.direction == "a_to_b" else Words("map", photo)
