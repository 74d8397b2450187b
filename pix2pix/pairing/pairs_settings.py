"""Declares the settings of `pix2pix pairs`, in one frozen dataclass."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pix2pix.errors import UserError
from pix2pix.fields import check_settings, setting
from pix2pix.names import is_repository_name

MadeSide = Literal["edges", "gray", "low_res", "blank", "posterized"]
LICENSE = re.compile(r"[a-z0-9][a-z0-9.-]*")
# What --split_by can be besides the name of a column.
AUTO, BLOCKS, SUBFOLDER = "auto", "blocks", "subfolder"


@dataclass(frozen=True)
class PairsSettings:
    """Names the pictures and says how they become pairs. Raises `UserError` for a wrong value."""

    source: tuple[str, ...] = setting(
        help="a folder of pairs, the two folders of A and B, or, with --make, photos: folders, "
        'files, or patterns such as "photos/**/*.jpg"',
        positional=True,
    )
    output: Path = setting(help="folder for the dataset", local=True)
    overwrite_output_dir: bool = setting(
        False, "replace a dataset that pix2pix pairs wrote to --output earlier", local=True
    )
    make: MadeSide | None = setting(
        None,
        "make A from each photo, which becomes B. edges: black lines; gray: without color; "
        "low_res: blurred; blank: with a gray hole; posterized: flat colors",
        default_help="the sources have both sides",
        group="pairs",
    )
    pair_layout: Literal["auto", "left_right", "top_bottom", "folders"] = setting(
        "auto",
        "left_right, top_bottom: each picture holds A on the left or at the top; folders: the two "
        "folders in the source are A and B; auto: recognized",
    )
    image_size: int | None = setting(
        None,
        "shorter side of the stored pictures, in pixels; smaller pictures keep their size",
        default_help="that of the files",
        at_least=16,
    )
    edge_sigma: float = setting(
        1.5, "standard deviation in pixels of the blur before the search for edges", above=0
    )
    edge_low: float = setting(
        0.05,
        "Canny's low threshold, from 0 to 1: how strong an edge must be to continue",
        above=0,
        below=1,
    )
    edge_high: float = setting(
        0.15,
        "Canny's high threshold, from 0 to 1: how strong an edge must be to start",
        above=0,
        below=1,
    )
    low_res_factor: int = setting(
        4, "factor by which low_res reduces each side before it is enlarged again", at_least=2
    )
    blank_share: float = setting(
        0.25, "share of the picture that the hole covers", above=0, below=1
    )
    colors: int = setting(
        8, "number of flat colors, the same in all pictures", at_least=2, below=33
    )
    split_by: str = setting(
        AUTO,
        "blocks: the last pairs are for validation; subfolder: whole subfolders are; else a column "
        "of metadata.csv or metadata.jsonl, whose values are splits or groups; auto: the folders "
        "train and val, else blocks",
        group="splits",
    )
    validation_share: float = setting(0.1, "share of the pairs for validation", at_least=0, below=1)
    duplicate_distance: int = setting(
        6,
        "bits of 64 in which the perceptual hashes of nearly equal pictures may differ; pairs that "
        "nearly equal one of validation are left out of train",
        at_least=0,
        below=33,
    )
    max_shift: float | None = setting(
        None,
        "leave out pairs whose sides are shifted by more than this share of the width or height",
        default_help="list them, and keep them",
        group="check",
        above=0,
        below=1,
    )
    max_left_out: float = setting(
        0.1, "share of the pairs that may be left out; with more, nothing is written", at_least=0,
        below=1,
    )  # fmt: skip
    push_to_hub: bool = setting(False, "publish the dataset on the Hub", group="Hub")
    hub_dataset_id: str | None = setting(
        None, "dataset repository, e.g. <user>/my-pairs", default_help="none"
    )
    hub_private_repo: bool = setting(False, "create the dataset repository as a private one")
    license: str | None = setting(
        None,
        "license of the pictures as the Hub names it, e.g. cc-by-4.0, cc0-1.0 or other; required "
        "to publish",
        default_help="none",
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.edge_low > self.edge_high:
            raise UserError(
                f"--edge_low is {self.edge_low}, above --edge_high ({self.edge_high}); lower it."
            )
        if not self.split_by:
            raise UserError("--split_by is empty; name a column, or leave it out.")
        self._check_hub_flags()

    def _check_hub_flags(self) -> None:
        if self.license is not None and not LICENSE.fullmatch(self.license):
            raise UserError(
                f"--license is {self.license!r}; write it as the Hub does, e.g. cc-by-4.0."
            )
        name = self.hub_dataset_id
        if not self.push_to_hub:
            for flag in ("hub_dataset_id", "hub_private_repo"):
                if getattr(self, flag):
                    raise UserError(f"--{flag} has no effect without --push_to_hub: add it.")
            return
        if not name or not is_repository_name(name):
            raise UserError(
                f"--hub_dataset_id is {name!r}; --push_to_hub needs a name such as <user>/my-pairs."
            )
        if not self.license:
            raise UserError(
                "--license is missing: say under which license the pictures may be used, e.g. "
                "--license cc-by-4.0; for your own terms, use other."
            )
