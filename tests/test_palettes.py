"""The palette of a model's inputs: what of pix2pix.json a visitor can draw with."""

import json

import pytest

from pix2pix.artifacts import STARTER_FOLDERS
from pix2pix.palettes import read_input_palette
from tests.commands import ROOT

SEA, LAND = {"color": "#21549E", "name": " sea\n\x00 here "}, {"color": "#bea270", "name": None}


def test_the_painter_has_a_palette_and_the_map_model_has_none():
    maps, painter = (
        read_input_palette(json.loads((ROOT / folder / "pix2pix.json").read_text()))
        for folder in STARTER_FOLDERS
    )
    assert maps is None
    assert painter and len(painter) == 10
    assert {"color": "#21549e", "name": "sea"} in painter


def test_names_are_one_short_line_and_colors_lower_case():
    entries = [SEA, LAND, SEA, {"color": "red"}, 7, {"color": "#12345"}, {"name": "x" * 99}]
    long = {"color": "#000000", "name": "x" * 99}
    assert read_input_palette({"input_palette": [*entries, long]}) == [
        {"color": "#21549e", "name": "sea here"},
        {"color": "#bea270", "name": "#bea270"},
        {"color": "#000000", "name": "x" * 40},
    ]


@pytest.mark.parametrize(
    "entries",
    [None, "red", {"color": "#000000"}, [], [SEA], [SEA, SEA], [1, None, []],
     [{"color": f"#0000{number:02x}"} for number in range(33)]],
)  # fmt: skip
def test_anything_else_is_no_palette(entries: object):
    assert read_input_palette({"input_palette": entries}) is None
    assert read_input_palette({}) is None
