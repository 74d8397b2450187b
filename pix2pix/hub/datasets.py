"""Datasets of the Hub: their commit of now, and what their cards say."""

from pathlib import Path

from pix2pix.errors import UserError
from pix2pix.hub.refusals import explained


def dataset_commit(name: str, revision: str | None = None) -> str | None:
    """The commit that a Hub dataset's `revision` stands for now; None for a folder or a URL."""
    if Path(name).exists() or "://" in name:
        return None
    from huggingface_hub import HfApi

    with explained(f"The dataset {name} (there is no such folder here)"):
        return HfApi().dataset_info(name, revision=revision).sha


def dataset_license(name: str, revision: str | None) -> str | None:
    """The licence that the dataset's card states; None for local pairs and where it states none.

    It is asked for when training is over: a Hub that can't be reached then is no reason to fail.
    """
    if not revision:
        return None
    from huggingface_hub import HfApi

    try:
        with explained(f"The dataset {name}"):
            card = HfApi().dataset_info(name, revision=revision).card_data
    except UserError:
        return None
    stated = card.get("license") if card else None
    return ", ".join(stated) if isinstance(stated, list) else stated
