"""Writes the model's notebook.ipynb, for which the Hub offers to open Colab or Kaggle."""

import json
from pathlib import Path
from typing import Any

from pix2pix.card.front_matter import Places
from pix2pix.config import Config
from pix2pix.fields import settings_of
from pix2pix.files import write_text
from pix2pix.flags import flag_arguments
from pix2pix.labels import labels_for
from pix2pix.pair_settings import PairSettings

TITLE = """\
# pix2pix: {labels.title}

This notebook loads {model}, translates your own photo, measures the model and fine-tunes it.

On Colab, choose *Runtime > Change runtime type > GPU* for the fine-tuning, then *Runtime > Run \
all*. With a token of the Hub in the variable `HF_TOKEN`, private models and datasets work too."""
SETTINGS = """\
MODEL = {repo_id}
REVISION = {revision}  # a tag or commit; None: the newest commit
PHOTO = ""  # the path of your photo; empty: choose a file on Colab, or take a sample elsewhere
# The pairs of the fine-tuning; your own are ["--dataset_name", "<user>/<pairs>"].
PAIRS = {pairs}
STEPS = 500
# A repository with the code, such as a Gradio Space that `pix2pix deploy` made.
SOURCE = {source}"""
INSTALL = """\
import importlib.util
import subprocess
import sys

if not importlib.util.find_spec("pix2pix"):
    assert "<" not in SOURCE, "Set SOURCE to a Gradio Space that `pix2pix deploy` made."
    %pip install --quiet "pix2pix-hub[train] @ git+{SOURCE}"


def run(*arguments):
    \"\"\"Runs a command of the package, and returns whether it succeeded.\"\"\"
    command = [sys.executable, "-m", "pix2pix", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            print(line, end="")
    return process.returncode == 0"""
LOAD = """\
from pix2pix import Translator

translator = Translator.from_pretrained(MODEL, revision=REVISION)
# The commit, so that every cell below uses the same weights.
NAME = f"{MODEL}@{translator.revision}" if translator.revision else MODEL
print(NAME, "was trained for", translator.about["training"]["steps"], "steps")"""
OWN_PHOTO = """\
## Translate your own photo

The model knows pictures like those that it was trained on ({source}); on others, its results look \
plausible but are wrong. `mode="full"` keeps every pixel of a large picture."""
TRANSLATE = """\
from IPython.display import display
from PIL import Image

photo = PHOTO
if not photo and "google.colab" in sys.modules:
    from google.colab import files

    photo = next(iter(files.upload()), "")
photo = photo or sorted((translator.folder / "samples").glob("*-input.png"))[0]
result = translator(photo{mode})
result.save("{result}.png")
display(Image.open(photo), result)"""
SCORE = """\
## Score it

The command measures the model on its held-out pairs, beside trivial baselines, and compares the \
figures with those of the model's card.{local}"""
EVALUATE = """\
run("evaluate", "--model", NAME)"""
FINE_TUNE = """\
## Fine-tune it

A new run starts from the model's weights. `PAIRS` names the pairs to train on, which are the \
model's own until you change them. The cell then shows your photo, the model's translation and the \
new one."""
TRAIN = """\
options = ["--max_train_steps", str(STEPS), "--warmup_steps", str(STEPS // 10)]
options += ["--output_dir", "fine-tuned", "--overwrite_output_dir"]
assert run("train", "--init_from", NAME, *PAIRS, *options), "The training failed; see above."
display(Image.open(photo), result, Translator("fine-tuned")(photo{mode}))"""
LOCAL = """ The pairs were in the folder `{name}` on the machine of the training: copy it here, or \
add `"--dataset_name"` and the name of other pairs to the command."""
# In place of a Space's URL where none is known.
NO_SOURCE = "https://huggingface.co/spaces/<user>/<space>"


def write_notebook(path: Path, description: dict, places: Places) -> None:
    """Writes a notebook of ten cells: load the model, translate a photo, score it, fine-tune it.

    Args:
        path: the notebook; without a repository, it loads the model from its own folder.
        description: the content of pix2pix.json.
        places: where the model is on the Hub, and the Gradio Space that its code comes from.
    """
    config = Config.from_dict(description["config"])
    labels = labels_for(config)
    mode = ', mode="full"' if config.is_native else ""
    repo_id, hub = places.repo_id, "https://huggingface.co"
    model = f"the model [{repo_id}]({hub}/{repo_id})" if repo_id else "the model in its own folder"
    local = "" if config.dataset_revision else LOCAL.format(name=config.dataset_name)
    settings = SETTINGS.format(
        repo_id=json.dumps(repo_id or "."),
        revision=json.dumps(places.revision) if places.revision else None,
        pairs=json.dumps(flag_arguments(config, _pair_settings()), ensure_ascii=False),
        source=json.dumps(f"{hub}/spaces/{places.space_id}" if places.space_id else NO_SOURCE),
    )
    cells = [
        _text(TITLE.format(labels=labels, model=model)),
        _code(settings, tags=["parameters"]),
        _code(INSTALL),
        _code(LOAD),
        _text(OWN_PHOTO.format(source=labels.source)),
        _code(TRANSLATE.replace("{mode}", mode).replace("{result}", labels.short_result)),
        _text(SCORE.format(local=local)),
        _code(EVALUATE),
        _text(FINE_TUNE),
        _code(TRAIN.replace("{mode}", mode)),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {
        "accelerator": "GPU", "colab": {"gpuType": "T4"}, "kernelspec": kernel,
        "language_info": {"name": "python"},
    }  # fmt: skip
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    write_text(path, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


def _pair_settings() -> set[str]:
    """Returns the settings that say which pairs a run reads, and how."""
    return {spec.name for spec in settings_of(PairSettings) if not spec.of_model}


def _text(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(text: str, **metadata: Any) -> dict[str, Any]:
    return {
        "cell_type": "code", "execution_count": None, "metadata": metadata, "outputs": [],
        "source": text.splitlines(keepends=True),
    }  # fmt: skip
