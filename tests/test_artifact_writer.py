"""The artifacts of a finished run: all files of the layout exist and agree with each other."""

import csv
import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard
from PIL import Image

from pix2pix import artifact_writer, card, evaluation, flags
from pix2pix.artifacts import PUBLISHED, SERVED, ArtifactFolder
from pix2pix.config import Config
from pix2pix.evaluation import METRICS
from pix2pix.files import sha256
from pix2pix.training.history import write_history
from pix2pix.training.trainer import SCALARS
from pix2pix.translate import Translator
from tests.builders import make_finished_run, tiny_config

KINDS = ("input", "generated", "target")


@pytest.fixture(scope="module")
def folder() -> Path:
    return make_finished_run()[1]


@pytest.fixture(scope="module")
def about(folder) -> dict:
    return ArtifactFolder(folder).read_description()


@pytest.fixture(scope="module")
def metrics(folder) -> dict:
    return ArtifactFolder(folder).read_metrics()


@pytest.fixture(scope="module")
def model_card(folder) -> ModelCard:
    return ModelCard.load(folder / "README.md")


def test_the_folder_has_every_file_of_the_layout_and_no_other(folder):
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert names == {
        "README.md", "config.json", "metadata.json", "model.weights.h5", "generator.onnx",
        "pix2pix.json", "metrics.json", "samples.png", "history.csv", "curves.png",
        "discriminator.weights.h5", "handler.py", "requirements.txt",
        "notebook.ipynb", "thumbnail.png",
        *(f"samples/{number:03d}-{kind}.png" for number in range(5) for kind in KINDS),
    }  # fmt: skip


def test_every_file_is_published_and_all_that_serving_needs_is_served(folder):
    def matching(patterns):
        return {p for pattern in patterns for p in folder.glob(pattern)}

    files = {p for p in folder.rglob("*") if p.is_file()}
    assert matching(PUBLISHED) == files
    not_served = {p.name for p in files - matching(SERVED)}
    assert not_served == {
        "config.json", "metadata.json", "model.weights.h5", "discriminator.weights.h5",
        "handler.py", "requirements.txt",
        "notebook.ipynb", "thumbnail.png",
    }  # fmt: skip


def test_pix2pix_json_has_all_that_reproduction_needs(about):
    run = make_finished_run()[0]
    assert Config.from_dict(about["config"]) == run.config
    assert about["size_multiple"] == 64 and about["columns"] == ["imageA", "imageB"]
    assert about["rows"] == {
        "train": {"split": "train", "start": 0, "stop": 6},
        "held_out": {"split": "train", "start": 6, "stop": 11},
    }
    assert about["skipped_rows"] == {"train": [], "held_out": []}
    assert about["training"] == {"steps": 12, "seconds": 90.0, "device": "a test machine"}
    assert 0 <= about["onnx_max_difference"] < 1 / 255
    assert {"python", "tensorflow", "keras", "onnxruntime"} <= about["versions"].keys()


def test_the_digests_are_the_sha256_of_the_weights(folder, about):
    assert set(about["sha256"]) == {
        "model.weights.h5", "generator.onnx", "discriminator.weights.h5",
    }  # fmt: skip
    for name, digest in about["sha256"].items():
        assert sha256(folder / name) == digest


def test_metrics_json_is_reproduced_by_the_published_graph(folder, metrics):
    """The `Translator` translates each held-out input, and the result is scored."""
    translator, held_out = Translator(folder), make_finished_run()[3].held_out
    legend = evaluation.Legend(metrics["legend"])
    scores = evaluation.score_all(
        lambda x: np.asarray(translator(Image.fromarray(x[0]), mode="fit"))[None],
        held_out, "a_to_b", legend,
    )  # fmt: skip
    assert metrics["held_out_pairs"] == len(scores) == 5
    assert metrics["metrics"] == pytest.approx(scores.summary(), rel=0.01)
    for published, expected in zip(metrics["per_pair"], scores.per_picture(), strict=True):
        assert published == {n: pytest.approx(v, rel=0.01, abs=1e-3) for n, v in expected.items()}


def test_metrics_json_has_the_baselines(metrics):
    assert set(metrics["baselines"]) == {"mean_map", "best_constant", "color_lookup"}
    # In these pairs the target is a function of the input's color.
    assert metrics["baselines"]["color_lookup"]["l1"] < metrics["baselines"]["mean_map"]["l1"]


def test_samples_are_held_out_pairs_with_their_scores(folder, metrics):
    held_out, translator = make_finished_run()[3].held_out, Translator(folder)
    assert [sample["name"] for sample in metrics["samples"]] == [f"{n:03d}" for n in range(5)]
    for sample in metrics["samples"]:
        a, b = held_out[sample["held_out_pair"]]
        files = [Image.open(folder / "samples" / f"{sample['name']}-{kind}.png") for kind in KINDS]
        for image, expected in zip(files, (a, translator.generate(a[None])[0], b), strict=True):
            np.testing.assert_array_equal(np.asarray(image), expected)
        scores = metrics["per_pair"][sample["held_out_pair"]]
        assert {name: sample[name] for name in scores} == scores


def test_the_cards_pictures_have_the_expected_sizes(folder):
    grid, curves = (Image.open(folder / name) for name in ("samples.png", "curves.png"))
    grid.load(), curves.load()
    # Five samples, two in each line, 4 pixels apart, under a line of headings.
    assert grid.size == (6 * 64 + 5 * 4, 3 * 64 + 2 * 4 + card.HEADING_HEIGHT)
    assert min(curves.size) >= 300


def test_history_csv_has_a_header_and_the_logged_rows(folder):
    with (folder / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == ("step", "seconds", *SCALARS)
    assert [row["step"] for row in rows] == ["1", "2", "3"]
    assert float(rows[1]["l1_loss"]) == 0.5


def test_a_history_without_rows_still_has_its_header_and_curves(tmp_path):
    write_history(tmp_path / "history.csv", [])
    card.write_curves(tmp_path / "curves.png", [])
    assert (tmp_path / "history.csv").read_text() == ",".join(("step", "seconds", *SCALARS)) + "\n"
    assert Image.open(tmp_path / "curves.png").width > 300


def test_the_cards_front_matter_has_what_the_hub_reads(model_card):
    data = model_card.data.to_dict()
    assert data["library_name"] == "keras" and data["pipeline_tag"] == "image-to-image"
    assert data["license"] == "apache-2.0" and "pix2pix" in data["tags"]
    assert data["metrics"] == list(METRICS)
    assert "datasets" not in data  # a local folder is not a dataset of the Hub


def test_the_model_index_has_the_values_of_metrics_json(model_card, metrics):
    results = {r.metric_type: r for r in model_card.data.eval_results}
    assert list(results) == list(METRICS)
    for key, result in results.items():
        assert result.metric_name == METRICS[key].label
        assert result.metric_value == pytest.approx(metrics["metrics"][key], abs=5e-5)
        assert (result.task_type, result.dataset_split) == ("image-to-image", "train")


def test_the_card_names_a_hub_dataset_with_its_revision(about, metrics, tmp_path):
    config = about["config"] | {"dataset_name": "huggan/maps", "dataset_revision": "0d523b5"}
    for name, content in (("pix2pix", about | {"config": config}), ("metrics", metrics)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    card.write_card(tmp_path, card.Places("me/pix2pix-maps"))
    written = ModelCard.load(tmp_path / "README.md")
    assert written.data.datasets == ["huggan/maps"]
    assert {r.dataset_revision for r in written.data.eval_results} == {"0d523b5"}
    assert 'Translator.from_pretrained("me/pix2pix-maps")' in written.text
    assert 'load_model("hf://me/pix2pix-maps"' in written.text
    assert "python -m pix2pix evaluate --model me/pix2pix-maps\n" in written.text
    assert "<user>/pix2pix-maps" not in written.text
    assert "[huggan/maps](https://huggingface.co/datasets/huggan/maps)" in written.text
    assert "\n| revision | `0d523b5` |\n" in written.text
    assert "\n| license | none found on its card |\n" in written.text


def test_the_card_has_results_protocol_held_out_rows_and_limits(model_card, metrics):
    text = model_card.text
    assert metrics["protocol"] in text
    assert "rows 6 to 10 of split `train` of `assets/tiny`" in text
    low, high = metrics["intervals"]["l1"]
    cells = [f"{metrics['metrics']['l1']:.2f} [{low:.2f}, {high:.2f}]"]
    cells += [f"{values['l1']:.2f}" for values in metrics["baselines"].values()]
    assert f"\n| L1 (gray levels of 255) | {' | '.join(cells)} |\n" in text
    for metric in METRICS.values():
        assert f"\n| {metric.label} | " in text
    for row in ("| steps | 12 |", "| time | 1.5 minutes |", "| hardware | a test machine |"):
        assert f"\n{row}\n" in text
    assert "## Limits" in text


def test_every_template_field_is_filled_and_every_link_has_a_target(model_card, folder):
    assert "{{" not in model_card.content
    # NumPy's x[None] in a snippet is the only None.
    assert not re.search(r"(?<!\[)\bNone\b", model_card.content)
    for link in re.findall(r"\]\(([^)]+)\)", model_card.text):
        assert link.startswith("https://") or (folder / link).is_file()


def test_the_published_texts_have_no_path_of_this_machine(folder):
    for name in ("README.md", "pix2pix.json", "metrics.json"):
        assert str(folder.parent) not in (folder / name).read_text(encoding="utf-8")


def test_the_python_of_the_card_compiles(model_card):
    snippets = re.findall(r"```python\n(.*?)```", model_card.text, re.DOTALL)
    assert len(snippets) == 4
    for snippet in snippets:
        compile(snippet, "card", "exec")


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(image_size=128),
        Config(image_size=64, load_size=64, seed=3),
        tiny_config(ema_decay=0.999, lr_schedule="linear", direction="b_to_a", gan_loss="hinge"),
        Config(
            dataset_name="my maps/two 'towns'", input_column="aerial photo", target_column="map"
        ),
        Config(dataset_revision="0d523b5", max_train_samples=5, learning_rate=1e-3),
    ],
    ids=["defaults", "128", "no jitter", "tiny", "spaces", "revision"],
)
def test_the_cards_command_gives_the_same_config(config):
    words = shlex.split(card.reproduce_command({"config": config.to_dict()}))
    assert words[:2] == ["python", "train_hub.py"]
    assert flags.parse("about", words[2:])[0] == config


def test_the_command_has_only_settings_that_differ_from_the_defaults():
    assert card.reproduce_command({"config": Config().to_dict()}) == "python train_hub.py"
    small = replace(Config(), image_size=128, load_size=143, seed=7)
    command = card.reproduce_command({"config": small.to_dict()})
    assert command == "python train_hub.py --image_size 128 --seed 7"


def test_samples_of_an_earlier_run_are_deleted(folder, metrics, tmp_path):
    """They would be published, and metrics.json would not have their scores."""
    held_out, translator = make_finished_run()[3].held_out, Translator(folder)
    artifact_writer.write_samples(tmp_path, translator, held_out, metrics["per_pair"])
    artifact_writer.write_samples(tmp_path, translator, held_out[:2], metrics["per_pair"])
    names = {path.name for path in (tmp_path / "samples").iterdir()}
    assert names == {f"{number:03d}-{kind}.png" for number in range(2) for kind in KINDS}


def test_twelve_samples_are_spread_from_the_first_to_the_last_pair(folder, tmp_path):
    pairs, scores = np.repeat(make_finished_run()[3].held_out, 6, axis=0), [{}] * 30
    samples = artifact_writer.write_samples(tmp_path, Translator(folder), pairs, scores)
    indices = [sample["held_out_pair"] for sample in samples]
    assert len(set(indices)) == 12 and (indices[0], indices[-1]) == (0, 29)
