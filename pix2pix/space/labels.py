"""Names a model's input and output on the page, depending on its dataset and direction."""

from dataclasses import dataclass

from pix2pix.config import Config


@dataclass(frozen=True)
class Labels:
    """Names of a model's input and output, such as `aerial photo` and `map`."""

    source: str
    result: str

    @property
    def short_source(self) -> str:
        """One word for the input, for captions and file names: `photo`."""
        return self.source.split()[-1]

    @property
    def short_result(self) -> str:
        """One word for the output."""
        return self.result.split()[-1]

    @property
    def real(self) -> str:
        """The name of the real picture that a result is compared with: `real map`."""
        return f"real {self.short_result}"


def labels_for(config: Config) -> Labels:
    """Returns the names for datasets of maps, and `input` and `output` for all others."""
    dataset = config.dataset_name.lower()
    if "map" not in dataset:
        return Labels("input", "output")
    photo = "satellite photo" if "sample_maps" in dataset else "aerial photo"
    return Labels(photo, "map") if config.direction == "a_to_b" else Labels("map", photo)
