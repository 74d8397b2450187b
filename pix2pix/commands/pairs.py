"""Builds a dataset of pairs to train on, from the pictures that you have.

    pix2pix pairs photos --make edges --output pairs
    pix2pix pairs photos maps --output pairs
    pix2pix pairs pages --output pairs --push_to_hub --hub_dataset_id <user>/x --license cc0-1.0

A is the input of the training and B its target. Every picture is checked, and what is wrong with it
is listed; useless pairs are left out. `python train_hub.py --dataset_name pairs` trains on the
result.
"""

import shlex
import signal
import threading
import warnings
from importlib.util import find_spec

from pix2pix import console, preflight
from pix2pix.data.wording import count
from pix2pix.errors import UserError
from pix2pix.flags import parse_as
from pix2pix.pairing.pairs_settings import PairsSettings
from pix2pix.picture_files import printable

PROGRAM = "pix2pix pairs"
PACKAGES = {"skimage": "scikit-image", "imagehash": "ImageHash", "datasets": "datasets"}


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    (settings,) = parse_as((PairsSettings,), __doc__ or "", arguments, PROGRAM)
    hint = "a dataset is written only when it is complete; run the command again"
    return console.run_command(PROGRAM, lambda: run(settings), hint)


def run(settings: PairsSettings) -> None:
    """Builds the dataset, and publishes it if that is asked for."""
    _check_packages()
    # Pillow warns about odd metadata, but each file that fails gets one line, and others none.
    warnings.filterwarnings("ignore", module="PIL")
    from pix2pix.pairing import dataset_card
    from pix2pix.pairing.building import build_dataset, check_output

    repo_id = ""
    check_output(settings)
    if settings.push_to_hub:
        preflight.prepare_hub()
        from pix2pix.hub import dataset_publishing

        repo_id = dataset_publishing.check_dataset_repository(
            settings.hub_dataset_id or "", dataset_card.is_ours
        )
    if threading.current_thread() is threading.main_thread():
        # A job scheduler's SIGTERM ends the command as Ctrl-C does, with its message.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    rows = build_dataset(settings)
    counts = ", ".join(f"{number:,} {split}" for split, number in rows.items())
    output = printable(settings.output)
    print(f"{count(sum(rows.values()), 'pair')} ({counts}) are in {output}.")
    if not settings.push_to_hub:
        print(f"Train: python train_hub.py --dataset_name {shlex.quote(str(settings.output))}")
        return
    sentence = dataset_publishing.publish_dataset(
        settings.output,
        repo_id,
        settings.hub_private_repo,
        dataset_card.is_ours,
        f"pix2pix pairs: {count(sum(rows.values()), 'pair')}",
        f"The dataset is finished; publish it with: hf upload {repo_id} "
        f"{shlex.quote(str(settings.output))} --repo-type dataset",
    )
    print(sentence)
    print(f"Train: python train_hub.py --dataset_name {repo_id}")


def _check_packages() -> None:
    missing = [package for module, package in PACKAGES.items() if not find_spec(module)]
    if missing:
        raise UserError(
            f"pix2pix pairs needs packages that are not installed: pip install {' '.join(missing)}."
        )
