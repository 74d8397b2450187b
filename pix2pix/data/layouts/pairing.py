"""Finds the pictures that belong together by the names of their files."""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pix2pix.data.layouts.folder_names import (
    FILLERS,
    are_sides,
    natural_order,
    normalize,
    side_word,
    split_ending,
    tokens,
)

# Up to this fraction of the pictures may lack a partner; they are left out and named.
MAX_LONE_FRACTION = 0.01


@dataclass(frozen=True)
class NamePairs:
    """Files paired by name.

    Attributes:
        pairs: the names of A and B of each pair, in natural order of A.
        rule: what the names of a pair have in common, e.g. "the same name".
        lone: files without a partner.
        twins: two files of one side that have the same name but for the ending.
    """

    pairs: list[tuple[str, str]]
    rule: str
    lone: list[str] = field(default_factory=list)
    twins: tuple[str, str] | None = None

    @property
    def is_usable(self) -> bool:
        """Whether there are pairs, none is ambiguous, and almost no file is left over."""
        files = 2 * len(self.pairs) + len(self.lone)
        return bool(self.pairs) and not self.twins and len(self.lone) <= MAX_LONE_FRACTION * files


def pair_sides(a: Iterable[str], b: Iterable[str]) -> NamePairs:
    """Pairs the files of two sides by what their names have in common.

    The first rule that pairs all files is used, or else the one that pairs the most: the whole
    name; the name without the ending; the same without regard to capitals; the name without what
    all names of a side end or begin with, such as "_sat".
    """
    sides = list(a), list(b)
    best = NamePairs([], "the same name", [*sides[0], *sides[1]])
    twins: NamePairs | None = None
    for rule, keys in _rules(*sides):
        result = _match(sides, keys, rule)
        if result.is_usable and not result.lone:
            best = result
            break
        if (result.is_usable, len(result.pairs)) > (best.is_usable, len(best.pairs)):
            best = result
        if result.twins and not result.lone and not twins:
            twins = result
    best.pairs.sort(key=lambda pair: natural_order(pair[0]))
    return twins if twins and not best.is_usable else best


def pair_by_words(
    names: Iterable[str], any_words: bool = False
) -> dict[tuple[str, str], NamePairs]:
    """Pairs files of one folder whose names differ in one word, such as 1_A.png and 1_B.png.

    Returns the pairs for each two words that more than half of the files have, A first. Only words
    that are known for the sides of pairs count, unless there are `any_words`: then two words that
    all names have, in alphabetical order.
    """
    names = list(names)
    for position in (-1, 0):
        groups: dict[str, dict[str, str]] = defaultdict(dict)
        for name in names:
            word, key = _split_word(name, position)
            known = word if any_words else side_word(word)
            if known and key and known not in groups[key]:
                groups[key][known] = name
        found = _pairs_of_words(groups, names, any_words, "ending" if position else "beginning")
        if found:
            return found
    return {}


def _pairs_of_words(
    groups: dict[str, dict[str, str]], names: list[str], any_words: bool, place: str
) -> dict[tuple[str, str], NamePairs]:
    words = sorted({word for group in groups.values() for word in group})
    if any_words and len(words) != 2 or len(words) > 20:
        return {}
    found = {}
    for first in words:
        for second in words:
            if not (first < second if any_words else are_sides(first, second)):
                continue
            pairs = [
                (group[first], group[second])
                for group in groups.values()
                if {first, second} <= {*group}
            ]
            # Two names such as old_paris.png and old_london.png say nothing yet.
            is_all = len(pairs) > 1 and 2 * len(pairs) == len(names)
            if not (is_all if any_words else 4 * len(pairs) > len(names)):
                continue
            pairs.sort(key=lambda pair: natural_order(pair[0]))
            used = {name for pair in pairs for name in pair}
            rule = f"the same name but for the {place}"
            found[first, second] = NamePairs(pairs, rule, [n for n in names if n not in used])
    return found


def _match(
    sides: tuple[list[str], list[str]], keys: tuple[Callable, Callable], rule: str
) -> NamePairs:
    tables: tuple[dict[str, str], dict[str, str]] = {}, {}
    twins = None
    for table, names, key in zip(tables, sides, keys, strict=True):
        for name in names:
            other = table.setdefault(key(name), name)
            if other != name and not twins:
                twins = (other, name)
    a, b = tables
    pairs = [(a[key], b[key]) for key in a if key in b]
    lone = [a[key] for key in a if key not in b] + [b[key] for key in b if key not in a]
    return NamePairs(pairs, rule, lone, twins)


def _rules(a: list[str], b: list[str]) -> Iterable[tuple[str, tuple[Callable, Callable]]]:
    """Yields the rules by which names are compared, and the key of a name on each side."""
    for rule, key in (
        ("the same name", lambda name: unicodedata.normalize("NFC", _without_sides(name))),
        ("the same name without the ending", lambda name: _stem(name, str)),
        ("the same name, capitals ignored", lambda name: _stem(name, normalize)),
    ):
        yield rule, (key, key)
    for places in (("end",), ("begin",), ("begin", "end")):
        cuts = [_common_tokens(side, places) for side in (a, b)]
        if cuts == [(0, 0), (0, 0)]:
            continue
        extras = [_describe_cut(side, cut) for side, cut in zip((a, b), cuts, strict=True)]
        rule = f"the same name without {' and '.join(e for e in extras if e)}"
        yield rule, tuple(_cut_key(cut) for cut in cuts)  # type: ignore[misc]


def _without_sides(name: str) -> str:
    """Drops subfolders such as "images" from the beginning of a name."""
    if "/" not in name:
        return name
    *folders, file = name.split("/")
    while folders and (side_word(normalize(folders[0])) or normalize(folders[0]) in FILLERS):
        folders.pop(0)
    return "/".join([*folders, file])


def _stem(name: str, normalized: Callable[[str], str]) -> str:
    folder, slash, file = _without_sides(name).rpartition("/")
    return normalized(unicodedata.normalize("NFC", f"{folder}{slash}{split_ending(file)[0]}"))


def _file_tokens(name: str) -> list[str]:
    return _folder_and_tokens(name)[1]


def _folder_and_tokens(name: str) -> tuple[str, list[str]]:
    folder, _, stem = _stem(name, normalize).rpartition("/")
    return folder, tokens(stem)


def _common_tokens(names: list[str], places: tuple[str, ...]) -> tuple[int, int]:
    """Returns how many tokens all names share at the beginning and at the end.

    At least one token of each name stays. A number that a single file has is its name.
    """
    split = [_file_tokens(name) for name in names]
    room = min(map(len, split), default=1) - 1
    counts = {"begin": 0, "end": 0}
    for place in places:
        while room > 0:
            index = counts["begin"] if place == "begin" else -1 - counts["end"]
            values = {parts[index] for parts in split}
            if len(values) > 1 or (len(names) == 1 and next(iter(values)).isdecimal()):
                break
            counts[place] += 1
            room -= 1
    return counts["begin"], counts["end"]


def _cut_key(cut: tuple[int, int]) -> Callable[[str], str]:
    def key(name: str) -> str:
        folder, parts = _folder_and_tokens(name)
        return f"{folder}/" + "".join(parts[cut[0] : len(parts) - cut[1]]).strip("_-. ")

    return key


def _describe_cut(names: list[str], cut: tuple[int, int]) -> str:
    parts = _file_tokens(names[0]) if names else []
    extras = "".join(parts[: cut[0]]), "".join(parts[len(parts) - cut[1] :])
    return " and ".join(extra for extra in extras if extra)


def _split_word(name: str, position: int) -> tuple[str, str]:
    """Returns the last (-1) or first (0) word of a name, and the rest of it; "" without a word."""
    folder, parts = _folder_and_tokens(name)
    if len(parts) < 2 or not parts[position].isalpha():
        return "", ""
    rest = parts[:-1] if position else parts[1:]
    return parts[position], f"{folder}/" + "".join(rest).strip("_-. ")
