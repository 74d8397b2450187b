"""Which columns of a table hold the pair."""

from typing import Any

from datasets import Features, Image

from pix2pix.errors import UserError

KNOWN_PAIRS = (
    ("imageA", "imageB"),
    ("input_image", "target_image"),
    ("input_image", "output_image"),
    ("image", "label"),
)


def choose_columns(
    name: str, features: Features, a: str | None = None, b: str | None = None
) -> tuple[str, ...]:
    """The columns of A and B, or the one of side-by-side pairs; `a` and `b` where named.

    Raises `UserError` that lists the columns and suggests a choice when in doubt.
    """
    listed = ", ".join(features) or "none"
    named = tuple(column for column in (a, b) if column)
    for column in named:
        if column not in features:
            raise UserError(f"{name} has no column {column}; its columns are {listed}.")
        if not is_picture(features[column]):
            raise UserError(f"The column {column} of {name} holds no pictures.")
    if b and not a:
        raise UserError("--target_column needs --input_column beside it.")
    if named:
        return named
    pictures = [column for column, feature in features.items() if is_picture(feature)]
    for pair in KNOWN_PAIRS:
        if set(pair) <= set(pictures):
            return pair
    if len(pictures) == 1:
        return tuple(pictures)
    first, second = (pictures + ["<A>", "<B>"])[:2] if pictures else ("<A>", "<B>")
    raise UserError(
        f"Which columns of {name} are the pair? Its columns are {listed}; name them, "
        f"e.g. --input_column {first} --target_column {second}."
    )


def is_picture(feature: Any) -> bool:
    """An Image column, or a bare {bytes, path} struct, as some datasets store pictures."""
    return isinstance(feature, Image) or (
        isinstance(feature, dict) and {"bytes", "path"} <= set(feature)
    )
