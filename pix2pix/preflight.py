"""Checks packages, folders and flags before a run starts, so that it does not fail at its end."""

import logging
from importlib.util import find_spec

from pix2pix import environment
from pix2pix.artifacts import CONFIG_FILE
from pix2pix.errors import UserError
from pix2pix.options import Options

LOGGER = logging.getLogger(__name__)
# Needed by every command, by those that train or evaluate, and for a model card.
BASE = ("numpy", "PIL", "huggingface_hub")
TRAINING = ("tensorflow", "keras", "datasets", "onnx", "matplotlib")
CARD = ("matplotlib",)


def check_packages(names: tuple[str, ...]) -> None:
    """Raises `UserError` when a package is not installed, without importing any."""
    missing = [name for name in names if not find_spec(name)]
    if missing:
        raise UserError(
            f"Some packages are not installed ({', '.join(missing)}). In a clone, run `make setup` "
            "and then `. .venv/bin/activate`; elsewhere, run pip install -r requirements.txt "
            "-r requirements-train.txt, or install the extra `train` of the package."
        )


def prepare_hub() -> None:
    """Checks that the Hub client is installed and sets a timeout for its requests."""
    check_packages(BASE)
    from pix2pix import hub

    hub.set_request_timeout()


def check_run(options: Options) -> None:
    """Raises `UserError` when a run that trains on this machine would fail after its training."""
    if options.space_id and not options.pushes:
        raise UserError("--space_id serves a published model: add --push_to_hub or --push_only.")
    check_packages(TRAINING)
    prepare_keras()
    _check_writable(options)
    _check_cache_folder(options)
    package = options.report_to
    if package != "none" and not find_spec(package):
        raise UserError(f"--report_to {package} needs a package: pip install {package}.")


def prepare_keras() -> None:
    """Makes Keras use the settings that this program needs, and logs which others are not used."""
    for note in environment.prepare_keras():
        LOGGER.warning(note)


def check_artifacts(options: Options) -> None:
    """Raises `UserError` when the output folder has no artifacts to publish."""
    folder = options.output_dir
    if not (folder / CONFIG_FILE).is_file():
        raise UserError(
            f"{folder} has no finished run to publish; train first, or choose another --output_dir."
        )


def _check_writable(options: Options) -> None:
    folder = options.output_dir
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        # ONNX and Keras take names as UTF-8 only.
        raise UserError(
            "The name of the output folder is not UTF-8 text in this locale; choose another "
            "--output_dir, or set PYTHONUTF8=1."
        ) from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"The output folder {folder} can't be written ({error.strerror}); choose another one "
            "with --output_dir."
        ) from None


def _check_cache_folder(options: Options) -> None:
    if options.cache != "disk":
        return
    from pix2pix.data import default_cache_dir

    folder = options.cache_dir or default_cache_dir()
    if reason := environment.find_problem(folder):
        raise UserError(
            f"The cache folder {folder} can't be written ({reason}); choose another one with "
            "--cache_dir."
        )
