"""The model card, the sample grid and the training curves: made from the artifacts alone."""

import json
import math
import shlex
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from huggingface_hub import EvalResult, ModelCard, ModelCardData  # noqa: E402
from matplotlib import pyplot  # noqa: E402
from PIL import Image, ImageDraw, ImageFont  # noqa: E402

from pix2pix import version  # noqa: E402
from pix2pix.evaluation import table  # noqa: E402
from pix2pix.files import write_atomically, write_text  # noqa: E402
from pix2pix.images import grid  # noqa: E402

TEMPLATE = Path(__file__).with_name("card_template.md")
HEADINGS = ("input", "generated", "real")
HEADING_HEIGHT = 28


def sample_grid(rows: list[list[Image.Image]]) -> Image.Image:
    """Triplets under their headings, two triplets a line."""
    lines = [sum(rows[i : i + 2], []) for i in range(0, len(rows), 2)]
    sheet = grid(lines)
    page = Image.new("RGB", (sheet.width, sheet.height + HEADING_HEIGHT), "white")
    page.paste(sheet, (0, HEADING_HEIGHT))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(16)
    step = (sheet.width + 4) // len(lines[0])
    for column in range(len(lines[0])):
        heading = HEADINGS[column % len(HEADINGS)]
        pen.text((column * step + 4, 4), heading, "black", font)
    return page


def write_curves(path: Path, history: list[dict]) -> None:
    """Losses and the discriminator's mean outputs over steps; ln 2 and 0.5 mark "can't tell"."""
    figure, (losses, outputs) = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    steps = [row["step"] for row in history]
    for name, label in (
        ("discriminator_loss", "D loss"),
        ("generator_gan_loss", "G GAN loss"),
        ("l1_loss", "L1 loss"),
    ):
        losses.plot(steps, [row[name] for row in history], label=label, linewidth=1)
    losses.axhline(math.log(2), color="grey", linestyle=":", label="ln 2")
    for name, label in (("d_real", "D(real)"), ("d_fake", "D(generated)")):
        outputs.plot(steps, [row[name] for row in history], label=label, linewidth=1)
    outputs.axhline(0.5, color="grey", linestyle=":")
    outputs.set_ylim(0, 1)
    for axes, title in ((losses, "Losses"), (outputs, "Mean output of the discriminator")):
        axes.set(title=title, xlabel="step")
        axes.legend()
    write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=100))
    pyplot.close(figure)


def write_card(folder: Path, repo_id: str | None = None) -> None:
    """Writes README.md from pix2pix.json and metrics.json; `repo_id` goes into the snippets."""
    about = json.loads((folder / "pix2pix.json").read_text(encoding="utf-8"))
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    card = ModelCard.from_template(
        _front_matter(about, metrics, repo_id),
        template_path=str(TEMPLATE),
        repo_id=repo_id or "<user>/pix2pix-maps",
        results=table.markdown(table.rows(metrics)),
        protocol=metrics["protocol"],
        held_out=_held_out(about),
        command=reproduce_command(about),
        config=about["config"],
        training=_training(about),
        columns=" / ".join(about["columns"]),
        depth_multiple=about["size_multiple"],
        versions=", ".join(f"{name} {number}" for name, number in about["versions"].items()),
        package_version=version.told(about),
        direction=about["config"]["direction"].replace("_", " "),
    )
    write_text(folder / "README.md", str(card))


def _front_matter(about: dict, metrics: dict, repo_id: str | None) -> ModelCardData:
    config = about["config"]
    name = repo_id.split("/")[-1] if repo_id else "pix2pix-maps"
    on_hub = bool(config["dataset_revision"])
    results = [
        EvalResult(
            task_type="image-to-image",
            dataset_type=config["dataset_name"] if on_hub else "local",
            dataset_name=config["dataset_name"],
            dataset_split=about["rows"]["held_out"]["split"],
            dataset_revision=config["dataset_revision"],
            metric_type=key,
            metric_name=table.LABELS[key][0],
            metric_value=round(value, 4),
        )
        for key, value in metrics["metrics"].items()
    ]
    return ModelCardData(
        library_name="keras",
        pipeline_tag="image-to-image",
        license="apache-2.0",
        datasets=[config["dataset_name"]] if on_hub else None,
        metrics=list(metrics["metrics"]),
        tags=["pix2pix", "gan", "conditional-image-generation", "onnx"],
        model_name=name,
        eval_results=results,
    )


def _held_out(about: dict) -> str:
    rows = about["rows"]["held_out"]
    revision = about["config"]["dataset_revision"]
    place = f" at revision `{revision}`" if revision else ""
    return (
        f"rows {rows['start']} to {rows['stop'] - 1} of split `{rows['split']}` of "
        f"`{about['config']['dataset_name']}`{place}"
    )


def reproduce_command(about: dict) -> str:
    """The `train_hub.py` call that names every setting which differs from the defaults."""
    from pix2pix.config import Config

    config = Config.from_dict(about["config"])
    defaults = Config.of_recipe(config.recipe, image_size=config.image_size).to_dict()
    defaults["recipe"] = Config().recipe
    defaults["image_size"] = Config().image_size
    flags = [
        f"--{name} {shlex.quote(str(value))}"
        for name, value in config.to_dict().items()
        if value is not None and value != defaults[name]
    ]
    return " ".join(["python train_hub.py", *flags])


def _training(about: dict) -> str:
    training = about["training"]
    minutes = training["seconds"] / 60
    return f"{training['steps']:,} steps in {minutes:.1f} minutes on {training['device']}"
