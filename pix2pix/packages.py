"""Whether the packages are here that training needs and serving does not."""

from importlib.util import find_spec

from pix2pix.errors import UserError

TRAINING = ("tensorflow", "keras", "datasets", "onnx", "matplotlib")


def check_training_packages() -> None:
    """Raises `UserError` where only what serving needs is installed; imports none of them."""
    missing = [name for name in TRAINING if not find_spec(name)]
    if missing:
        raise UserError(
            f"This needs packages that are not installed ({', '.join(missing)}): "
            "pip install -r requirements-train.txt, or the extra `train` of the package."
        )
