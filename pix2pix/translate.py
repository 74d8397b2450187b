"""Translates pictures with a published generator, on ONNX Runtime and without TensorFlow."""

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

import numpy as np
from PIL import Image

from pix2pix.artifacts import CONFIG_FILE, GRAPH_FILE, REQUIRED, STARTER_FOLDER, ArtifactFolder
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
from pix2pix.version import ROOT

if TYPE_CHECKING:
    import onnxruntime

Mode = Literal["fit", "full"]
MODES: tuple[str, ...] = get_args(Mode)
# The model that comes with a checkout; an installed package does not have it.
STARTER_MODEL = ROOT / STARTER_FOLDER
THREADS_VARIABLE = "PIX2PIX_THREADS"
MAX_THREADS = 1024

logger = logging.getLogger(__name__)


def read_threads(environ: Mapping[str, str] = os.environ) -> int:
    """Returns PIX2PIX_THREADS, the CPU threads of a translation; 0 lets ONNX Runtime choose.

    `Translator` uses at most one thread per core.

    Raises:
        UserError: when the value is not a whole number from 0 to MAX_THREADS.
    """
    return read_number(environ, THREADS_VARIABLE, 0, (0, MAX_THREADS))


def read_number(
    environ: Mapping[str, str], variable: str, default: int, limits: tuple[int, int]
) -> int:
    """Returns the whole number in an environment variable; `default` where it is not set.

    Raises:
        UserError: when the value is not a whole number within `limits`, which are included.
    """
    text, (least, greatest) = environ.get(variable, str(default)), limits
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if not least <= number <= greatest:
        raise UserError(
            f"{variable} is {text[:40]!r}, which is not a whole number from {least} to {greatest}: "
            f"the default of {default} is used."
        )
    return number


def _threads_or_default() -> int:
    try:
        return read_threads()
    except UserError as error:
        logger.warning("%s", error)
        return 0


def load_session(path: Path, threads: int = 0) -> "onnxruntime.InferenceSession":
    """Loads an ONNX graph for the CPU; `threads` 0 lets ONNX Runtime choose."""
    # Imported here, so that a command that only needs MODES prints its --help at once.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only
    return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])


class Translator:
    """Translates pictures with one generator; safe to call from several threads.

    Example:
        >>> translator = Translator.from_pretrained("assets/starter_model")
        >>> translator("aerial.jpg", mode="fit").save("map.png")

    Attributes:
        folder: the folder with the model's files. revision: their commit on the Hub, or None.
        about: the content of pix2pix.json. config: the `Config` the model was trained with.
    """

    def __init__(
        self, folder: str | Path, revision: str | None = None, *, threads: int | None = None
    ):
        """Loads the artifacts in `folder`.

        Args:
            folder: a folder with generator.onnx and pix2pix.json.
            revision: the commit they were downloaded from.
            threads: CPU threads of a translation, at most one per core; 0 lets ONNX Runtime
                choose, None reads PIX2PIX_THREADS.

        Raises:
            UserError: when the folder does not hold a complete pix2pix model.
        """
        self.folder, self.revision = Path(folder), revision
        for name in REQUIRED:
            if not (self.folder / name).is_file():
                raise _incomplete_model(folder, f"{name} is missing")
        self.about = ArtifactFolder(self.folder).read_description()
        cores = os.cpu_count() or 1
        threads = max(0, min(_threads_or_default() if threads is None else threads, cores))
        # Translations that share their cores are slower than translations one after the other.
        self._running = threading.Semaphore(max(1, cores // threads) if threads else 1)
        try:
            self.config = Config.from_dict(self.about["config"])
            self._check_weights()
            self._session = load_session(self.folder / GRAPH_FILE, threads)
        except UserError:
            raise
        except Exception as error:  # ONNX Runtime's own errors share no base class
            raise _incomplete_model(folder, first_line(error)) from None

    def _check_weights(self) -> None:
        """Raises `UserError` unless the graph is the one that pix2pix.json describes.

        Local folders are checked like downloads: a copy may be cut short, git may leave an LFS
        pointer, and a run that is killed while it writes leaves a new graph beside an old
        description. Reading the file once more costs little beside parsing it.
        """
        digests = self.about.get("sha256") or {}
        if digests.get(GRAPH_FILE) != sha256(self.folder / GRAPH_FILE):
            reason = f"the sha256 of {GRAPH_FILE} is not the one in {CONFIG_FILE}"
            if self.revision:
                reason += f": delete {self.folder} to download it again"
            raise _incomplete_model(self.folder, reason)

    @classmethod
    def from_pretrained(
        cls,
        repo_id_or_folder: str | Path,
        *,
        revision: str | None = None,
        local_files_only: bool = False,
        threads: int | None = None,
    ) -> "Translator":
        """Loads a local folder, or a model of the Hub (from its cache when offline).

        Args:
            repo_id_or_folder: a folder with the artifacts, or an id such as `user/pix2pix-maps`.
            revision: commit, tag or branch on the Hub; a commit always gives the same weights.
            local_files_only: read the local cache only and send no request to the Hub.
            threads: as in `__init__`.

        Raises:
            UserError: when the model can't be found, downloaded or read; the message says what to
                do.
        """
        if Path(repo_id_or_folder).is_dir():
            return cls(repo_id_or_folder, threads=threads)
        from pix2pix import hub

        folder, commit = hub.fetch_model(str(repo_id_or_folder), revision, local_files_only)
        return cls(folder, commit, threads=threads)

    @classmethod
    def from_name(
        cls, name: str, *, local_files_only: bool = False, threads: int | None = None
    ) -> "Translator":
        """Loads a folder, a Hub id, or `id@revision`; otherwise as `from_pretrained`."""
        repo_id, _, revision = (name, "", "") if Path(name).is_dir() else name.partition("@")
        return cls.from_pretrained(
            repo_id,
            revision=revision or None,
            local_files_only=local_files_only,
            threads=threads,
        )

    def __call__(
        self, image: Image.Image | str | Path | bytes, *, mode: str = "fit"
    ) -> Image.Image:
        """Translates a picture of any size and color mode; the result is RGB of the same size.

        The same picture gives the same pixels each time, because dropout is off. The mode `fit`
        shows the network the whole picture at its training size; `full` keeps every pixel and
        translates in blended tiles.

        Raises:
            UserError: when the picture can't be read or is too large, or `mode` is unknown.
        """
        *_, (_, _, translation) = self.iter_progress(image, mode=mode)
        return cast(Image.Image, translation)  # comes with the last tile

    def iter_progress(
        self, image: Image.Image | str | Path | bytes, *, mode: str = "fit"
    ) -> Iterator[tuple[int, int, Image.Image | None]]:
        """Translates as a call does, and yields its progress after each tile.

        Stopping the iteration cancels the remaining tiles.

        Yields:
            The number of tiles done, the number of all tiles (1 in the mode `fit`), and None; with
            the last tile, the translation instead of None.

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
        """Runs the bare network: (B, H, W, 3) uint8 -> same, H and W multiples of 2**depth."""
        image = to_tensor(pictures, self.config.input_channels)
        with self._running:
            tensor = self._session.run(["translation"], {"image": image})[0]
        return to_uint8(tensor)

    def _fit(self, image: Image.Image) -> Image.Image:
        square, (width, height) = fit_to_square(image, self.config.image_size)
        translated = self.generate(square[None])[0, :height, :width]
        return resize(Image.fromarray(translated), *image.size)


def _incomplete_model(folder: str | Path, reason: str) -> UserError:
    return UserError(
        f"{folder} is not a complete pix2pix model ({reason}); it needs {GRAPH_FILE} and "
        f"{CONFIG_FILE} as train_hub.py writes them."
    )
