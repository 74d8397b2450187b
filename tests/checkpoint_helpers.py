"""Saves small checkpoints, uploads them to the test Hub, and looks at its branch `checkpoints`."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from huggingface_hub import HfApi

from pix2pix.config import Config
from pix2pix.hub import upload_checkpoints
from pix2pix.hub.checkpoint_branch import BRANCH
from pix2pix.training import checkpoints
from tests.builders import tiny_config

CONFIG = tiny_config(seed=3)


def save_checkpoint(
    folder: Path, step: int, config: Config = CONFIG, best_step: int | None = None
) -> Path:
    """Saves a checkpoint whose bytes no other test has, and whose weights follow from the step."""
    state = {"weights/000": np.full(5000, expected_weight(step, config))}
    log = {"test": str(folder), "validation": {"best_step": best_step}}
    return checkpoints.save(folder, step, config, log, state)


def expected_weight(step: int, config: Config) -> float:
    """Returns the value of each weight that `save_checkpoint` saves."""
    return step + config.seed / 10


def checkpoint_name(step: int) -> str:
    """Returns the file name of the checkpoint of `step`."""
    return f"step-{step:08d}.npz"


def upload_each(
    repo_id: str, folder: Path, *steps: int, limit: int = 2, start: int | None = 0
) -> None:
    """Saves and uploads a checkpoint of each step, and waits for each upload to end."""
    for step in steps:
        with upload_checkpoints(repo_id, folder, limit, start) as upload:
            upload(save_checkpoint(folder, step), None)
        start = step


def list_branch(repo_id: str) -> list[str]:
    """Returns the files on the branch, without the one that the Hub creates."""
    files = HfApi().list_repo_files(repo_id, revision=BRANCH)
    return sorted(set(files) - {".gitattributes"})


def wait_until(is_reached: Callable[[], bool], seconds: float = 60) -> None:
    """Returns once `is_reached` does so with True; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_reached():
        assert time.monotonic() < deadline
        time.sleep(0.005)
