"""Runs `pix2pix <command>`, which is also `python -m pix2pix <command>`."""

import difflib
import importlib
import sys

from pix2pix import __version__, console, preflight

# What `pix2pix --help` lists. Each command is a module of pix2pix.commands with a function `main`.
COMMANDS = {
    "train": "train on paired images, evaluate, and publish to the Hub",
    "evaluate": "score a published model on held-out pairs and check the figures on its card",
    "translate": "translate image files and folders with a published model",
    "export": "write the generator of a model for TensorFlow Serving, phones or other programs",
    "publish": "publish the artifacts of a finished run, without training",
    "deploy": "create or update a Space that serves a model on the Hub",
    "pairs": "build a dataset of pairs from folders of pictures, and publish it",
    "web": "serve the page that translates in the browser, on this machine",
    "job": "train on the machines of Hugging Face Jobs",
    "dry-run": "check everything that a training run needs and print the plan",
}


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line and returns the exit code: 0, 1 for a failure, 2 for wrong usage."""
    word, *command_arguments = (sys.argv[1:] if arguments is None else arguments) or [""]
    name = word.replace("_", "-")
    if name in COMMANDS:
        return console.run_command("pix2pix", lambda: _run(name, command_arguments))
    if name in ("-h", "--help"):
        print(_overview())
        return 0
    if name == "--version":
        print(f"pix2pix {__version__}")
        return 0
    print(_wrong_usage(word) if word else _overview(), file=sys.stderr)
    return 2


def _run(name: str, arguments: list[str]) -> int:
    preflight.check_packages(preflight.BASE)
    command = importlib.import_module(f"pix2pix.commands.{name.replace('-', '_')}")
    return command.main(arguments)


def _overview() -> str:
    lines = [f"  {name:<10} {summary}" for name, summary in COMMANDS.items()]
    return "\n".join(
        [
            "usage: pix2pix <command> [flag ...]",
            "",
            "pix2pix (Isola et al., 2017) for the Hugging Face Hub.",
            "",
            "commands:",
            *lines,
            "",
            "pix2pix <command> --help lists the flags of a command; pix2pix --version prints the "
            "version.",
        ]
    )


def _wrong_usage(name: str) -> str:
    kind = "flag" if name.startswith("-") else "command"
    similar = difflib.get_close_matches(name, COMMANDS, 1)
    suggestion = f"; did you mean {similar[0]}?" if similar else ""
    return f"pix2pix: unknown {kind} {name}{suggestion} (--help lists the commands)"


if __name__ == "__main__":
    sys.exit(main())
