"""Label maps, whose pixels are class numbers: told from pictures, drawn in colors, or refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix import Translator, UserError
from pix2pix.artifacts import ArtifactFolder
from pix2pix.card import write_card
from pix2pix.commands import evaluate, train
from pix2pix.data import inspect_pairs, load_pairs, open_source
from pix2pix.data.decoding import Decoder
from pix2pix.pixels.gate import open_image, to_rgb
from pix2pix.pixels.rule import PixelRule
from tests.builders import encode_image, join_pair, make_picture, tiny_config
from tests.inspected_folders import inspect, pictures, write_pictures, write_sides
from tests.published_run import TINY_FLAGS

# Eleven colors for the numbers 0 to 10.
COLORS = [(n * 23, 255 - n * 20, n * 57 % 256) for n in range(11)]
LEGEND = ",".join(bytes(color).hex() for color in COLORS)


def label_map(largest: int, seed: int = 0, void: bool = False) -> Image.Image:
    """Returns rectangles of class numbers from 0 to `largest`."""
    random = np.random.default_rng(seed)
    values = np.kron(random.integers(0, largest + 1, (5, 5)), np.ones((8, 8))).astype(np.uint8)
    if void:
        values[:4] = 255
    return Image.fromarray(values)


def as_palette(image: Image.Image, colors: bool) -> Image.Image:
    palette = Image.fromarray(np.asarray(image), "P")
    random = np.random.default_rng(0)
    ramp = np.arange(256).repeat(3)
    palette.putpalette((random.integers(0, 256, 768) if colors else ramp).astype(np.uint8))
    return palette


CLASS_NUMBERS: dict[str, Callable[[int], Image.Image]] = {
    "gray": lambda seed: label_map(10, seed),
    "two classes": lambda seed: label_map(1, seed),
    "with pixels of no class": lambda seed: label_map(20, seed, void=True),
    "150 classes": lambda seed: label_map(150, seed),
    "three equal channels": lambda seed: label_map(10, seed).convert("RGB"),
    "palette without colors": lambda seed: as_palette(label_map(10, seed), colors=False),
}
PICTURES: dict[str, Callable[[int], Image.Image]] = {
    "colors": lambda seed: make_picture(40, 40, seed),
    "gray photo": lambda seed: make_picture(40, 40, seed).convert("L"),
    "mask in black and white": lambda seed: label_map(1, seed).point(lambda v: v * 255),
    "palette with colors": lambda seed: as_palette(label_map(10, seed), colors=True),
    "gray levels of classes": lambda seed: label_map(5, seed).point(lambda v: v * 50),
    "black": lambda _: Image.new("L", (40, 40)),
}


def as_black_palette(image: Image.Image) -> Image.Image:
    """Returns indices of a palette whose colors nobody has set."""
    palette = Image.fromarray(np.asarray(image), "P")
    palette.putpalette(bytes(768))
    return palette


PALETTED: dict[str, Callable[[int], Image.Image]] = {
    "palette of black": lambda seed: as_black_palette(label_map(10, seed)),
    "saved by Pillow without a palette": lambda seed: Image.fromarray(
        np.asarray(label_map(10, seed)), "P"
    ),
    "16 bits": lambda seed: Image.fromarray(np.asarray(label_map(10, seed)).astype(np.uint16)),
}


@pytest.mark.parametrize("kind", CLASS_NUMBERS | PALETTED)
def test_class_numbers_without_colors_are_refused_with_the_flag(tmp_path, kind):
    labels = [(CLASS_NUMBERS | PALETTED)[kind](seed) for seed in range(12)]
    folder = write_sides(tmp_path, pictures(12, 40, 40), labels)
    with pytest.raises(UserError) as caught:
        inspect(folder)
    message = str(caught.value)
    assert message.startswith("The images B look like class numbers, not colors")
    assert "trainB/0.png" in message and "--target_legend" in message
    with pytest.raises(UserError, match="images B .* --input_legend"):
        inspect(folder, direction="b_to_a")
    assert inspect(folder, target_legend="none").warnings == ()


@pytest.mark.parametrize("kind", PICTURES)
def test_other_pictures_are_not_taken_for_class_numbers(tmp_path, kind):
    others = [PICTURES[kind](seed) for seed in range(12)]
    assert inspect(write_sides(tmp_path, others, others)).warnings == ()


def test_the_suggested_colors_are_a_legend_of_different_colors(tmp_path):
    folder = write_sides(tmp_path, pictures(12, 40, 40), [label_map(10, n) for n in range(12)])
    with pytest.raises(UserError) as caught:
        inspect(folder)
    legend = str(caught.value).partition("--target_legend ")[2].partition(";")[0]
    assert len(set(legend.split(","))) == 11
    found = inspect(folder, target_legend=legend)
    assert "B: class numbers, drawn in the 11 colors of --target_legend." in found.sentences


KINDS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "L": lambda labels: labels,
    "P": as_black_palette,
    "P with colors": lambda labels: as_palette(labels, colors=True),
    "RGB": lambda labels: labels.convert("RGB"),
    "16 bits": lambda labels: Image.fromarray(np.asarray(labels).astype(np.uint16)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", ["PNG", "TIFF"])
def test_class_numbers_get_the_colors_of_the_legend_in_any_kind_of_file(kind, suffix):
    labels = label_map(10, void=True)
    numbers = np.asarray(labels)
    table = np.zeros((256, 3), np.uint8)
    table[:11] = COLORS
    rule = PixelRule.parse(legend=LEGEND)
    picture = KINDS[kind](labels)
    read = open_image(encode_image(picture, suffix), rule=rule)
    np.testing.assert_array_equal(np.asarray(read), table[numbers])
    np.testing.assert_array_equal(np.asarray(to_rgb(picture, rule)), table[numbers])


def test_pictures_in_colors_are_read_as_without_a_legend():
    """Visitors draw an input in the legend's colors, which may be gray and small themselves."""
    rule = PixelRule.parse(legend="000000,ffffff,020202")
    drawn = Image.fromarray(np.repeat(np.array([[[0], [255], [2]]], np.uint8), 3, axis=2))
    for picture in (make_picture(20, 20), make_picture(20, 20).convert("L").convert("RGB"), drawn):
        for read in (to_rgb(picture, rule), open_image(encode_image(picture), rule=rule)):
            np.testing.assert_array_equal(np.asarray(read), np.asarray(picture))


def test_a_palette_is_read_as_its_colors_without_a_legend():
    picture = make_picture(40, 40).quantize(64)
    for rule in (PixelRule(), PixelRule.parse(legend="none")):
        read = open_image(encode_image(picture), rule=rule)
        np.testing.assert_array_equal(np.asarray(read), np.asarray(picture.convert("RGB")))


def test_label_maps_with_a_palette_need_no_flag(tmp_path):
    palette = np.zeros((256, 3), np.uint8)
    palette[:11] = COLORS
    labels = [Image.fromarray(np.asarray(label_map(10, n)), "P") for n in range(12)]
    for image in labels:
        image.putpalette(palette.tobytes())
    found = inspect(write_sides(tmp_path, pictures(12, 40, 40), labels))
    assert "B: 11 classes, in the colors of their palette." in found.sentences
    _, b = found.decoder.decode((encode_image(labels[0]), encode_image(labels[0])))
    assert {tuple(color) for color in np.asarray(b).reshape(-1, 3).tolist()} <= set(COLORS)


def test_a_class_without_a_color_is_named(tmp_path):
    folder = write_sides(tmp_path, pictures(12, 40, 40), [label_map(10, n) for n in range(12)])
    with pytest.raises(UserError, match=r"class number 10 .*--target_legend has 3 colors, for 0"):
        inspect(folder, target_legend="000000,ff0000,00ff00")
    rule = PixelRule.parse(legend="000000,ff0000")
    with pytest.raises(UserError, match=r"the class number 10, and the legend has 2 colors"):
        open_image(encode_image(label_map(10)), rule=rule)
    with pytest.raises(UserError, match=r"a JPEG, which changes them"):
        open_image(encode_image(label_map(1), "JPEG"), rule=rule)


def test_a_legend_for_colors_has_no_effect_and_says_so(tmp_path):
    sides = pictures(12, 40, 40)
    found = inspect(write_sides(tmp_path, sides, sides), input_legend=LEGEND)
    assert found.warnings == ("--input_legend has no effect: the images A hold colors.",)


@pytest.mark.parametrize("flag", ["input_legend", "target_legend"])
def test_a_legend_that_is_no_list_of_colors_names_its_flag(flag):
    for text in ("red", "", "ff", ",".join(["000000"] * 257)):
        with pytest.raises(UserError, match=flag):
            tiny_config(**{flag: text})


def test_class_numbers_in_one_half_of_a_picture_get_their_colors(tmp_path):
    pairs = [(make_picture(40, 40, n), label_map(10, n).convert("RGB")) for n in range(12)]
    folder = write_pictures(tmp_path / "train", map(join_pair, pairs))
    with pytest.raises(UserError, match="^The images B look like class numbers.*--target_legend"):
        inspect(folder)
    found = inspect(folder, target_legend=LEGEND)
    a, b = found.decoder.decode((encode_image(join_pair(pairs[3])),))
    np.testing.assert_array_equal(np.asarray(a), np.asarray(pairs[3][0]))
    expected = np.array(COLORS, np.uint8)[np.asarray(label_map(10, 3))]
    np.testing.assert_array_equal(np.asarray(b), expected)


def test_classes_are_not_mixed_before_they_have_colors(tmp_path):
    """Between the classes 0 and 10, resized numbers would be those of other classes."""
    labels = Image.fromarray(np.repeat(np.array([[0, 10]], np.uint8), 50, axis=1).repeat(100, 0))
    folder = write_sides(tmp_path, pictures(12, 100, 100), [labels] * 12)
    config = tiny_config(dataset_name=str(folder), target_legend=LEGEND)
    source = open_source(config)
    inspect_pairs(source, source.plan(config), config)
    loaded = load_pairs(source, config, "memory", tmp_path)
    ends = np.array([COLORS[0], COLORS[10]], float)
    for target in loaded.held_out.boxes[:, 1].reshape(-1, 3).astype(float):
        along = (target - ends[0]) @ (ends[1] - ends[0]) / np.square(ends[1] - ends[0]).sum()
        mixed = np.clip(ends[0] + along * (ends[1] - ends[0]), 0, 255)
        assert np.abs(target - mixed).max() < 12, "only the two colors and what is between them"


def test_a_legend_of_a_gray_side_is_gray():
    decoder = Decoder.of_config(
        tiny_config(target_legend="000000,ff0000,010101", target_channels=1)
    )
    assert decoder.legend(1) == [(0, 0, 0), (76, 76, 76), (1, 1, 1)]
    assert decoder.legend(0) == []


@pytest.mark.slow
def test_a_run_on_label_maps_serves_and_evaluates_as_it_was_trained(tmp_path: Path, capsys):
    labels = [label_map(10, n).resize((64, 64), 0) for n in range(12)]
    folder = write_sides(tmp_path / "set", labels, [image.rotate(90) for image in labels])
    arguments = [
        "--dataset_name", str(folder), "--output_dir", str(tmp_path / "run"), "--cache", "memory",
        "--max_train_steps", "2", *TINY_FLAGS, "--input_legend", LEGEND, "--target_legend", LEGEND,
    ]  # fmt: skip
    assert train.main(arguments) == 0
    about = ArtifactFolder(tmp_path / "run").read_description()
    colors = ["#" + bytes(color).hex() for color in COLORS]
    assert about["reading"]["input"]["legend"] == about["reading"]["target"]["legend"] == colors
    for side in ("input", "target"):
        assert {entry["color"] for entry in about[f"{side}_palette"]} == set(colors)
    metrics = ArtifactFolder(tmp_path / "run").read_metrics()
    assert metrics and metrics["legend"] == [list(color) for color in COLORS]
    write_card(tmp_path / "run")
    card = (tmp_path / "run" / "README.md").read_text()
    assert f"the class numbers 0 to 10 become `{colors[0]}`" in card

    translator = Translator(tmp_path / "run")
    painted = Image.fromarray(np.array(COLORS, np.uint8)[np.asarray(labels[0])])
    expected = np.asarray(translator(painted))
    for picture in (
        labels[0],
        encode_image(labels[0]),
        Image.fromarray(np.asarray(labels[0]), "P"),
    ):
        np.testing.assert_array_equal(np.asarray(translator(picture)), expected)
    capsys.readouterr()
    assert evaluate.main(["--model", str(tmp_path / "run"), "--cache", "memory"]) == 0
    assert "Reproduced" in capsys.readouterr().out
