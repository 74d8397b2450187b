"""Checks environment variables and folders before the packages that read them are imported.

Imports only the standard library: `huggingface_hub`, Gradio, Matplotlib and Keras read their
variables once, when they are imported.
"""

import json
import os
import stat
import sys
import tempfile
from pathlib import Path

from pix2pix.errors import UserError

# Caches of the Hub's clients that may lie outside HF_HOME, each with its own variable.
HUB_CACHES = (
    "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_ASSETS_CACHE", "HF_XET_CACHE", "HF_DATASETS_CACHE",
)  # fmt: skip
PREFIX = "pix2pix-"
# What this program needs in keras.json; a file without one of these keys means the same.
KERAS_SETTINGS = {
    "backend": "tensorflow",
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
}
# Keras reads no settings from a folder that can't exist, and writes none into it.
NO_KERAS_HOME = f"{os.devnull}/keras"
NVIDIA_DEVICE = Path("/dev/nvidia0")


def default_cache_dir() -> Path:
    """Returns `$XDG_CACHE_HOME/pix2pix`, by default `~/.cache/pix2pix`."""
    # os.path.expanduser, unlike Path, raises no error where the user has no home folder.
    return Path(os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache")) / "pix2pix"  # noqa: PTH111


def prepare_folders() -> list[str]:
    """Replaces folders for temporary files and caches that can't be written by ones that can.

    Sets TMPDIR, HF_HOME, GRADIO_TEMP_DIR and MPLCONFIGDIR where necessary, so it must be called
    before packages that read them are imported. A second call changes nothing.

    Returns:
        A sentence for each replaced folder, with the reason.

    Raises:
        UserError: when there is no folder for temporary files at all.
    """
    notes = []
    temporary = _find_temporary_folder()
    wanted = os.environ.get("TMPDIR")
    if wanted and (reason := find_problem(Path(wanted))):
        os.environ["TMPDIR"] = tempfile.tempdir = temporary
        notes.append(_describe("TMPDIR", wanted, reason, temporary, "temporary files"))
    wanted = os.environ.get("GRADIO_TEMP_DIR")
    if wanted and (reason := find_problem(Path(wanted))):
        os.environ["GRADIO_TEMP_DIR"] = folder = _spare_folder("gradio")
        notes.append(_describe("GRADIO_TEMP_DIR", wanted, reason, folder, "uploads"))
    notes += _prepare_hub_home()
    notes += _prepare_hub_caches()
    _prepare_matplotlib()
    return notes


def _find_temporary_folder() -> str:
    try:
        return tempfile.gettempdir()
    except FileNotFoundError as error:
        raise UserError(
            f"No folder for temporary files can be written ({error.strerror}); set TMPDIR to one "
            "that can."
        ) from None


def _spare_folder(name: str) -> str:
    """Returns a folder below the temporary one that belongs to this user alone."""
    base = Path(tempfile.gettempdir()) / f"{PREFIX}{os.getuid()}"
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        status = base.lstat()
        is_private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
        if status.st_uid != os.getuid() or not is_private or find_problem(base):
            raise PermissionError
    except OSError:
        # Another user has taken the name; a folder with a random one is used only once.
        base = Path(tempfile.mkdtemp(prefix=PREFIX))
    (base / name).mkdir(exist_ok=True)
    return str(base / name)


def _prepare_hub_home() -> list[str]:
    """Moves what the Hub's clients store to a spare folder if their own can't be written."""
    folder, name = hub_home()
    reason = find_problem(folder)
    if not reason or _is_readable_offline(folder):
        return []
    if os.access(folder / "token", os.R_OK):
        os.environ.setdefault("HF_TOKEN_PATH", str(folder / "token"))
    os.environ["HF_HOME"] = spare = _spare_folder("huggingface")
    return [_describe(name, str(folder), reason, spare, "downloads from the Hub")]


def _prepare_hub_caches() -> list[str]:
    notes = []
    home = str(hub_home()[0])
    for name in HUB_CACHES:
        folder = os.environ.get(name)
        if not folder or _is_readable_offline(Path(folder)):
            continue
        if reason := find_problem(Path(folder)):
            del os.environ[name]
            notes.append(_describe(name, folder, reason, home, "downloads from the Hub"))
    return notes


def _is_readable_offline(folder: Path) -> bool:
    """Returns whether only reading is needed, as from a cache that several users share."""
    return bool(os.environ.get("HF_HUB_OFFLINE")) and os.access(folder, os.R_OK)


def _prepare_matplotlib() -> None:
    """Gives Matplotlib a folder if it has none; it would warn of that in two lines of its own."""
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    folder = Path(os.environ.get("MPLCONFIGDIR") or Path(base) / "matplotlib")
    if find_problem(folder):
        os.environ["MPLCONFIGDIR"] = _spare_folder("matplotlib")


def hub_home() -> tuple[Path, str]:
    """Returns the folder of the Hub's clients, and the variable that determines it."""
    for name, below in (("HF_HOME", ""), ("XDG_CACHE_HOME", "huggingface")):
        if folder := os.environ.get(name):
            return Path(folder) / below, name
    return Path("~/.cache/huggingface"), "HOME"


def find_problem(folder: Path) -> str | None:
    """Returns why files can't be written into `folder`, or None if they can.

    The folder need not exist; it is not created. A trial is the only test that also holds for
    read-only file systems, full disks and the user root.
    """
    try:
        path = Path(os.path.expandvars(folder)).expanduser().absolute()
        existing = next(p for p in (path, *path.parents) if os.path.lexists(p))
        Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=existing)).rmdir()
    except RuntimeError:
        return "there is no home folder"
    except OSError as error:
        return error.strerror or str(error)
    return None


def _describe(name: str, folder: str, reason: str, spare: str, content: str) -> str:
    return (
        f"{name}: {folder} can't be written ({reason}), so {content} go to {spare} instead; set "
        f"{name} to a folder of your own to keep them."
    )


def prepare_keras() -> list[str]:
    """Makes Keras use TensorFlow and its default settings, whatever the user's settings are.

    Must be called before Keras is imported. A second call changes nothing.

    Returns:
        A sentence for each setting that is not used.

    Raises:
        UserError: when Keras has been imported with other settings, as in a notebook.
    """
    notes = []
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if backend != "tensorflow":
        notes.append(f"KERAS_BACKEND is {backend}, but this program uses Keras with TensorFlow.")
    os.environ["KERAS_BACKEND"] = "tensorflow"
    path = Path(os.path.expandvars(os.environ.get("KERAS_HOME") or "~/.keras"), "keras.json")
    if differing := _find_keras_settings(path):
        notes.append(f"{path} is not used, because this program needs other values: {differing}.")
        os.environ["KERAS_HOME"] = NO_KERAS_HOME
    _check_imported_keras()
    return notes


def _find_keras_settings(path: Path) -> str:
    """Returns the settings in a keras.json that differ, each with the value that is used."""
    try:
        settings = json.loads(path.expanduser().read_text(encoding="utf-8"))
        return ", ".join(
            f"{name} {value}"
            for name, value in KERAS_SETTINGS.items()
            if settings.get(name, value) != value
        )
    except (OSError, RuntimeError):
        return ""
    except (ValueError, AttributeError):
        return "the file can't be read"


def _check_imported_keras() -> None:
    config = getattr(sys.modules.get("keras"), "config", None)
    if config is None:
        return
    used = config.backend(), config.floatx(), config.image_data_format()
    if used != ("tensorflow", "float32", "channels_last"):
        raise UserError(
            f"Keras has been imported with {', '.join(used)}; restart Python and set "
            "KERAS_BACKEND=tensorflow before the first import."
        )


def describe_missing_gpu() -> str | None:
    """Returns a warning for a run without a GPU on a machine that has one or is set up for one.

    None where nothing speaks for a GPU: the standard TensorFlow for Linux also has CUDA support.
    """
    if NVIDIA_DEVICE.exists():
        reason = "although this machine has one"
    elif any("nvidia-cudnn" in name for name in _installed_packages()):
        reason = "although TensorFlow's CUDA packages are installed"
    else:
        return None
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1"):
        advice = f"CUDA_VISIBLE_DEVICES={hidden} hides it"
    else:
        advice = "check that nvidia-smi lists it and that tensorflow[and-cuda] is installed"
    return f"No GPU is visible to TensorFlow, {reason}; {advice}. The run uses the CPU."


def _installed_packages() -> list[str]:
    from importlib import metadata

    return [str(package.metadata["Name"]).lower() for package in metadata.distributions()]
