"""The arithmetic of the browser Space equals that of the package: its modules run in Node here."""

import base64
import io
import itertools

import numpy as np
import pytest
from PIL import Image

from pix2pix.geometry import Geometry
from pix2pix.images import resize, to_tensor, to_uint8
from pix2pix.space.pair_upload import closeness, input_and_target, looks_like_pair
from pix2pix.tiles import translate_in_tiles
from tests.builders import make_picture
from tests.web_modules import from_json, needs_node, run_in_node, to_json, to_text

pytestmark = needs_node

GEOMETRIES: tuple[dict, ...] = (
    {},
    {"config": {"aspect": "squash"}, "pair_aspects": [0.75, 1.3333333333333333]},
    {"config": {"aspect": "squash"}, "pair_aspects": [1.5, 1.5]},
    {"config": {"aspect": "crop"}, "pair_aspects": [1.0, 2.0]},
    {"config": {"aspect": "pad"}, "pair_aspects": [0.5, 1.0]},
)


def geometry_of(description: dict) -> Geometry:
    return Geometry.of_model(description.get("config", {}).get("aspect", "squash"), description)


def draw(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Returns noise with hard edges, which shows each rounding."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    pixels[: height // 2, width // 3 :] = np.asarray(make_picture(width, height, seed))[
        : height // 2, width // 3 :
    ]
    return pixels


def distort(tiles: np.ndarray) -> np.ndarray:
    """Stands for a network: depends on colors and positions, as `distort` in pixels.mjs."""
    _, height, width, _ = tiles.shape
    y, x = np.mgrid[0:height, 0:width]
    return ((tiles.astype(int) * 3 + (5 * x + 7 * y)[..., None]) % 256).astype(np.uint8)


def translate(pixels: np.ndarray, mode: str, geometry: Geometry, side: int) -> np.ndarray:
    """Translates with `distort`, as `Translator.iter_rgb` does with a model."""
    image = Image.fromarray(pixels)
    if mode == "fit":
        image = resize(image, *geometry.scaled_size(image.size, side))
    *_, (_, _, result) = translate_in_tiles(np.asarray(image), side, distort)
    return np.asarray(resize(Image.fromarray(result), pixels.shape[1], pixels.shape[0]))


def test_resizing_equals_pillow_bit_for_bit():
    random = np.random.default_rng(1)
    sizes = [((1, 1), (7, 3)), ((2, 3), (1, 1)), ((300, 5), (5, 300)), ((64, 64), (64, 31)),
             ((64, 64), (33, 64)), ((50, 40), (50, 40)), ((400, 300), (256, 192))]  # fmt: skip
    for _ in range(40):
        numbers = [int(number) for number in random.integers(1, 130, 4)]
        sizes.append(((numbers[0], numbers[1]), (numbers[2], numbers[3])))
    pictures = [draw(*size, seed) for seed, (size, _) in enumerate(sizes)]
    tasks = [
        {"do": "resize", "picture": to_json(picture), "width": width, "height": height}
        for picture, (_, (width, height)) in zip(pictures, sizes, strict=True)
    ]
    for result, picture, (_, size) in zip(run_in_node(tasks), pictures, sizes, strict=True):
        expected = np.asarray(resize(Image.fromarray(picture), *size))
        np.testing.assert_array_equal(from_json(result), expected)


def test_the_size_in_the_mode_fit_is_that_of_the_package():
    random = np.random.default_rng(2)
    sizes = [(1, 1), (1, 900), (5000, 3), (300, 200), (257, 256), (1300, 700)]
    sizes += [(int(width), int(height)) for width, height in random.integers(1, 2000, (300, 2))]
    cases = list(itertools.product(GEOMETRIES, sizes, (64, 256)))
    tasks = [
        {"do": "scaledSize", "description": description, "size": size, "side": side}
        for description, size, side in cases
    ]
    for result, (description, size, side) in zip(run_in_node(tasks), cases, strict=True):
        assert tuple(result) == geometry_of(description).scaled_size(size, side), (size, side)


def test_side_by_side_pairs_are_recognized_split_and_compared():
    sizes = [(width, height) for height in (1, 50, 99, 100) for width in range(180, 210)]
    sizes += [(2, 1), (1, 1), (1200, 600), (1212, 600), (1214, 600)]
    pair = draw(40, 20)
    left, right = pair[:, :20], pair[:, 20:]
    tasks = [{"do": "isPair", "size": size} for size in sizes]
    tasks += [{"do": "split", "picture": to_json(pair), "half": half} for half in ("left", "right")]
    tasks += [{"do": "split", "picture": to_json(pair[:, 1:]), "half": "left"}]
    for other in (right, left, np.clip(left, 1, 255)):
        tasks.append({"do": "closeness", "picture": to_json(left), "other": to_json(other)})
    results = iter(run_in_node(tasks))
    for size in sizes:
        assert next(results) == looks_like_pair(Image.new("RGB", size)), size
    for direction in ("a_to_b", "b_to_a"):
        halves = input_and_target(Image.fromarray(pair), direction)
        for half, expected in zip(next(results), halves, strict=True):
            np.testing.assert_array_equal(from_json(half), np.asarray(expected))
    refusal = next(results)
    assert refusal["name"] == "UserError" and "even width; this one's is 39" in refusal["error"]
    for other in (right, left, np.clip(left, 1, 255)):
        expected = closeness(Image.fromarray(left), Image.fromarray(other))
        result = next(results)
        assert (result["l1"], result["psnr"]) == pytest.approx(expected, rel=1e-12)


def test_tensors_are_those_of_the_package_bit_for_bit():
    picture = draw(61, 37)
    picture[0, :5] = np.array([0, 255, 128, 127, 1])[:, None]
    halves = (np.arange(-20, 300, 0.25, np.float32) / np.float32(127.5) - 1).astype(np.float32)
    values = np.concatenate([halves, np.random.default_rng(3).normal(0, 1, 520)])
    tensor = values[: 36 * 48].astype(np.float32).reshape(1, 36, 16, 3)
    gray = tensor.reshape(1, 36, 48, 1)
    tasks = [{"do": "toTensor", "picture": to_json(picture), "channels": n} for n in (3, 1)]
    tasks += [
        {"do": "toPicture", "tensor": to_text(each.tobytes()), "width": each.shape[2], "height": 36}
        for each in (tensor, gray)
    ]
    results = run_in_node(tasks)
    for channels, result in zip((3, 1), results[:2], strict=True):
        numbers = np.frombuffer(base64.b64decode(result), np.float32)
        np.testing.assert_array_equal(numbers, to_tensor(picture, channels).reshape(-1))
    for each, result in zip((tensor, gray), results[2:], strict=True):
        np.testing.assert_array_equal(from_json(result), to_uint8(each)[0])


@pytest.mark.parametrize("tile", [32, 64])
def test_tiles_are_blended_bit_for_bit(tile):
    sizes = [(1, 1), (3, 70), (tile, tile), (tile + 1, tile - 1), (2 * tile + 9, 5), (201, 133),
             (7, tile + 20), (97, 150)]  # fmt: skip
    pictures = [draw(*size, seed) for seed, size in enumerate(sizes)]
    tasks = [{"do": "tiles", "picture": to_json(picture), "tile": tile} for picture in pictures]
    for result, picture in zip(run_in_node(tasks), pictures, strict=True):
        steps = list(translate_in_tiles(picture, tile, distort))
        assert result["progress"] == [[done, total] for done, total, _ in steps]
        np.testing.assert_array_equal(from_json(result), steps[-1][2])


def test_pictures_are_translated_as_by_the_translator():
    sizes = ((1, 1), (90, 61), (40, 150), (64, 64), (300, 20))
    cases = list(itertools.product(GEOMETRIES, sizes, ("fit", "full")))
    tasks = [
        {
            "do": "translate", "picture": to_json(draw(*size)), "mode": mode, "side": 64,
            "description": description,
        }
        for description, size, mode in cases
    ]  # fmt: skip
    for result, (description, size, mode) in zip(run_in_node(tasks), cases, strict=True):
        expected = translate(draw(*size), mode, geometry_of(description), 64)
        np.testing.assert_array_equal(from_json(result), expected)


def test_progress_can_stop_a_translation():
    task = {"do": "translate", "picture": to_json(draw(200, 150)), "mode": "full", "side": 64,
            "description": {}, "stopAfter": 3}  # fmt: skip
    assert run_in_node([task])[0]["error"] == "stopped"


def test_encoded_pngs_are_lossless():
    pictures = [draw(*size) for size in ((1, 1), (1, 400), (700, 1), (37, 53), (900, 500))]
    tasks = [{"do": "encode", "picture": to_json(picture)} for picture in pictures]
    for result, picture in zip(run_in_node(tasks), pictures, strict=True):
        image = Image.open(io.BytesIO(base64.b64decode(result)))
        assert (image.format, image.mode) == ("PNG", "RGB")
        np.testing.assert_array_equal(np.asarray(image), picture)
