"""The rows of history.csv while a run goes on, for TensorBoard or trackio (`--report_to`)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pix2pix.config import Config

PROJECT = "pix2pix"

Report = Callable[[int, dict[str, float]], object]


@contextmanager
def reporting(kind: str, folder: Path, config: Config) -> Iterator[Report]:
    """A function that takes a step and its named scalars; it does nothing when `kind` is none.

    TensorBoard's events go to `<folder>/tensorboard`; trackio keeps its own folder and takes the
    run's name from `folder`.
    """
    if kind == "tensorboard":
        import tensorflow as tf

        writer = tf.summary.create_file_writer(str(folder / "tensorboard"))
        with writer.as_default():
            yield lambda step, scalars: [tf.summary.scalar(n, v, step) for n, v in scalars.items()]
        writer.close()
    elif kind == "trackio":
        import trackio

        trackio.init(
            PROJECT, folder.resolve().name, config=config.to_dict(), resume="allow", embed=False
        )
        try:
            yield lambda step, scalars: trackio.log(scalars, step)
        finally:
            trackio.finish()
    else:
        yield lambda step, scalars: None
