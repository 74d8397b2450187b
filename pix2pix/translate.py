"""Translates pictures with a published generator. ONNX Runtime only: imports no TensorFlow."""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.files import sha256
from pix2pix.images import (
    check_pixels,
    fit_to_square,
    open_image,
    pad_mirrored,
    resize,
    to_rgb,
    to_tensor,
    to_uint8,
)

MODES = ("fit", "full")
GRAPH_FILE, CONFIG_FILE = "generator.onnx", "pix2pix.json"


def load_session(path: Path, threads: int = 0) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session for `path`; `threads` 0 leaves the choice to the runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])


class Translator:
    """A generator, ready to translate; safe to call from several threads.

    Example:
        >>> translator = Translator.from_pretrained("assets/starter_model")
        >>> translator("aerial.jpg", mode="fit").save("map.png")

    Attributes:
        folder: where the model's files lie. revision: its commit on the Hub, or None.
        about: the content of pix2pix.json. config: the `Config` it was trained with.
    """

    def __init__(self, folder: str | Path, revision: str | None = None):
        """Loads the artifacts in `folder`. Raises `UserError` when they are no pix2pix model."""
        self.folder, self.revision = Path(folder), revision
        try:
            self.about = json.loads((self.folder / CONFIG_FILE).read_text(encoding="utf-8"))
            self.config = Config.from_dict(self.about["config"])
            self._check_weights()
            self._session = load_session(self.folder / GRAPH_FILE, _threads())
        except UserError:
            raise
        except FileNotFoundError as error:
            raise _not_a_model(folder, f"{Path(error.filename).name} is missing") from None
        except Exception as error:  # ONNX Runtime's own errors share no base class
            raise _not_a_model(folder, str(error).splitlines()[0]) from None

    def _check_weights(self) -> None:
        """Raises `UserError` unless the graph is the one that pix2pix.json describes.

        Folders too, not only downloads: copies break off, git leaves LFS pointers, and a run that
        is killed while it writes leaves a new graph beside an old description. Reading the file
        once more costs little beside parsing it.
        """
        digests = self.about.get("sha256") or {}
        if digests.get(GRAPH_FILE) != sha256(self.folder / GRAPH_FILE):
            reason = f"the sha256 of {GRAPH_FILE} is not the one in {CONFIG_FILE}"
            if self.revision:
                reason += f": delete {self.folder} to download it again"
            raise _not_a_model(self.folder, reason)

    @classmethod
    def from_pretrained(
        cls, repo_id_or_folder: str | Path, *, revision: str | None = None
    ) -> "Translator":
        """Loads a local folder, or a model of the Hub (from its cache when offline).

        Args:
            repo_id_or_folder: a folder with the artifacts, or an id such as `user/pix2pix-maps`.
            revision: commit, tag or branch on the Hub; pin it to get the same weights for ever.

        Raises:
            UserError: when it can't be found, reached or read, with what to do.
        """
        if Path(repo_id_or_folder).is_dir():
            return cls(repo_id_or_folder)
        from pix2pix import hub

        folder, commit = hub.fetch_model(str(repo_id_or_folder), revision)
        return cls(folder, commit)

    @classmethod
    def named(cls, name: str) -> "Translator":
        """Loads what one word names: a folder, a Hub id, or `id@revision`.

        Raises:
            UserError: as `from_pretrained` does.
        """
        repo_id, _, revision = (name, "", "") if Path(name).is_dir() else name.partition("@")
        return cls.from_pretrained(repo_id, revision=revision or None)

    def __call__(
        self, image: Image.Image | str | Path | bytes, *, mode: str = "fit"
    ) -> Image.Image:
        """Translates a picture of any size and mode: an RGB picture of the same size.

        The same picture gives the same pixels each time: dropout is off. `fit` shows the network
        the whole picture at its training size; `full` keeps every pixel, in blended tiles.

        Raises:
            UserError: when the picture can't be read or is too large, or `mode` is unknown.
        """
        if mode not in MODES:
            raise UserError(f"The mode {mode!r} is unknown; choose one of {', '.join(MODES)}.")
        if isinstance(image, Image.Image):
            check_pixels(image)
            image = to_rgb(image)
        else:
            image = open_image(image)
        return self._fit(image) if mode == "fit" else self._full(image)

    def generate(self, pictures: np.ndarray) -> np.ndarray:
        """The bare network: (B, H, W, 3) uint8 -> same, H and W multiples of 2**depth."""
        image = to_tensor(pictures, self.config.input_channels)
        return to_uint8(self._session.run(["translation"], {"image": image})[0])

    def _fit(self, image: Image.Image) -> Image.Image:
        square, (width, height) = fit_to_square(image, self.config.image_size)
        translated = self.generate(square[None])[0, :height, :width]
        return resize(Image.fromarray(translated), *image.size)

    def _full(self, image: Image.Image) -> Image.Image:
        tile = self.config.image_size
        pixels = np.asarray(image)
        height, width = pixels.shape[:2]
        padded = pad_mirrored(pixels, max(height, tile), max(width, tile))
        weight = _tent(tile)
        total = np.zeros(padded.shape, np.float32)
        weights = np.zeros(padded.shape[:2] + (1,), np.float32)
        for top in _starts(padded.shape[0], tile):
            for left in _starts(padded.shape[1], tile):
                place = np.s_[top : top + tile, left : left + tile]
                total[place] += weight * self.generate(padded[place][None])[0]
                weights[place] += weight
        blended = np.rint(total[:height, :width] / weights[:height, :width])
        return Image.fromarray(blended.astype(np.uint8))


def _threads() -> int:
    value = os.environ.get("PIX2PIX_THREADS", "0")
    if not value.isdigit():
        raise UserError(f"PIX2PIX_THREADS is {value!r}; it must be a number, 0 for all cores.")
    return int(value)


def _starts(length: int, tile: int) -> list[int]:
    """Evenly spread tile origins that cover `length` and overlap by at least a quarter tile."""
    count = 1 + -(-(length - tile) // (tile - tile // 4))
    return [round(position) for position in np.linspace(0, length - tile, count)]


def _tent(tile: int) -> np.ndarray:
    """(tile, tile, 1) weights that fall towards the borders, so that tiles blend."""
    ramp = np.minimum(np.arange(1, tile + 1), np.arange(tile, 0, -1)).astype(np.float32)
    ramp = np.minimum(ramp, tile // 4)
    return np.outer(ramp, ramp)[..., None]


def _not_a_model(folder: str | Path, reason: str) -> UserError:
    return UserError(
        f"{folder} is not a complete pix2pix model ({reason}); it needs {GRAPH_FILE} and "
        f"{CONFIG_FILE} as train_hub.py writes them."
    )
