r"""Trains pix2pix on paired images, evaluates it on held-out pairs and publishes it to the Hub.

A small run on the pairs of this repository:
    python train_hub.py --dataset_name assets/sample_maps --generator_filters 16 \
        --max_train_steps 200 --output_dir runs/demo
The paper's run, on a GPU:
    python train_hub.py --dataset_name huggan/maps --push_to_hub --hub_model_id <user>/pix2pix-maps

`pix2pix train` is the same command.
"""

import sys

from pix2pix.commands import train


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns the exit code: 0, 1 for a failure, 2 for wrong usage."""
    return train.main(arguments, "train_hub.py", __doc__ or "")


if __name__ == "__main__":
    sys.exit(main())
