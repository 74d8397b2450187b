"""Says what is left out of a dataset."""

from collections import Counter
from collections.abc import Sequence, Set

from pix2pix.data.layouts.candidates import folder_name
from pix2pix.data.layouts.folder_tree import Folder, FolderTree
from pix2pix.data.wording import count, examples, list_endings, list_names


def describe_left_out(tree: FolderTree, used: Set[Folder]) -> list[str]:
    """Returns sentences about folders and files that are not used, and about links."""
    sentences = []
    unused = {folder: len(names) for folder, names in tree.pictures.items() if folder not in used}
    if unused:
        names = [f"{folder_name(f)} ({count(n, 'picture')})" for f, n in sorted(unused.items())]
        sentences.append(f"Not used: {list_names(names)}.")
    sentences += describe_files(tree.others, tree.broken)
    if tree.outside:
        sentences.append(
            f"{count(len(tree.outside), 'link')} to files outside of the folder are followed, e.g. "
            f"{examples(sorted(tree.outside))}."
        )
    if tree.deep:
        sentences.append(f"Not searched, because it is too deep: {examples(sorted(tree.deep))}.")
    return sentences


def describe_files(others: Counter[str], broken: Sequence[str]) -> list[str]:
    """Returns sentences about files that are not pictures, by ending, and about broken links."""
    sentences = []
    if others:
        total = count(others.total(), "file")
        sentences.append(
            f"Left out: {total} that can't be read as pictures ({list_endings(others)})."
        )
    if broken:
        sentences.append(
            f"Left out: {count(len(broken), 'link or special file')} without a picture behind it, "
            f"e.g. {examples(sorted(broken))}."
        )
    return sentences
