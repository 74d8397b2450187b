"""Reports on a run while it trains: live curves and grids of progress pictures."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from pix2pix.artifacts import EVENTS, EVENTS_FOLDER
from pix2pix.config import Config
from pix2pix.files import write_image
from pix2pix.images import image_grid

PROJECT = "pix2pix"
LOGGER = logging.getLogger(__name__)

Report = Callable[[int, dict[str, float]], object]


@contextmanager
def open_report(tracker: str, folder: Path, config: Config, step: int = 0) -> Iterator[Report]:
    """Yields a function that sends a step and its named scalars to `--report_to`.

    Args:
        tracker: "tensorboard" writes events to `<folder>/runs`; "trackio" writes to its own
            folder, with the name of `folder` as the run's name; "none" does nothing.
        folder: the run's output folder.
        config: stored with the run by trackio.
        step: the step after which the run goes on; at 0, events of an earlier run are deleted.
    """
    if step == 0:  # they would be published with this run's model
        for events in folder.glob(EVENTS):
            events.unlink()
    if tracker == "tensorboard":
        import tensorflow as tf

        events_folder = folder / EVENTS_FOLDER
        LOGGER.info("To see the curves: tensorboard --logdir %s", events_folder)
        writer = tf.summary.create_file_writer(str(events_folder))
        with writer.as_default():
            yield lambda step, scalars: [tf.summary.scalar(n, v, step) for n, v in scalars.items()]
        writer.close()
    elif tracker == "trackio":
        import trackio

        LOGGER.info("To see the curves: trackio show --project %s", PROJECT)
        trackio.init(
            PROJECT, folder.resolve().name, config=config.to_dict(), resume="allow", embed=False
        )
        try:
            yield lambda step, scalars: trackio.log(scalars, step)
        finally:
            trackio.finish()
    else:
        yield lambda step, scalars: None


def save_progress_grid(
    folder: Path, step: int, samples: tuple[np.ndarray, np.ndarray], generated: np.ndarray
) -> None:
    """Writes `<folder>/progress/step-<step>.png`: one row per sample, input, generated, target.

    `samples` are inputs and targets; all three arrays are (K, S, S, 3) uint8.
    """
    inputs, targets = samples
    rows = [
        [Image.fromarray(picture) for picture in row]
        for row in zip(inputs, generated, targets, strict=True)
    ]
    write_image(folder / "progress" / f"step-{step:08d}.png", image_grid(rows))
