"""Draws what the starter models make of every held-out picture, and measures the painter.

    python -m tools.check_starters --output sheets

Writes one sheet for each model with all held-out triples (input, generated, real), and one with ten
hand-made sketches such as no tile has. Prints the share of the pixels whose class in the painted
photo is that of the sketch; real photos reach 97 %, see tools/sample_map_sketch.py.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

from pix2pix import Translator
from pix2pix.artifacts import PAINTER_FOLDER, STARTER_FOLDER
from tests.commands import ROOT
from tools.sample_map_drawing import SIZE
from tools.sample_map_sketch import CLASSES, COLORS, segment

NUMBERS = {entry.name: number for number, entry in enumerate(CLASSES)}
SHEET_COLUMNS = 3


def read_held_out(column: str) -> np.ndarray:
    """Returns a column of the held-out pictures, (78, 256, 256, 3) uint8."""
    folder = ROOT / "assets" / "sample_maps" / "data"
    cells = [
        cell
        for shard in sorted(folder.glob("validation-*.parquet"))
        for cell in pq.read_table(shard, columns=[column])[column].to_pylist()
    ]
    return np.stack([np.asarray(Image.open(io.BytesIO(cell["bytes"]))) for cell in cells])


def translate_all(translator: Translator, pictures: np.ndarray) -> np.ndarray:
    """Translates pictures of the network's size one by one, (N, 256, 256, 3) uint8."""
    return np.concatenate([translator.generate(picture[None]) for picture in pictures])


def agreement(sketches: np.ndarray, photos: np.ndarray) -> np.ndarray:
    """Returns for each photo the share of pixels that have the class of the sketch, (N,)."""
    classes = (sketches[..., None, :] == COLORS).all(axis=-1).argmax(axis=-1)
    found = np.stack([segment(Image.fromarray(photo)) for photo in photos])
    return (found == classes).mean(axis=(1, 2))


def draw_hand_made() -> dict[str, np.ndarray]:
    """Returns sketches of straight edges, circles and single colors by name, each (256, 256, 3)."""
    stripes = [(0, 26 * n, 256, 26 * n + 26) for n in range(10)]
    around = (0, 0, 256, 256)
    shapes: dict[str, list[tuple[str, str, tuple[int, ...]]]] = {
        "only forest": [("rectangle", "forest", around)],
        "only sea": [("rectangle", "sea", around)],
        "two halves": [
            ("rectangle", "desert", around), ("rectangle", "shallow water", (0, 128, 256, 256)),
        ],
        "four quarters": [
            ("rectangle", "grassland", around), ("rectangle", "desert", (128, 0, 256, 128)),
            ("rectangle", "snow and ice", (0, 128, 128, 256)),
            ("rectangle", "deep sea", (128, 128, 256, 256)),
        ],
        "all classes": [
            ("rectangle", entry.name, stripe)
            for entry, stripe in zip(CLASSES, stripes, strict=True)
        ],
        "round island": [
            ("rectangle", "deep sea", around), ("ellipse", "shallow water", (28, 28, 228, 228)),
            ("ellipse", "forest", (58, 58, 198, 198)),
            ("ellipse", "snow and ice", (108, 108, 148, 148)),
        ],
        "round lake": [
            ("rectangle", "dry land", around), ("ellipse", "lake or river", (70, 70, 186, 186)),
        ],
        "river": [
            ("rectangle", "bare red earth", around),
            ("line", "lake or river", (0, 200, 120, 150, 160, 60, 256, 20)),
        ],
        "triangle": [
            ("rectangle", "shallow water", around),
            ("polygon", "desert", (20, 230, 128, 20, 236, 230)),
            ("polygon", "forest", (80, 230, 128, 130, 176, 230)),
        ],
        "brush strokes": [
            ("rectangle", "sea", around), ("line", "grassland", (30, 40, 120, 60, 220, 30)),
            ("line", "dry land", (30, 110, 220, 90)),
            ("line", "forest", (40, 200, 130, 160, 230, 210)),
        ],
    }  # fmt: skip
    sketches = {}
    for name, drawn in shapes.items():
        sketch = Image.new("RGB", (SIZE, SIZE))
        draw = ImageDraw.Draw(sketch)
        for shape, kind, points in drawn:
            color = CLASSES[NUMBERS[kind]].color
            if shape == "line":
                draw.line(points, color, width=24, joint="curve")
            else:
                getattr(draw, shape)(points, color)
        sketches[name] = np.asarray(sketch)
    return sketches


def write_sheet(rows: list[tuple[np.ndarray, ...]], path: Path) -> None:
    """Writes rows of pictures at full size, several rows side by side."""
    width, gap = len(rows[0]) * SIZE, 8
    lines = -(-len(rows) // SHEET_COLUMNS)
    size = (SHEET_COLUMNS * (width + gap) - gap, lines * (SIZE + gap) - gap)
    sheet = Image.new("RGB", size, "white")
    for number, row in enumerate(rows):
        left, top = number % SHEET_COLUMNS * (width + gap), number // SHEET_COLUMNS * (SIZE + gap)
        sheet.paste(Image.fromarray(np.concatenate(row, axis=1)), (left, top))
    sheet.save(path)


def check_model(folder: Path, output: Path) -> None:
    """Writes the sheet of a model's held-out pictures; prints the painter's agreement."""
    translator = Translator(folder)
    config = translator.config
    inputs = read_held_out(config.input_column or "imageA")
    targets = read_held_out(config.target_column or "imageB")
    results = translate_all(translator, inputs)
    write_sheet(list(zip(inputs, results, targets, strict=True)), output / f"{folder.name}.png")
    if config.input_column == "imageC":
        shares = agreement(inputs, results)
        print(
            f"Painted classes are those of the sketch in {shares.mean():.1%} of the pixels "
            f"({shares.min():.1%} in the worst of {len(shares)} pictures)."
        )
        names, sketches = zip(*draw_hand_made().items(), strict=True)
        painted = translate_all(translator, np.stack(sketches))
        write_sheet(list(zip(sketches, painted, strict=True)), output / "hand_made.png")
        for name, share in zip(names, agreement(np.stack(sketches), painted), strict=True):
            print(f"  {name}: {share:.1%}")


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("sheets"), help="folder of the sheets")
    parser.add_argument("--models", type=Path, nargs="*", help="folders; the starters by default")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for folder in arguments.models or [ROOT / STARTER_FOLDER, ROOT / PAINTER_FOLDER]:
        check_model(folder, arguments.output)


if __name__ == "__main__":
    main()
