"""Translates pictures on Hugging Face Inference Endpoints, with the model in the same folder.

A request is the bytes of a picture, or JSON:

    {"inputs": PICTURE or [PICTURE, ...], "parameters": {"mode": "fit" or "full"}}

A PICTURE is the base64 of a file, or a URL of one. The response is a PNG of the picture's own size:
its bytes with `Accept: image/png`, else its base64 in JSON. For a list, it is a list of base64
texts, in which {"error": ...} stands for a picture that could not be translated. The modes and the
pixels are those of `pix2pix.Translator`, for pictures with 8 bits.
"""

import base64
import binascii
import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

from pix2pix.endpoint.picture_urls import fetch
from pix2pix.errors import UserError
from pix2pix.formats import READABLE_FORMATS
from pix2pix.geometry import Geometry
from pix2pix.images import resize, to_tensor, to_uint8
from pix2pix.pixels.color import to_srgb
from pix2pix.pixels.gate import readable_errors
from pix2pix.pixels.label_maps import NUMBER_MODES, paint, paint_gray, read_numbers
from pix2pix.pixels.limits import MAX_PIXELS, check_pixels
from pix2pix.pixels.raster import lay_over_white
from pix2pix.tiles import translate_in_tiles

TRANSLATION_MODES = ("fit", "full")
MAX_BATCH = 32
MODES_OF_8_BITS = (
    "1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "HSV", "LAB",
)  # fmt: skip


class EndpointHandler:
    """Translates the pictures of a request; the interface is that of Inference Endpoints."""

    def __init__(self, path: str = "") -> None:
        """Loads the model in the folder `path`.

        Raises `UserError` when its files do not belong together, or when it was trained on chosen
        bands.
        """
        about = json.loads((Path(path) / "pix2pix.json").read_text(encoding="utf-8"))
        graph = (Path(path) / "generator.onnx").read_bytes()
        if hashlib.sha256(graph).hexdigest() != about["sha256"]["generator.onnx"]:
            raise UserError(
                "generator.onnx is not the file that pix2pix.json describes: deploy one revision "
                "of the repository."
            )
        config, reading = about["config"], (about.get("reading") or {}).get("input") or {}
        if reading.get("bands"):
            raise UserError("This model reads certain bands of files: serve it with a Space.")
        colors = reading.get("legend") or ()
        self.legend = tuple(tuple(bytes.fromhex(color.lstrip("#"))) for color in colors)
        self.side, self.channels = config["image_size"], config["input_channels"]
        self.geometry = Geometry.of_model(config.get("aspect", "squash"), about)
        self.session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])

    def __call__(self, data: dict[str, Any]) -> Any:
        """Returns the translation of the picture in `data`, or a list for a list of pictures.

        Translations are PIL images, which the endpoint sends as PNG. An error is raised, and the
        endpoint sends its message with status 400; in a list, it is {"error": message}.
        """
        mode, inputs = _read_mode(data.get("parameters")), data.get("inputs")
        if not isinstance(inputs, list):
            return self.translate(inputs, mode)
        if not 1 <= len(inputs) <= MAX_BATCH:
            raise UserError(f"A list has 1 to {MAX_BATCH} pictures; this one has {len(inputs)}.")
        return [self._translate_or_explain(picture, mode) for picture in inputs]

    def _translate_or_explain(self, picture: Any, mode: str) -> Any:
        try:
            return self.translate(picture, mode)
        except UserError as error:
            return {"error": str(error)}

    def translate(self, picture: Any, mode: str) -> Image.Image:
        """Translates one picture of a request. Raises `UserError` when it can't be read."""
        image = read_picture(picture, self.legend)
        size = image.size
        if mode == "fit":
            image = resize(image, *self.geometry.scaled_size(size, self.side))
        *_, (_, _, result) = translate_in_tiles(np.asarray(image), self.side, self._generate)
        return resize(Image.fromarray(result), *size)

    def _generate(self, pixels: np.ndarray) -> np.ndarray:
        tensor = to_tensor(pixels, self.channels)
        return to_uint8(self.session.run(["translation"], {"image": tensor})[0])


def _read_mode(parameters: Any) -> str:
    """Returns the mode in the parameters of a request. Raises `UserError` for anything else."""
    parameters = parameters or {}
    if not isinstance(parameters, dict) or parameters.keys() - {"mode"}:
        raise UserError('"parameters" can be {"mode": "fit"} or {"mode": "full"}.')
    mode = parameters.get("mode", TRANSLATION_MODES[0])
    if mode not in TRANSLATION_MODES:
        raise UserError(f"The mode {str(mode)[:40]!r} is unknown; choose one of fit, full.")
    return mode


def read_picture(picture: Any, legend: tuple) -> Image.Image:
    """Returns a picture of a request as 8-bit RGB in sRGB.

    Args:
        picture: a PIL image, the content of a file, its base64, or a URL of it.
        legend: the colors of the model's class numbers; () for photos.

    Raises:
        UserError: when it can't be read.
    """
    if isinstance(picture, str):
        is_url = picture.lower().startswith(("http://", "https://"))
        picture = fetch(picture) if is_url else _decode(picture)
    max_pixels = round(1e6 * float(os.environ.get("PIX2PIX_MAX_MEGAPIXELS", MAX_PIXELS / 1e6)))
    with readable_errors("The picture", max_pixels):
        if isinstance(picture, bytes | bytearray):
            picture = Image.open(io.BytesIO(picture), formats=READABLE_FORMATS)
        if not isinstance(picture, Image.Image):
            raise UserError(
                '"inputs" has no picture: send the bytes of a file with the content type '
                "image/png or image/jpeg, or JSON with its base64 or its URL."
            )
        check_pixels(picture, max_pixels)
        return _to_rgb(picture, legend)


def _decode(text: str) -> bytes:
    """Returns the file whose base64 is `text`, which may be a data URL."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise UserError(
            "The text is neither base64 nor an http(s) URL of a picture; send one of them."
        ) from None


def _to_rgb(image: Image.Image, legend: tuple) -> Image.Image:
    if image.mode not in MODES_OF_8_BITS:
        raise UserError(
            f"The picture has values of more than 8 bits (mode {image.mode}); convert it to 8 bits "
            "and try again."
        )
    if legend and image.mode in NUMBER_MODES:
        return paint(read_numbers(image), legend)
    image = ImageOps.exif_transpose(image)
    if image.mode in ("La", "RGBa"):
        image = image.convert(image.mode.replace("a", "A"))
    return paint_gray(lay_over_white(to_srgb(image, image.info.get("icc_profile"))), legend)
