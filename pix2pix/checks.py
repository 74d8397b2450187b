"""What is checked before any work: packages, folders and flags that would fail a run at its end."""

from importlib.util import find_spec

from pix2pix.cli import Options
from pix2pix.errors import UserError

# What everything needs, and what training needs besides.
BASE = ("numpy", "PIL", "huggingface_hub")
TRAINING = ("tensorflow", "keras", "datasets", "onnx", "matplotlib")


def check_packages(names: tuple[str, ...]) -> None:
    """Raises `UserError` where some of `names` are not installed; imports none of them."""
    missing = [name for name in names if not find_spec(name)]
    if missing:
        raise UserError(
            f"This needs packages that are not installed ({', '.join(missing)}): in a clone, "
            "`make setup` and then `. .venv/bin/activate`; elsewhere, pip install -r "
            "requirements.txt -r requirements-train.txt, or the extra `train` of the package."
        )


def check_output_dir(options: Options) -> None:
    """Fails before any work when the artifacts could not be written, or published, in the end."""
    folder = options.output_dir
    if options.push_only:
        if not (folder / "pix2pix.json").is_file():
            raise UserError(
                f"{folder} holds no finished run to publish; train first, or name the right "
                "--output_dir."
            )
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"The output folder {folder} can't be written ({error.strerror}); name another one "
            "with --output_dir."
        ) from None


def check_space(options: Options) -> None:
    """Fails before any work when --space_id would have no published model to serve."""
    if options.space_id and not options.pushes:
        raise UserError("--space_id serves a published model: add --push_to_hub or --push_only.")


def check_report(options: Options) -> None:
    """Fails before any work when --report_to names what is not installed."""
    package = options.report_to
    if package != "none" and not find_spec(package):
        raise UserError(f"--report_to {package} needs a package: pip install {package}.")
