"""Words numbers and lists of names for messages."""

from collections import Counter
from collections.abc import Sequence


def printable(name: str) -> str:
    """Returns a name as one line that can be printed, escaped where it can't."""
    return name if name.isprintable() else repr(name)


def count(number: int, noun: str) -> str:
    """Returns for example "1 picture" or "2,000 pictures"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def list_names(names: Sequence[str], most: int = 5, last: str = "and") -> str:
    """Returns "a, b and c"; after `most` names, "a, b and 7 more"."""
    shown = [printable(name) for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most:,} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {last} {shown[-1]}"


def examples(names: Sequence[str]) -> str:
    """Returns up to three names, for "e.g."."""
    return ", ".join(printable(name) for name in names[:3])


def list_endings(endings: Counter[str]) -> str:
    """Returns for example "12 .txt and 1 .svg", the most frequent first."""
    ordered = sorted(endings.items(), key=lambda item: (-item[1], item[0]))
    return list_names([f"{number:,} {ending or 'without ending'}" for ending, number in ordered])
