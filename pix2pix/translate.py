"""Translates pictures with a published generator. ONNX Runtime only: imports no TensorFlow."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from pix2pix.config import Config
from pix2pix.errors import UserError, first_line
from pix2pix.files import sha256
from pix2pix.images import (
    check_pixels,
    fit_to_square,
    open_image,
    resize,
    to_rgb,
    to_tensor,
    to_uint8,
)
from pix2pix.tiles import translate_in_tiles

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
            self._running = threading.Semaphore(_runs_at_once())
        except UserError:
            raise
        except FileNotFoundError as error:
            raise _not_a_model(folder, f"{Path(error.filename).name} is missing") from None
        except Exception as error:  # ONNX Runtime's own errors share no base class
            raise _not_a_model(folder, first_line(error)) from None

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
        cls,
        repo_id_or_folder: str | Path,
        *,
        revision: str | None = None,
        local_files_only: bool = False,
    ) -> "Translator":
        """Loads a local folder, or a model of the Hub (from its cache when offline).

        Args:
            repo_id_or_folder: a folder with the artifacts, or an id such as `user/pix2pix-maps`.
            revision: commit, tag or branch on the Hub; pin it to get the same weights for ever.
            local_files_only: don't ask the Hub: take what its local cache has.

        Raises:
            UserError: when it can't be found, reached or read, with what to do.
        """
        if Path(repo_id_or_folder).is_dir():
            return cls(repo_id_or_folder)
        from pix2pix import hub

        folder, commit = hub.fetch_model(str(repo_id_or_folder), revision, local_files_only)
        return cls(folder, commit)

    @classmethod
    def named(cls, name: str, *, local_files_only: bool = False) -> "Translator":
        """Loads what one word names: a folder, a Hub id, or `id@revision`.

        Raises:
            UserError: as `from_pretrained` does.
        """
        repo_id, _, revision = (name, "", "") if Path(name).is_dir() else name.partition("@")
        return cls.from_pretrained(
            repo_id, revision=revision or None, local_files_only=local_files_only
        )

    def __call__(
        self, image: Image.Image | str | Path | bytes, *, mode: str = "fit"
    ) -> Image.Image:
        """Translates a picture of any size and mode: an RGB picture of the same size.

        The same picture gives the same pixels each time: dropout is off. `fit` shows the network
        the whole picture at its training size; `full` keeps every pixel, in blended tiles.

        Raises:
            UserError: when the picture can't be read or is too large, or `mode` is unknown.
        """
        *_, (_, _, translation) = self.steps(image, mode=mode)
        return translation

    def steps(
        self, image: Image.Image | str | Path | bytes, *, mode: str = "fit"
    ) -> Iterator[tuple[int, int, Image.Image | None]]:
        """Translates as a call does, and says on the way how far it is.

        Stopping to iterate cancels the rest.

        Yields:
            After each tile: tiles done, tiles in all (1 in the mode `fit`), and None; with the
            last tile, the translation.

        Raises:
            UserError: as a call does.
        """
        if mode not in MODES:
            raise UserError(f"The mode {mode!r} is unknown; choose one of {', '.join(MODES)}.")
        if isinstance(image, Image.Image):
            check_pixels(image)
            image = to_rgb(image)
        else:
            image = open_image(image)
        if mode == "fit":
            yield 1, 1, self._fit(image)
            return
        pixels = np.asarray(image)
        tiles = translate_in_tiles(pixels, self.config.image_size, self.generate)
        for done, total, result in tiles:
            yield done, total, Image.fromarray(result) if done == total else None

    def generate(self, pictures: np.ndarray) -> np.ndarray:
        """The bare network: (B, H, W, 3) uint8 -> same, H and W multiples of 2**depth."""
        image = to_tensor(pictures, self.config.input_channels)
        with self._running:
            tensor = self._session.run(["translation"], {"image": image})[0]
        return to_uint8(tensor)

    def _fit(self, image: Image.Image) -> Image.Image:
        square, (width, height) = fit_to_square(image, self.config.image_size)
        translated = self.generate(square[None])[0, :height, :width]
        return resize(Image.fromarray(translated), *image.size)


def _threads() -> int:
    """PIX2PIX_THREADS, at most one a core; 0, the runtime's choice, where it is no number."""
    try:
        return max(0, min(int(os.environ.get("PIX2PIX_THREADS", "0")), os.cpu_count() or 1))
    except ValueError:
        return 0


def _runs_at_once() -> int:
    """As many as there are cores for: runs that share their cores are slower than runs in turn."""
    threads = _threads()
    return max(1, (os.cpu_count() or 1) // threads) if threads else 1


def _not_a_model(folder: str | Path, reason: str) -> UserError:
    return UserError(
        f"{folder} is not a complete pix2pix model ({reason}); it needs {GRAPH_FILE} and "
        f"{CONFIG_FILE} as train_hub.py writes them."
    )
