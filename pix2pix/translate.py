"""Translates pictures with a published generator, on ONNX Runtime and without TensorFlow."""

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, cast, get_args

import numpy as np
from PIL import Image

from pix2pix.artifacts import CONFIG_FILE, GRAPH_FILE, REQUIRED, STARTER_FOLDER, ArtifactFolder
from pix2pix.config import Config
from pix2pix.errors import UserError, first_line
from pix2pix.files import sha256
from pix2pix.geometry import Geometry
from pix2pix.images import resize, to_tensor, to_uint8
from pix2pix.pixels.arrays import image_of_array
from pix2pix.pixels.gate import MAX_PIXELS, check_pixels, notes_of, open_image, to_rgb, warnings_of
from pix2pix.pixels.rule import Bands, PixelRule, Range
from pix2pix.threads import read_threads_or_default
from pix2pix.tiles import translate_in_tiles
from pix2pix.version import ROOT

if TYPE_CHECKING:
    import onnxruntime

Mode = Literal["fit", "full"]
MODES: tuple[str, ...] = get_args(Mode)
# The model that comes with a checkout; an installed package does not have it.
STARTER_MODEL = ROOT / STARTER_FOLDER
# What `Translator` translates: a picture, its path, its file's content, or an array of its pixels.
Picture = Image.Image | str | Path | bytes | np.ndarray


def load_session(path: Path, threads: int = 0) -> "onnxruntime.InferenceSession":
    """Loads an ONNX graph for the CPU; `threads` 0 lets ONNX Runtime choose."""
    # Imported here, so that a command that only needs MODES prints its --help at once.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only
    return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])


# Sentences about pictures that are logged; a folder of files that all differ would fill the screen.
MAX_NOTES = 20

logger = logging.getLogger(__name__)


class TranslatorOptions(TypedDict, total=False):
    """The keyword arguments of `Translator` that its other constructors take too."""

    threads: int | None
    bands: Bands | None
    value_range: Range | None
    max_megapixels: float


class Translator:
    """Translates pictures with one generator; safe to call from several threads.

    Example:
        >>> translator = Translator.from_pretrained("assets/starter_model")
        >>> translator("aerial.jpg", mode="fit").save("map.png")

    Attributes:
        folder: the folder with the model's files. revision: their commit on the Hub, or None.
        about: the content of pix2pix.json. config: the `Config` the model was trained with.
        rule: how the values of a file become 8-bit RGB. max_megapixels: the largest picture.
    """

    def __init__(
        self,
        folder: str | Path,
        revision: str | None = None,
        *,
        threads: int | None = None,
        bands: Bands | None = None,
        value_range: Range | None = None,
        max_megapixels: float = MAX_PIXELS / 1e6,
    ):
        """Loads the artifacts in `folder`.

        Args:
            folder: a folder with generator.onnx and pix2pix.json.
            revision: the commit they were downloaded from.
            threads: CPU threads of a translation, at most one per core; 0 lets ONNX Runtime
                choose, None reads PIX2PIX_THREADS.
            bands: the numbers of a file's bands that are red, green and blue, from 1, or of one
                for gray; None takes those of the training.
            value_range: (LOW, HIGH), the values that become black and white in files that do not
                have 8 bits, or "auto" or "dtype"; None takes that of the training.
            max_megapixels: larger pictures are refused.

        Raises:
            UserError: when the folder does not hold a complete pix2pix model, or a value is wrong.
        """
        self.folder, self.revision = Path(folder), revision
        for name in REQUIRED:
            if not (self.folder / name).is_file():
                raise _incomplete_model(folder, f"{name} is missing")
        self.about = ArtifactFolder(self.folder).read_description()
        self.max_megapixels = max_megapixels
        self._logged: set[str] = set()
        cores = os.cpu_count() or 1
        threads = max(0, min(read_threads_or_default() if threads is None else threads, cores))
        # Translations that share their cores are slower than translations one after the other.
        self._running = threading.Semaphore(max(1, cores // threads) if threads else 1)
        try:
            self.config = Config.from_dict(self.about["config"])
            self.geometry = Geometry.of_model(self.config.aspect, self.about)
            trained = PixelRule.from_dict((self.about.get("reading") or {}).get("input"))
            self.rule = trained.override(bands, value_range)
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
        **options: Unpack["TranslatorOptions"],
    ) -> "Translator":
        """Loads a local folder, or a model of the Hub (from its cache when offline).

        Args:
            repo_id_or_folder: a folder with the artifacts, or an id such as `user/pix2pix-maps`.
            revision: commit, tag or branch on the Hub; a commit always gives the same weights.
            local_files_only: read the local cache only and send no request to the Hub.
            options: threads, bands, value_range and max_megapixels, as in `__init__`.

        Raises:
            UserError: when the model can't be found, downloaded or read; the message says what to
                do.
        """
        if Path(repo_id_or_folder).is_dir():
            return cls(repo_id_or_folder, **options)
        from pix2pix import hub

        folder, commit = hub.fetch_model(str(repo_id_or_folder), revision, local_files_only)
        return cls(folder, commit, **options)

    @classmethod
    def from_name(
        cls, name: str, *, local_files_only: bool = False, **options: Unpack["TranslatorOptions"]
    ) -> "Translator":
        """Loads a folder, a Hub id, or `id@revision`; otherwise as `from_pretrained`."""
        repo_id, _, revision = (name, "", "") if Path(name).is_dir() else name.partition("@")
        return cls.from_pretrained(
            repo_id,
            revision=revision or None,
            local_files_only=local_files_only,
            **options,
        )

    def __call__(self, image: Picture, *, mode: str = "fit") -> Image.Image:
        """Translates a picture of any size and color mode; the result is RGB of the same size.

        The same picture gives the same pixels each time, because dropout is off. The mode `fit`
        shows the network the whole picture at its training size and in the proportions of its
        training pairs; `full` keeps every pixel and translates in blended tiles.

        Args:
            image: a PIL image, a path, the content of a file, or an array of shape (H, W, 3) or
                (H, W) of uint8.
            mode: `fit` or `full`.

        Raises:
            UserError: when the picture can't be read or is too large, or `mode` is unknown.
        """
        *_, (_, _, translation) = self.iter_progress(image, mode=mode)
        return cast(Image.Image, translation)  # comes with the last tile

    def iter_progress(
        self, image: Picture, *, mode: str = "fit"
    ) -> Iterator[tuple[int, int, Image.Image | None]]:
        """Translates as a call does, and yields its progress after each tile.

        Stopping the iteration cancels the remaining tiles.

        Yields:
            The number of tiles done, the number of all tiles (1 in the mode `fit`, unless the model
            was trained with --aspect crop), and None; with the last tile, the translation instead
            of None.

        Raises:
            UserError: as a call does.
        """
        if mode not in MODES:
            raise UserError(f"The mode {mode!r} is unknown; choose one of {', '.join(MODES)}.")
        yield from self.iter_rgb(self.read(image), mode)

    def iter_rgb(
        self, image: Image.Image, mode: str
    ) -> Iterator[tuple[int, int, Image.Image | None]]:
        """Translates 8-bit RGB that `read` has returned; otherwise as `iter_progress`."""
        side, size = self.config.image_size, image.size
        if mode == "fit":
            image = resize(image, *self.geometry.scaled_size(size, side))
        for done, total, result in translate_in_tiles(np.asarray(image), side, self.generate):
            is_last = done == total
            yield done, total, resize(Image.fromarray(result), *size) if is_last else None

    def read(self, image: Picture) -> Image.Image:
        """Returns a picture as the 8-bit RGB that the generator gets; raises `UserError`.

        Logs how a file was read that is not plain 8-bit RGB: each sentence once, with the name of
        the first such file.
        """
        max_pixels = round(self.max_megapixels * 1e6)
        if isinstance(image, np.ndarray):
            image = image_of_array(image)
        if isinstance(image, Image.Image):
            check_pixels(image, max_pixels)
            read = to_rgb(image, self.rule)
        else:
            read = open_image(image, max_pixels, self.rule)
        for sentence in set(notes_of(read)) - self._logged:
            if len(self._logged) < MAX_NOTES:
                self._logged.add(sentence)
                level = logging.WARNING if sentence in warnings_of(read) else logging.INFO
                name = f"{Path(image).name}: " if isinstance(image, str | Path) else ""
                logger.log(level, "%s%s", name, sentence)
        return read

    def generate(self, pictures: np.ndarray) -> np.ndarray:
        """Runs the bare network: (B, H, W, 3) uint8 -> same, H and W multiples of 2**depth."""
        image = to_tensor(pictures, self.config.input_channels)
        with self._running:
            tensor = self._session.run(["translation"], {"image": image})[0]
        return to_uint8(tensor)

    def predict(self, pictures: np.ndarray) -> np.ndarray:
        """Translates as served in the mode `fit`, for evaluation: (B, H, W, 3) uint8 -> same."""
        served = []
        for picture in pictures:
            *_, (_, _, translation) = self.iter_rgb(Image.fromarray(picture), "fit")
            served.append(np.asarray(translation))
        return np.stack(served)


def _incomplete_model(folder: str | Path, reason: str) -> UserError:
    return UserError(
        f"{folder} is not a complete pix2pix model ({reason}); it needs {GRAPH_FILE} and "
        f"{CONFIG_FILE} as train_hub.py writes them."
    )
