"""Tells from the sizes of pictures whether they are pairs."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from pix2pix.data.seams import Middle
from pix2pix.errors import UserError

Size = tuple[int, int]
Layout = Literal["left_right", "top_bottom"]
# A picture that holds a pair is about twice as wide as high. Pairs of 5:6 to 5:4 are within these
# limits; a single photo of 3:2 and three squares side by side are not.
MIN_RATIO, MAX_RATIO = 1.6, 2.5
# A and B whose proportions differ more do not show the same area.
MAX_ASPECT_DIFFERENCE = 0.05
# More pictures of other proportions than this fraction are not single mistakes.
MAX_OUTLIERS = 0.01
# Pictures that are twice as long as broad, up to this difference, were most likely joined.
EXACT = 0.1
SINGLE = (
    "These are single images, not pairs: training needs an image A and an image B of each scene, "
    "for example in the folders trainA and trainB."
)
FORCE = "--force_split splits every image all the same."


def split_size(size: Size, layout: Layout) -> tuple[Size, Size]:
    """Returns the sizes of A and B in a picture that holds both."""
    width, height = size
    half = (width // 2, height) if layout == "left_right" else (width, height // 2)
    half = max(1, half[0]), max(1, half[1])
    return half, half


def check_joined(
    source: str, names: list[str], sizes: list[tuple[Size, ...]], layout: Layout, middle: Middle
) -> list[str]:
    """Checks that pictures have the proportions of two side by side, or one above the other.

    Args:
        source: the dataset's name.
        names: what messages call the pictures.
        sizes: the width and height of each picture, in a tuple of one.
        layout: where A is in the picture.
        middle: whether two pictures meet in the middle, see `look_at_middles`.

    Returns:
        A warning if very few have other proportions, or if the proportions and the middle say
        different things.

    Raises:
        UserError: when over 1 % are not pairs.
    """
    ratios = [_length_by_breadth(size, layout) for (size,) in sizes]
    outliers = [n for n, ratio in enumerate(ratios) if not MIN_RATIO <= ratio <= MAX_RATIO]
    if not outliers:
        return _check_middle(source, names, sizes, ratios, middle)
    shape = "twice as wide as high" if layout == "left_right" else "twice as high as wide"
    width, height = sizes[outliers[0]][0]
    seen = (
        f"{len(outliers)} of {len(sizes)} images of {source} are not about {shape}, as a pair in "
        f"one image is: {names[outliers[0]]} has {width}x{height} pixels"
    )
    if len(outliers) <= MAX_OUTLIERS * len(sizes):
        return [f"{seen}. They are split all the same; remove them if they are not pairs."]
    if middle == "edge":
        return [f"{seen}. Two images meet in the middle of them, so they are split there."]
    typical = sorted(outliers, key=lambda n: ratios[n])[len(outliers) // 2]
    raise UserError(f"{seen}. {_guess(ratios[typical], layout)} {FORCE}")


def _check_middle(
    source: str,
    names: list[str],
    sizes: list[tuple[Size, ...]],
    ratios: list[float],
    middle: Middle,
) -> list[str]:
    """Checks that single photos of 16:9 or 2:1 are not taken for pairs."""
    if middle != "continuous":
        return []
    width, height = sizes[0][0]
    seen = (
        f"In the images of {source}, no edge is in the middle, where A and B should meet: "
        f"{names[0]} has {width}x{height} pixels. "
    )
    if all(abs(ratio - 2) <= EXACT for ratio in ratios):
        return [f"{seen}See batch_preview.png: if each is a single image, these are not pairs."]
    raise UserError(
        f"{seen}These are single images or more than two side by side, not pairs. {FORCE}"
    )


def _guess(ratio: float, layout: Layout) -> str:
    """Returns sentences about what pictures with a `ratio` of length to breadth probably are."""
    if 1 / MAX_RATIO <= ratio <= 1 / MIN_RATIO:
        other = "top_bottom" if layout == "left_right" else "left_right"
        where = "above" if other == "top_bottom" else "to the left of"
        return f"If A is {where} B, add --pair_layout {other}."
    if ratio < MIN_RATIO:
        return SINGLE
    count = max(3, round(ratio))
    order = "side by side" if layout == "left_right" else "one above the other"
    return f"These look like {count} images {order}; keep only the two that are the pair."


def compare_sides(names: list[str], sizes: Sequence[tuple[Size, ...]]) -> list[str]:
    """Returns a warning when A and B of the pairs have different proportions."""
    different = []
    for name, (a, b) in zip(names, sizes, strict=True):
        aspects = a[0] / a[1], b[0] / b[1]
        if max(aspects) > (1 + MAX_ASPECT_DIFFERENCE) * min(aspects):
            different.append((name, a, b))
    if not different:
        return []
    name, a, b = different[0]
    return [
        f"A and B have different proportions in {len(different)} of {len(sizes)} pairs: in {name}, "
        f"A has {a[0]}x{a[1]} pixels and B {b[0]}x{b[1]}. Each is resized to the same square, so "
        "they show the same scene only if it was stretched."
    ]


def describe_sizes(sizes: Sequence[tuple[Size, ...]]) -> str:
    """Returns the sizes of A and B, for example "A and B have 256x256"."""
    a, b = (Counter(pair[side] for pair in sizes) for side in (0, 1))
    if a == b:
        return f"A and B have {_range(a)}"
    return f"A has {_range(a)} and B {_range(b)}"


def _range(sizes: Counter[Size]) -> str:
    smallest, largest = (f(sizes, key=lambda s: s[0] * s[1]) for f in (min, max))
    text = f"{smallest[0]}x{smallest[1]}"
    return text if len(sizes) == 1 else f"{text} to {largest[0]}x{largest[1]}"


def _length_by_breadth(size: Size, layout: Layout) -> float:
    width, height = size
    return width / height if layout == "left_right" else height / width
