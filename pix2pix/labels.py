"""Names a model's input and output, depending on its dataset, columns and direction."""

from dataclasses import dataclass

from pix2pix.config import Config


@dataclass(frozen=True)
class Labels:
    """Names of a model's input and output, such as `aerial photo` and `map`."""

    source: str
    result: str

    @property
    def title(self) -> str:
        """Both names: `aerial photo to map`."""
        return f"{self.source} to {self.result}"

    @property
    def heading(self) -> str:
        """What a page is about: `From aerial photo to map`."""
        return f"From {self.title}"

    @property
    def short_source(self) -> str:
        """One word for the input, for captions and file names: `photo`."""
        return self.source.split()[-1]

    @property
    def short_result(self) -> str:
        """One word for the output."""
        return self.result.split()[-1]

    @property
    def example_file(self) -> str:
        """The file name of an input in code snippets: `aerial.jpg` for a photo, `sketch.png`."""
        return "aerial.jpg" if self.short_source == "photo" else f"{self.short_source}.png"

    @property
    def real(self) -> str:
        """The name of the real picture that a result is compared with: `real map`."""
        return f"real {self.short_result}"


# The picture columns of assets/sample_maps. A dataset with other columns only shares the name.
# Column names come from files that anybody may have written, so they never become part of a label
# or a path.
SAMPLE_MAPS = {"imageA": "satellite photo", "imageB": "atlas map", "imageC": "sketch"}


def labels_for(config: Config) -> Labels:
    """Returns the names for datasets of maps, and `input` and `output` for all others."""
    dataset = config.dataset_name.lower()
    columns = (config.input_column or "imageA", config.target_column or "imageB")
    names = None
    if "sample_maps" in dataset:
        if SAMPLE_MAPS.keys() >= set(columns):
            names = [SAMPLE_MAPS[column] for column in columns]
    elif "map" in dataset:
        names = ["aerial photo", "map"]
    if names is None:
        return Labels("input", "output")
    return Labels(*(names if config.direction == "a_to_b" else reversed(names)))


def with_article(noun: str) -> str:
    """Returns `a sketch`, `an atlas map`."""
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def plural(noun: str) -> str:
    """Returns `photos`, `sketches`."""
    return f"{noun}es" if noun.endswith("ch") else f"{noun}s"
