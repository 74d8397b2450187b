"""Checks pairs one by one, and compares each with the others."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pix2pix.data.proportions import MAX_ASPECT_DIFFERENCE, describe_sizes
from pix2pix.data.wording import count
from pix2pix.errors import UserError
from pix2pix.pairing.faults import Fault
from pix2pix.pairing.pairs_settings import PairsSettings
from pix2pix.pairing.shifts import measure_shift
from pix2pix.pairing.side_reader import Sides

# Pictures whose channels vary by at most this many of 255 levels are one flat color: JPEG adds one.
FLAT_LEVELS = 2
# What at least this share of the pairs has in common is expected of all.
USUAL_SHARE = 0.9
SIDES = ("A", "B")
MODE_NAMES = {
    "1": "black and white", "L": "gray", "LA": "gray with transparency", "P": "of a palette",
    "RGB": "RGB", "RGBA": "RGB with transparency", "CMYK": "CMYK", "I;16": "gray with 16 bits",
}  # fmt: skip
NOTHING_MADE = {
    "edges": "no edges were found in it; lower --edge_high and --edge_low",
    "posterized": "all of it has the same flat color; raise --colors",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is remembered of a pair, some hundred bytes.

    Attributes:
        sizes: the (width, height) of A and B.
        modes: the modes of their files.
        hashes: the perceptual hashes of A and B, of 64 bits each.
        shift: the shift of B against A, as shares of (height, width), or None.
    """

    sizes: tuple[tuple[int, int], tuple[int, int]]
    modes: tuple[str, str]
    hashes: tuple[int, int]
    shift: tuple[float, float] | None


def check_pair(sides: Sides, settings: PairsSettings) -> Facts:
    """Returns the facts about a pair; raises `UserError` when it is useless."""
    a, b = sides.a.image, sides.b.image
    shift = None
    if settings.make:
        _check_made(a, b, settings)
    else:
        _check_sides(a, b)
        shift = measure_shift(a, b)
    return Facts((a.size, b.size), (sides.a.mode, sides.b.mode), (_hash(a), _hash(b)), shift)


def _hash(image: Image.Image) -> int:
    import imagehash

    return int(str(imagehash.phash(image)), 16)


def _is_flat(image: Image.Image) -> bool:
    extrema = np.asarray(image.getextrema()).reshape(-1, 2)
    return bool((extrema[:, 1] - extrema[:, 0] <= FLAT_LEVELS).all())


def _check_made(made: Image.Image, photo: Image.Image, settings: PairsSettings) -> None:
    if _is_flat(photo):
        raise UserError("The photo is one flat color, so nothing can be made from it.")
    if _is_flat(made):
        reason = NOTHING_MADE.get(settings.make or "", "what is made from it is one flat color")
        raise UserError(f"The photo is of no use: {reason}.")


def _check_sides(a: Image.Image, b: Image.Image) -> None:
    for name, image in zip(SIDES, (a, b), strict=True):
        if _is_flat(image):
            raise UserError(f"{name} is one flat color, so nothing can be learned from it.")
    aspects = sorted(image.width / image.height for image in (a, b))
    if aspects[1] > (1 + MAX_ASPECT_DIFFERENCE) * aspects[0]:
        raise UserError(
            f"A has {_size(a.size)} and B {_size(b.size)} pixels, so they do not show the same "
            "part of the scene; crop one of them."
        )
    if a.size == b.size and a.tobytes() == b.tobytes():
        raise UserError("A and B are the same picture; check that each file is in its place.")


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def compare_pairs(
    names: Sequence[str], facts: Sequence[Facts], settings: PairsSettings
) -> tuple[list[Fault], list[str]]:
    """Returns the faults of pairs that are unlike the others, and sentences about all."""
    faults = list(_describe_sizes_of_sides(names, facts))
    if not settings.make:
        faults += _describe_shifts(names, facts, settings.max_shift)
    for side in range(2):
        faults += _find_unusual(names, [fact.modes[side] for fact in facts], side, MODE_NAMES)
    # Of each pair, A's size stands for both: sides of different sizes are listed above.
    faults += _find_unusual(names, [_size(fact.sizes[0]) for fact in facts], 0, {})
    return faults, [f"{describe_sizes([fact.sizes for fact in facts])} pixels."]


def _describe_sizes_of_sides(names: Sequence[str], facts: Sequence[Facts]) -> Iterable[Fault]:
    """Yields the pairs whose sides have other sizes, unless that is usual here."""
    unequal = [number for number, fact in enumerate(facts) if fact.sizes[0] != fact.sizes[1]]
    if len(unequal) > (1 - USUAL_SHARE) * len(facts):
        return
    for number in unequal:
        a, b = map(_size, facts[number].sizes)
        yield Fault(names[number], f"A has {a} pixels, but B {b}.", False)


def _describe_shifts(
    names: Sequence[str], facts: Sequence[Facts], limit: float | None
) -> Iterable[Fault]:
    for name, fact in zip(names, facts, strict=True):
        if fact.shift:
            is_left_out = limit is not None and max(map(abs, fact.shift)) > limit
            yield Fault(name, f"{describe_shift(fact)}; see the contact sheet.", is_left_out)


def describe_shift(fact: Facts) -> str:
    """Returns a clause such as "B is shifted by about 12 pixels to the right and 3 pixels down"."""
    (width, height), shift = fact.sizes[0], fact.shift or (0.0, 0.0)
    across, down = round(shift[1] * width), round(shift[0] * height)
    parts = [f"{count(abs(across), 'pixel')} to the {'right' if across > 0 else 'left'}"]
    parts += [f"{count(abs(down), 'pixel')} {'down' if down > 0 else 'up'}"]
    parts = [part for part, distance in zip(parts, (across, down), strict=True) if distance]
    return f"B is shifted by about {' and '.join(parts)}"


def _find_unusual(
    names: Sequence[str], values: Sequence[str], side: int, words: dict[str, str]
) -> Iterable[Fault]:
    """Yields the pairs whose value differs from that of nearly all others."""
    counts = Counter(values)
    usual, number = counts.most_common(1)[0]
    if not USUAL_SHARE * len(values) <= number < len(values):
        return
    for name, value in zip(names, values, strict=True):
        if value != usual:
            was, others = words.get(value, value), words.get(usual, usual)
            yield Fault(name, f"{SIDES[side]} is {was}, but nearly all others are {others}.", False)
