"""Do encoding and proportions change a translation? Run `python -m benchmarks.served_pictures`.

Both tables give the L1 of the starter model, in gray levels of 255, on the held-out photos of the
sample maps. The first translates the same eight photos from files of several encodings. For the
second, the held-out pairs are stretched to other proportions, as if the model had been trained on
such pairs, squashed to squares. Letterbox is what earlier versions showed the network in the mode
`fit`; "as trained" is what this version shows it.
"""

import io
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.measure import STARTER_MODEL
from pix2pix import Translator
from pix2pix.images import resize
from pix2pix.pixels.gate import open_image
from tests.icc_profiles import DISPLAY_P3, encode_in, make_profile

PHOTOS = 8
# The largest value of a file decides how many bits it has, so photos that use less than half of the
# gray levels would be read as 10 bits instead of 11.
LEAST_WHITE = 128
LARGEST_DIFFERENCE = 0.3
PROPORTIONS = {"1:1": (256, 256), "4:3": (256, 192), "2:1": (256, 128), "1:2": (128, 256),
               "4:1": (256, 64)}  # fmt: skip


def sample_photos() -> list[Path]:
    """Returns the first held-out photos of the starter model's samples that are not too dark."""
    paths = sorted((STARTER_MODEL / "samples").glob("*-input.png"))
    bright = [path for path in paths if np.asarray(open_image(path)).max() >= LEAST_WHITE]
    return bright[:PHOTOS]


def read_pairs() -> list[tuple[Image.Image, Image.Image]]:
    """Returns these photos and their maps."""
    return [
        (open_image(path), open_image(str(path).replace("-input", "-target")))
        for path in sample_photos()
    ]


def l1(generated: Image.Image, target: Image.Image) -> float:
    """Returns the mean absolute difference in gray levels of 255."""
    return float(np.abs(np.asarray(generated, np.int32) - np.asarray(target, np.int32)).mean())


def with_nir(photo: np.ndarray) -> bytes:
    """Returns an RGB+NIR GeoTIFF as GDAL writes it, whose fourth band is marked as alpha."""
    from rasterio.enums import ColorInterp
    from rasterio.io import MemoryFile
    from rasterio.transform import from_origin

    infrared = 255 - photo[..., :1] // 2
    bands = np.concatenate([photo, infrared], axis=-1).transpose(2, 0, 1)
    profile = {"driver": "GTiff", "count": 4, "dtype": "uint8", "crs": "EPSG:32633",
               "height": photo.shape[0], "width": photo.shape[1], "photometric": "RGB",
               "transform": from_origin(5e5, 5e6, 0.5, 0.5)}  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(bands)
            file.colorinterp = [ColorInterp.red, ColorInterp.green, ColorInterp.blue,
                                ColorInterp.alpha]  # fmt: skip
        return memory.read()


def with_11_bits(photo: np.ndarray) -> bytes:
    """Returns a TIFF of 16 bits with the values of an 11-bit sensor."""
    import tifffile

    stream = io.BytesIO()
    tifffile.imwrite(stream, np.rint(photo * (2047 / 255)).astype(np.uint16), photometric="rgb")
    return stream.getvalue()


def in_display_p3(photo: np.ndarray) -> bytes:
    """Returns a PNG whose values are those of the photo in Display P3, with its ICC profile."""
    values = np.rint(encode_in(photo / 255, DISPLAY_P3) * 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG", icc_profile=make_profile(DISPLAY_P3))
    return stream.getvalue()


def as_png(photo: np.ndarray) -> bytes:
    """Returns a PNG with 8 bits."""
    stream = io.BytesIO()
    Image.fromarray(photo).save(stream, "PNG")
    return stream.getvalue()


ENCODINGS: dict[str, Callable[[np.ndarray], bytes]] = {
    "8-bit RGB": as_png,
    "RGB + near infrared, 8 bits": with_nir,
    "11 bits of 16": with_11_bits,
    "Display P3": in_display_p3,
}


def measure_encodings() -> dict[str, float]:
    """Returns the L1 of the starter model on photos in each encoding."""
    translator, pairs = Translator(STARTER_MODEL), read_pairs()
    return {
        name: float(np.mean([l1(translator(encode(np.asarray(a))), b) for a, b in pairs]))
        for name, encode in ENCODINGS.items()
    }


def measure_proportions(folder: Path, count: int = PHOTOS) -> list[tuple[str, float, float, float]]:
    """Returns for each proportion: its name, and L1 on the card, letterboxed and as trained.

    Args:
        folder: for copies of the starter model.
        count: the number of pairs.
    """
    rows, pairs = [], read_pairs()[:count]
    for name, (width, height) in PROPORTIONS.items():
        translator = trained_on(folder / name.replace(":", "-"), width / height)
        stretched = [(resize(a, width, height), resize(b, width, height)) for a, b in pairs]
        letterboxed = Translator(STARTER_MODEL)
        card = [
            l1(Image.fromarray(translator.generate(np.asarray(resize(a, 256, 256))[None])[0]),
               resize(b, 256, 256))
            for a, b in stretched
        ]  # fmt: skip
        before, now = (
            np.mean([l1(served(a), b) for a, b in stretched])
            for served in (letterboxed, translator)
        )
        rows.append((name, float(np.mean(card)), float(before), float(now)))
    return rows


def trained_on(folder: Path, aspect: float) -> Translator:
    """Returns the starter model as if its pairs had been squashed from another proportion."""
    shutil.copytree(STARTER_MODEL, folder)
    about = json.loads((folder / "pix2pix.json").read_text(encoding="utf-8"))
    about["pair_aspects"] = [aspect, aspect]
    (folder / "pix2pix.json").write_text(json.dumps(about), encoding="utf-8")
    return Translator(folder)


def main() -> int:
    encodings = measure_encodings()
    print("| the same eight photos as | L1 |\n|---|---|")
    for name, value in encodings.items():
        print(f"| {name} | {value:.2f} |")
    difference = max(encodings.values()) - min(encodings.values())
    print(f"\nLargest difference: {difference:.2f} (target: {LARGEST_DIFFERENCE}).\n")
    print("| pairs | L1 on the card (squashed) | letterboxed | as trained |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, *values in measure_proportions(Path(folder)):
            print(f"| {name} | {' | '.join(f'{value:.2f}' for value in values)} |")
    return int(difference > LARGEST_DIFFERENCE)


if __name__ == "__main__":
    sys.exit(main())
