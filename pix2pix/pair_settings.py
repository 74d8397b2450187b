"""Declares which pairs a training run uses, and how their images are prepared."""

from dataclasses import dataclass
from typing import Literal

from pix2pix.errors import UserError
from pix2pix.fields import setting
from pix2pix.pixels.rule import PixelRule, parse_legend

# Section 6.1: pictures are resized to 286 x 286, then cropped at random to 256 x 256.
JITTER_SCALE = 286 / 256


@dataclass(frozen=True)
class PairSettings:
    """The dataset of a run, and what is done to its images before training."""

    dataset_name: str = setting(
        "huggan/maps",
        "Hub id, folder of Parquet files or images, or path or URL of a .zip or .tar.gz archive",
        group="pairs",
        on_card=False,
        may_be_path=True,
    )
    dataset_revision: str | None = setting(
        None,
        "commit, tag or branch of a Hub dataset",
        default_help="the newest commit",
        on_card=False,
    )
    dataset_config: str | None = setting(
        None,
        "configuration of a dataset that has several",
        default_help="the only one, or the one named default",
        on_card=False,
    )
    train_split: str | None = setting(
        None,
        "name of the split to train on",
        default_help="train",
        on_card=False,
    )
    pair_layout: Literal["auto", "left_right", "top_bottom", "folders", "columns"] = setting(
        "auto",
        "how a pair is stored; left_right, top_bottom: one image with A on the left or at the top; "
        "folders: A and B in two folders, paired by name; columns: two columns; auto: recognized",
        on_card=False,
    )
    force_split: bool = setting(
        False,
        "split every image into A and B, even if its size says that it is not a pair",
        on_card=False,
    )
    input_column: str | None = setting(
        None,
        "dataset column with image A",
        default_help="detected from common column names",
        on_card=False,
    )
    target_column: str | None = setting(
        None,
        "dataset column with image B",
        default_help="detected from common column names",
        on_card=False,
    )
    direction: Literal["a_to_b", "b_to_a"] = setting(
        "a_to_b",
        "a_to_b: A is the input and B the target; b_to_a: B is the input and A the target",
        on_card=False,
    )
    image_size: Literal[64, 128, 256, 512] = setting(
        256, "side of the training images, in pixels", sets_defaults=True, of_model=True
    )
    # The default is None, but `set_load_size` replaces it: the attribute is always a number. 0 is
    # images at their own size.
    load_size: int = setting(
        None,
        "side before the random crop, in pixels; none: the crops are taken from the images at "
        "their own size",
        default_help="286/256 of --image_size, rounded",
        of_model=True,
        words={"none": 0},
    )
    input_channels: Literal[1, 3] = setting(
        3, "3: color; 1: the input is converted to gray", on_card=False, of_model=True
    )
    target_channels: Literal[1, 3] = setting(
        3, "3: color; 1: the target is converted to gray", on_card=False, of_model=True
    )
    aspect: Literal["squash", "crop", "pad"] = setting(
        "squash",
        "how images that are not square become square; squash: resized to it; crop: the middle "
        "square; pad: extended by reflection",
    )
    bands: str | None = setting(
        None,
        "bands of the input to use as red, green and blue, from 1, e.g. 1,2,3; one for gray",
        default_help="recognized",
        on_card=False,
    )
    value_range: str = setting(
        "auto",
        "values that become black and white in images that do not have 8 bits; LOW,HIGH: these; "
        "dtype: the smallest and largest that the type holds; auto: recognized from the dataset",
        on_card=False,
    )
    input_legend: str | None = setting(
        None,
        "colors of the classes, class 0 first, for inputs whose pixels are class numbers, e.g. "
        "000000,804000; none: they are gray images, not class numbers",
        default_help="class numbers are refused, unless the images have a palette",
        on_card=False,
    )
    target_legend: str | None = setting(
        None,
        "the same for targets",
        default_help="class numbers are refused, unless the images have a palette",
        on_card=False,
    )
    augmentation: Literal["none", "flip", "transpose", "dihedral"] = setting(
        "flip",
        "random changes besides the crop; none: for images that must not be mirrored, such as "
        "text; flip: mirrored left to right; transpose: mirrored at the diagonal from the upper "
        "left, for relief lit from there; dihedral: mirrored and rotated by multiples of 90 "
        "degrees, for images without an up and down",
    )
    max_train_samples: int | None = setting(
        None, "number of training pairs to use", above=0, default_help="all", on_card=False
    )
    validation_samples: int | None = setting(
        None,
        "number of held-out pairs to use; a dataset without a held-out split holds out the last "
        "tenth of its training pairs; 0: none, and nothing is measured",
        at_least=0,
        default_help="all",
        on_card=False,
    )

    def set_load_size(self) -> None:
        """Replaces a `load_size` of None by the one of the paper's proportion."""
        # A later check reports an image size of the wrong type.
        if self.load_size is None and isinstance(self.image_size, int):
            object.__setattr__(self, "load_size", round(self.image_size * JITTER_SCALE))

    def check_pairs(self) -> None:
        """Raises `UserError` for values that exclude each other."""
        PixelRule.parse(self.bands, self.value_range, self.input_legend)
        parse_legend(self.target_legend, "--target_legend")
        if self.is_native and self.aspect != "squash":
            raise UserError(
                f"--aspect {self.aspect} has no effect with --load_size none, which resizes no "
                "image: leave out one of them."
            )
        if self.load_size < self.image_size and not self.is_native:
            raise UserError(
                f"--load_size is {self.load_size}; it must be at least "
                f"--image_size ({self.image_size}), because the crop is taken from it."
            )

    @property
    def is_native(self) -> bool:
        """Whether the training crops are taken from the images at their own size."""
        return self.load_size == 0

    @property
    def gray_sides(self) -> tuple[int, ...]:
        """The images of a pair that are converted to gray: 0 for A, 1 for B."""
        a, b = self.input_channels, self.target_channels
        sides = (a, b) if self.direction == "a_to_b" else (b, a)
        return tuple(side for side, channels in enumerate(sides) if channels == 1)
