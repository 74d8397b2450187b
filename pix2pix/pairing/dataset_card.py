"""Writes the card of a dataset of pairs, and recognizes the cards that it wrote."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pix2pix import __version__
from pix2pix.data.wording import count
from pix2pix.files import write_text
from pix2pix.flags import flag_arguments
from pix2pix.pairing.faults import FAULTS_FILE
from pix2pix.pairing.pairs_settings import PairsSettings

CARD_FILE, PREVIEW_FILE = "README.md", "preview.png"
# The key in the front matter by which a dataset is known as one that this command wrote.
MARK = "pix2pix_pairs"
SIZE_CATEGORIES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))
MADE_BY = {
    "edges": "edges of the photo (Canny, {edge_sigma} px, {edge_low} to {edge_high})",
    "gray": "the photo without color",
    "low_res": "the photo with {low_res_factor} times fewer pixels a side, enlarged again",
    "blank": "the photo with a gray hole of {blank_share:.0%} of its area",
    "posterized": "the photo in {colors} flat colors",
}
TEMPLATE = """\
# {title}

{total} of pictures for image-to-image translation, in the layout of huggan/maps.

| split | pairs |
|---|---|
{splits}

| column | picture |
|---|---|
| `imageA` | {a} |
| `imageB` | {b} |

{sizes} A picture is stored as the file that it was, or as a lossless PNG.

![{preview} of the pairs]({preview})

## How it was made

```bash
{command}
```

{checked}

## License

{license}
"""


def is_ours(front_matter: Mapping[str, Any]) -> bool:
    """Returns whether a dataset with this front matter was written by `pix2pix pairs`."""
    return MARK in front_matter


def find_size_category(rows: int) -> str:
    """Returns what the Hub calls the size of a dataset with so many rows."""
    return next((category for limit, category in SIZE_CATEGORIES if rows < limit), "n>100K")


def describe_command(settings: PairsSettings) -> str:
    """Returns the command that makes the dataset, without the folders around the sources."""
    sources = [Path(name).name or name for name in settings.source]
    private = {"source", "output", "overwrite_output_dir", "push_to_hub", "hub_dataset_id"}
    private |= {"hub_private_repo"}
    names = [name for name in vars(settings) if name not in private]
    flags = ["--output", settings.output.name, *flag_arguments(settings, names)]
    return shlex.join(["pix2pix", "pairs", *sources, *flags])


def write_card(
    folder: Path,
    settings: PairsSettings,
    rows: Mapping[str, int],
    sizes: str,
    left_out: int,
    palette: Sequence[str] = (),
) -> None:
    """Writes README.md.

    Args:
        folder: the dataset.
        settings: how it was made.
        rows: the number of pairs of each split.
        sizes: a sentence about the sizes of the pictures.
        left_out: the number of pairs that were left out.
        palette: the colors of A, if it has only these.
    """
    from huggingface_hub import DatasetCardData

    total = sum(rows.values())
    title = (settings.hub_dataset_id or settings.output.name or "pairs").split("/")[-1]
    files = [{"split": split, "path": f"data/{split}-*.parquet"} for split in rows]
    mark: dict[str, Any] = {MARK: __version__}
    data = DatasetCardData(
        license=settings.license,
        task_categories=["image-to-image"],
        size_categories=[find_size_category(total)],
        pretty_name=title,
        tags=["pix2pix"],
        configs=[{"config_name": "default", "data_files": files}],
        palettes={"imageA": [{"color": color} for color in palette]} if palette else None,
        **mark,
    )
    made = MADE_BY[settings.make].format(**vars(settings)) if settings.make else "A"
    text = TEMPLATE.format(
        title=title,
        total=count(total, "pair"),
        splits="\n".join(f"| {split} | {number:,} |" for split, number in rows.items()),
        a=made,
        b="the photo" if settings.make else "B",
        sizes=sizes,
        preview=PREVIEW_FILE,
        command=describe_command(settings),
        checked=_describe_check(settings, left_out, (folder / FAULTS_FILE).exists()),
        license=_describe_license(settings.license),
    )
    write_text(folder / CARD_FILE, f"---\n{data.to_yaml()}\n---\n\n{text}")


def _describe_check(settings: PairsSettings, left_out: int, has_faults: bool) -> str:
    what = {0: "None was", 1: "One was"}.get(left_out, f"{left_out:,} were")
    table = f"; [{FAULTS_FILE}]({FAULTS_FILE}) lists what was found" if has_faults else ""
    return (
        f"All pictures were opened and compared. {what} left out{table}. No picture of one split "
        "nearly equals one of another, by perceptual hashes that differ in at most "
        f"{settings.duplicate_distance} of 64 bits."
    )


def _describe_license(license: str | None) -> str:
    return f"`{license}`, as stated by who made this dataset." if license else "Not stated."
