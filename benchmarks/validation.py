"""What does validation cost? Run `python -m benchmarks.validation`.

Times a training step of batch 1, and the validation of one pair: its translation and its metrics.
The table has the share of a run's time with the default of 64 selection pairs and a validation
every 1,000 steps, and the interval above which the share is below 5 %. Random pictures.
"""

import argparse

import numpy as np

from benchmarks.measure import in_turns

PAIRS, STEPS, TARGET = 64, 1000, 0.05
LEGEND_COLORS = 12
# Image size and filters of both networks: tests, the starter models, the paper.
SIZES = ((64, 4), (256, 16), (256, 64))


def measure(image_size: int, filters: int, rounds: int) -> tuple[float, float]:
    """Returns the seconds of a step and of the validation of one pair."""
    import tensorflow as tf

    from pix2pix.config import Config
    from pix2pix.evaluation import Legend, score_all
    from pix2pix.training.devices import choose_devices
    from pix2pix.training.trainer import Trainer
    from pix2pix.training.validation import compile_generator
    from pix2pix.validation_settings import SELECTION_METRICS

    config = Config(image_size=image_size, generator_filters=filters, discriminator_filters=filters)
    random = np.random.default_rng(0)
    pair = random.integers(0, 256, (2, image_size, image_size, 3), np.uint8)
    legend = Legend(random.integers(0, 256, (LEGEND_COLORS, 3), np.uint8))
    trainer = Trainer(config, STEPS, choose_devices(config))
    inputs, targets = (tf.constant(picture[None]) for picture in pair)
    predict = compile_generator(trainer)
    calls = {
        "step": lambda: float(trainer.step(inputs, targets)["l1_loss"]),
        "pair": lambda: score_all(predict, [pair], "a_to_b", legend, SELECTION_METRICS),
    }
    seconds = in_turns(calls, rounds)
    return seconds["step"], seconds["pair"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    print(f"| image size, filters | step, ms | validation of {PAIRS} pairs, s | in steps |", end="")
    print(f" share, every {STEPS:,} steps | below {TARGET:.0%} from |")
    print("|---|---|---|---|---|---|")
    for image_size, filters in SIZES:
        step, pair = measure(image_size, filters, arguments.rounds)
        ratio = PAIRS * pair / step
        share = ratio / (ratio + STEPS)
        least = ratio * (1 - TARGET) / TARGET
        print(
            f"| {image_size}, {filters} | {1e3 * step:.0f} | {PAIRS * pair:.1f} | {ratio:.0f} | "
            f"{share:.1%} | {least:.0f} steps |",
            flush=True,
        )


if __name__ == "__main__":
    main()
