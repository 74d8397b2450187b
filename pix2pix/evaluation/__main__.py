"""Runs `pix2pix evaluate` as `python -m pix2pix.evaluation`, the command on earlier model cards."""

import sys

from pix2pix.commands.evaluate import main

if __name__ == "__main__":
    sys.exit(main(program="python -m pix2pix.evaluation"))
