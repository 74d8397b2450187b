"""Recognizes the names of folders and files that say which split or which side of a pair they hold.

Names are compared in Unicode NFC, because macOS stores "ü" as two characters, and without regard
to capitals.
"""

import functools
import re
import unicodedata
from typing import NamedTuple

# How a split is spelled -> its name in `Source.splits`.
SPLIT_WORDS = {
    "train": "train", "training": "train", "trn": "train",
    "val": "val", "valid": "validation", "validation": "validation", "dev": "validation",
    "eval": "validation", "evaluation": "validation", "holdout": "validation",
    "heldout": "validation", "test": "test", "testing": "test", "tst": "test",
}  # fmt: skip
# Pairs of words for A and B, in the order in which they are tried.
SIDE_PAIRS = (
    ("a", "b"), ("x", "y"), ("edge", "photo"), ("edge", "image"), ("sketch", "photo"),
    ("sketch", "image"), ("sar", "optical"), ("s1", "s2"), ("day", "night"), ("low", "high"),
    ("lr", "hr"), ("blur", "sharp"), ("noisy", "clean"), ("before", "after"),
    ("conditioning", "image"), ("original", "edited"), ("leftimg8bit", "gtfine"), ("rgb", "nir"),
)  # fmt: skip
# Any of the first words goes with any of the second.
INPUT_WORDS = (
    "input", "in", "source", "src", "image", "img", "photo", "picture", "sat", "satellite",
    "aerial", "rgb", "frame",
)  # fmt: skip
TARGET_WORDS = (
    "target", "tgt", "trg", "output", "out", "label", "mask", "map", "seg", "segmentation", "gt",
    "groundtruth", "annotation", "depth",
)  # fmt: skip
# Words that say neither split nor side.
FILLERS = ("set", "data", "dataset", "split", "pair", "pairs", "folder")
# Words for pictures in general: train_images without train_labels is a plain train folder.
PICTURE_WORDS = {"image", "img", "photo", "picture", "frame"}
_WORDS = {word for pair in SIDE_PAIRS for word in pair} | {*INPUT_WORDS, *TARGET_WORDS}
_NUMBER = re.compile(r"(\d+)")
_TOKEN = re.compile(r"\d+|[^\W\d_]+|[\W_]+")
_SYSTEM_FILES = {
    "thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r", "@eadir", "$recycle.bin",
    "system volume information", "lost+found",
}  # fmt: skip


class FolderName(NamedTuple):
    """What the name of a folder says: the split, and the word for a side; None if nothing."""

    split: str | None
    word: str | None


def is_hidden(name: str) -> bool:
    """Returns whether a file or folder is hidden or made by the operating system."""
    return name.startswith(".") or name.casefold() in _SYSTEM_FILES


def normalize(name: str) -> str:
    """Returns `name` as it is compared: in NFC and without capitals."""
    return unicodedata.normalize("NFC", name).casefold()


def natural_order(name: str) -> list:
    """Returns a sort key that puts 2.jpg before 10.jpg."""
    key: list[tuple[int, str]] = [(-1, part) for part in _NUMBER.split(name)]
    key[1::2] = [(int(number), "") for _, number in key[1::2]]
    key.append((-2, name))  # 01.jpg and 1.jpg always have the same order
    return key


def split_ending(name: str) -> tuple[str, str]:
    """Splits a file's name into its stem and its ending with the dot, in small letters."""
    stem, dot, ending = name.rpartition(".")
    return (stem, f".{ending.lower()}") if stem and dot else (name, "")


def tokens(stem: str) -> list[str]:
    """Splits a name into letters, numbers and separators: "8_sat" into "8", "_" and "sat"."""
    return _TOKEN.findall(stem)


def are_sides(first: str, second: str) -> bool:
    """Returns whether two words are the sides A and B of a pair, in this order."""
    if (first, second) in SIDE_PAIRS:
        return True
    return first in INPUT_WORDS and second in TARGET_WORDS


def side_word(text: str) -> str | None:
    """Returns the word for a side that `text` is, in the singular, or None."""
    for word in (text, text.removesuffix("s"), text.removesuffix("es")):
        if word in _WORDS and (word == text or len(word) > 1):
            return word
    return None


@functools.lru_cache(maxsize=100_000)
def read_name(name: str) -> FolderName:
    """Returns the split and the side that the name of a folder says.

    "trainA", "A-train" and "Training_set_A" are ("train", "a"); "val2017" is ("val", None).
    """
    parts = [part for part in re.split(r"[\W_]+", normalize(name)) if part]
    without_fillers = [part for part in parts if part not in FILLERS]
    without_pictures = [p for p in without_fillers if side_word(p) not in PICTURE_WORDS]
    for words in (parts, without_fillers, without_pictures):
        text = "".join(words)
        if found := _read_text(text):
            return found
    return FolderName(None, None)


@functools.lru_cache(maxsize=100_000)
def read_qualified_name(name: str) -> tuple[str, FolderName] | None:
    """Returns what a name says that begins or ends with a side, and its other words.

    "DIV2K_train_HR" is ("div 2 k", ("train", "hr")), "realA" is ("real", (None, "a")).
    """
    separate = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", unicodedata.normalize("NFC", name))
    words = [token for token in tokens(separate.casefold()) if token.isalnum()]
    for side, others in ((words[-1:], words[:-1]), (words[:1], words[1:])):
        word = side_word(side[0]) if side else None
        splits = {SPLIT_WORDS[other] for other in others if other in SPLIT_WORDS}
        extra = " ".join(other for other in others if other not in SPLIT_WORDS)
        if word and extra and len(splits) < 2:
            return extra, FolderName(next(iter(splits), None), word)
    return None


def _read_text(text: str) -> FolderName | None:
    if word := side_word(text):
        return FolderName(None, word)
    for spelled in sorted(SPLIT_WORDS, key=len, reverse=True):
        for rest in (text.removeprefix(spelled), text.removesuffix(spelled)):
            if rest == text:
                continue
            # "train2017", "train2017A", "trainsetA"
            without_year = re.sub(r"^\d+|\d+$", "", rest)
            if without_year in ("", *FILLERS):
                return FolderName(SPLIT_WORDS[spelled], None)
            for side in (rest, without_year, *map(rest.removeprefix, FILLERS)):
                if word := side_word(side):
                    return FolderName(SPLIT_WORDS[spelled], word)
    return None
