"""What train_hub.py publishes: every file of the layout, and that they agree with each other."""

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

from pix2pix import artifacts, card, cli, evaluation
from pix2pix.config import Config
from pix2pix.evaluation import table
from pix2pix.files import sha256
from pix2pix.hub import PUBLISHED, SERVED
from pix2pix.training.log import write_history
from pix2pix.training.trainer import SCALARS
from pix2pix.translate import Translator
from tests.builders import run_and_folder, tiny_config

KINDS = ("input", "generated", "target")


@pytest.fixture(scope="module")
def folder() -> Path:
    return run_and_folder()[1]


@pytest.fixture(scope="module")
def about(folder) -> dict:
    return json.loads((folder / "pix2pix.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def metrics(folder) -> dict:
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def model_card(folder) -> ModelCard:
    return ModelCard.load(folder / "README.md")


def test_every_file_of_the_layout_is_there_and_nothing_else(folder):
    found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert found == {
        "README.md", "config.json", "metadata.json", "model.weights.h5", "generator.onnx",
        "pix2pix.json", "metrics.json", "samples.png", "history.csv", "curves.png",
        *(f"samples/{number:03d}-{kind}.png" for number in range(5) for kind in KINDS),
    }  # fmt: skip


def test_every_file_is_published_and_serving_leaves_the_keras_weights(folder):
    def matched(patterns):
        return {p for pattern in patterns for p in folder.glob(pattern)}

    everything = {p for p in folder.rglob("*") if p.is_file()}
    assert matched(PUBLISHED) == everything
    left = {p.name for p in everything - matched(SERVED)}
    assert left == {"config.json", "metadata.json", "model.weights.h5"}


def test_pix2pix_json_says_all_that_reproduction_needs(about):
    run = run_and_folder()[0]
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


def test_the_digests_are_those_of_the_weights(folder, about):
    assert set(about["sha256"]) == {"model.weights.h5", "generator.onnx"}
    for name, digest in about["sha256"].items():
        assert sha256(folder / name) == digest


def test_metrics_json_is_reproduced_by_the_published_graph(folder, metrics):
    """Anybody can: the Translator on each held-out input, scored against its target."""
    translator, held_out = Translator(folder), run_and_folder()[3].held_out
    legend = evaluation.Legend(metrics["legend"])
    scores = evaluation.score_all(
        lambda x: np.asarray(translator(Image.fromarray(x[0]), mode="fit"))[None],
        held_out, "a_to_b", legend,
    )  # fmt: skip
    assert metrics["held_out_pairs"] == len(scores) == 5
    assert metrics["metrics"] == pytest.approx(scores.summary(), rel=0.01)
    for found, expected in zip(metrics["per_pair"], scores.per_picture(), strict=True):
        assert found == {n: pytest.approx(v, rel=0.01, abs=1e-3) for n, v in expected.items()}


def test_metrics_json_has_the_baselines_beside_the_model(metrics):
    assert set(metrics["baselines"]) == {"mean_map", "best_constant", "colour_lookup"}
    # The pairs of these tests are a function of the colour, and this generator is untrained.
    assert metrics["baselines"]["colour_lookup"]["l1"] < metrics["baselines"]["mean_map"]["l1"]


def test_samples_are_held_out_pairs_with_their_own_scores(folder, metrics):
    held_out, translator = run_and_folder()[3].held_out, Translator(folder)
    assert [sample["name"] for sample in metrics["samples"]] == [f"{n:03d}" for n in range(5)]
    for sample in metrics["samples"]:
        a, b = held_out[sample["held_out_pair"]]
        files = [Image.open(folder / "samples" / f"{sample['name']}-{kind}.png") for kind in KINDS]
        for image, expected in zip(files, (a, translator.generate(a[None])[0], b), strict=True):
            np.testing.assert_array_equal(np.asarray(image), expected)
        scores = metrics["per_pair"][sample["held_out_pair"]]
        assert {name: sample[name] for name in scores} == scores


def test_the_pictures_of_the_card_can_be_opened(folder):
    grid, curves = (Image.open(folder / name) for name in ("samples.png", "curves.png"))
    grid.load(), curves.load()
    # Five triplets, two a line, 4 pixels apart, under a line of headings.
    assert grid.size == (6 * 64 + 5 * 4, 3 * 64 + 2 * 4 + card.HEADING_HEIGHT)
    assert min(curves.size) >= 300


def test_history_csv_has_a_header_and_the_logged_rows(folder):
    with (folder / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == ("step", "seconds", *SCALARS)
    assert [row["step"] for row in rows] == ["1", "2", "3"]
    assert float(rows[1]["l1_loss"]) == 0.5


def test_a_run_too_short_to_log_still_has_its_header_and_curves(tmp_path):
    write_history(tmp_path / "history.csv", [])
    card.write_curves(tmp_path / "curves.png", [])
    assert (tmp_path / "history.csv").read_text() == ",".join(("step", "seconds", *SCALARS)) + "\n"
    assert Image.open(tmp_path / "curves.png").width > 300


def test_the_cards_front_matter_is_what_the_hub_reads(model_card):
    data = model_card.data.to_dict()
    assert data["library_name"] == "keras" and data["pipeline_tag"] == "image-to-image"
    assert data["license"] == "apache-2.0" and "pix2pix" in data["tags"]
    assert data["metrics"] == list(evaluation.METRICS)
    assert "datasets" not in data  # a local folder is no dataset of the Hub


def test_the_model_index_is_metrics_json(model_card, metrics):
    results = {r.metric_type: r for r in model_card.data.eval_results}
    assert set(results) == set(evaluation.METRICS)
    for name, result in results.items():
        assert result.metric_value == pytest.approx(metrics["metrics"][name], abs=5e-5)
        assert (result.task_type, result.dataset_split) == ("image-to-image", "train")


def test_the_card_names_a_hub_dataset_with_its_revision(about, metrics, tmp_path):
    config = about["config"] | {"dataset_name": "huggan/maps", "dataset_revision": "0d523b5"}
    for name, content in (("pix2pix", about | {"config": config}), ("metrics", metrics)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    card.write_card(tmp_path, "me/pix2pix-maps")
    written = ModelCard.load(tmp_path / "README.md")
    assert written.data.datasets == ["huggan/maps"]
    assert {r.dataset_revision for r in written.data.eval_results} == {"0d523b5"}
    assert 'Translator.from_pretrained("me/pix2pix-maps")' in written.text
    assert 'load_model("hf://me/pix2pix-maps"' in written.text
    assert "python -m pix2pix.evaluation --model me/pix2pix-maps\n" in written.text
    assert "<user>/pix2pix-maps" not in written.text
    assert "[huggan/maps](https://huggingface.co/datasets/huggan/maps)" in written.text
    assert "\n| revision | `0d523b5` |\n" in written.text
    assert "\n| licence | none found on its card |\n" in written.text


def test_the_card_tells_results_protocol_held_out_rows_and_limits(model_card, metrics):
    text = model_card.text
    assert metrics["protocol"] in text
    assert "rows 6 to 10 of split `train` of `assets/tiny`" in text
    low, high = metrics["intervals"]["l1"]
    cells = [f"{metrics['metrics']['l1']:.2f} [{low:.2f}, {high:.2f}]"]
    cells += [f"{values['l1']:.2f}" for values in metrics["baselines"].values()]
    assert f"\n| L1 (grey levels of 255) | {' | '.join(cells)} |\n" in text
    for metric in evaluation.METRICS:
        assert f"\n| {table.LABELS[metric][0]} | " in text
    for row in ("| steps | 12 |", "| time | 1.5 minutes |", "| hardware | a test machine |"):
        assert f"\n{row}\n" in text
    assert "## Limits" in text


def test_a_metrics_json_of_an_earlier_version_still_makes_a_card(about, tmp_path):
    values = {"l1": 2.64, "psnr": 26.76, "ssim": 0.895}
    old = {"protocol": "Mean over all.", "metrics": values, "baselines": {"mean_map": values}}
    for name, content in (("pix2pix", about), ("metrics", old)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    card.write_card(tmp_path)
    assert "| SSIM | 0.895 | 0.895 |" in ModelCard.load(tmp_path / "README.md").text


def test_every_template_field_is_filled_and_every_link_leads_somewhere(model_card, folder):
    assert "{{" not in model_card.content
    assert not re.search(r"(?<!\[)\bNone\b", model_card.content)  # but NumPy's x[None]
    for link in re.findall(r"\]\(([^)]+)\)", model_card.text):
        assert link.startswith("https://") or (folder / link).is_file()


def test_the_card_holds_no_path_of_this_machine(folder):
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
def test_the_command_of_the_card_asks_for_the_same_config(config):
    words = shlex.split(card.reproduce_command({"config": config.to_dict()}))
    assert words[:2] == ["python", "train_hub.py"]
    assert cli.parse("about", words[2:])[0] == config


def test_the_command_names_what_differs_from_the_defaults_alone():
    assert card.reproduce_command({"config": Config().to_dict()}) == "python train_hub.py"
    small = replace(Config(), image_size=128, load_size=143, seed=7)
    command = card.reproduce_command({"config": small.to_dict()})
    assert command == "python train_hub.py --image_size 128 --seed 7"


def test_samples_of_an_earlier_run_do_not_stay_among_the_new_ones(folder, metrics, tmp_path):
    """They would be published beside a metrics.json that does not know them."""
    held_out, translator = run_and_folder()[3].held_out, Translator(folder)
    artifacts.write_samples(tmp_path, translator, held_out, metrics["per_pair"])
    artifacts.write_samples(tmp_path, translator, held_out[:2], metrics["per_pair"])
    left = {path.name for path in (tmp_path / "samples").iterdir()}
    assert left == {f"{number:03d}-{kind}.png" for number in range(2) for kind in KINDS}


def test_a_run_of_many_pairs_publishes_twelve_samples_from_first_to_last(folder, tmp_path):
    pairs, scores = np.repeat(run_and_folder()[3].held_out, 6, axis=0), [{}] * 30
    samples = artifacts.write_samples(tmp_path, Translator(folder), pairs, scores)
    places = [sample["held_out_pair"] for sample in samples]
    assert len(set(places)) == 12 and (places[0], places[-1]) == (0, 29)
