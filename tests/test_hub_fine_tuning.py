"""Fine-tuning a model of the Hub: its pinned commit, its files, the card, a resumed run, a job."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import HfApi, ModelCard

import train_hub
from pix2pix import UserError
from pix2pix.artifacts import ArtifactFolder
from pix2pix.card import write_card
from pix2pix.commands import evaluate, job
from pix2pix.commands.base_model import choose_model, find_model
from pix2pix.config import Config
from pix2pix.flags import parse
from pix2pix.training import checkpoints, same_run
from tests.builders import make_finished_run, tiny_config
from tests.hub_server import HubServer

pytestmark = pytest.mark.usefixtures("hub", "logged_in")
FLAGS = ["--dataset_name", "assets/sample_maps", "--max_train_samples", "4"]
FLAGS += ["--validation_samples", "2"]
SAMPLE_STEPS = ["--sample_steps", "0"]


@pytest.fixture
def base(api: HfApi, model_repo: str) -> str:
    """The id of a published model whose generator and discriminator have random weights."""
    api.upload_folder(repo_id=model_repo, folder_path=make_finished_run()[1])
    return model_repo


def requested_paths(hub: HubServer, repo_id: str) -> list[str]:
    return [path for _, path, _ in hub.requests if repo_id in path]


def test_a_tag_is_pinned_and_the_weights_are_downloaded_once(base: str, api: HfApi, hub: HubServer):
    api.create_tag(base, tag="v1")
    commit = api.model_info(base).sha
    api.delete_file("model.weights.h5", base)
    config, model = choose_model(Config.of_recipe(init_from=f"{base}@v1"), None)
    assert config.init_from == model.pinned_name == f"{base}@{commit}"
    assert (model.name, model.revision, config.generator_filters) == (base, commit, 4)
    assert model.weights.discriminator.name == "discriminator.weights.h5"
    count = len(requested_paths(hub, base))
    assert find_model(f"{base}@{commit}") == model
    assert not [p for p in requested_paths(hub, base)[count:] if "weights.h5" in p]


def test_a_model_without_keras_weights_is_refused(base: str, api: HfApi, capsys):
    api.delete_file("model.weights.h5", base)
    reason = f"{base} has no model.weights.h5 at .*, so a run can't start from it"
    with pytest.raises(UserError, match=reason):
        find_model(base)
    with pytest.raises(UserError, match=reason):
        job._pin_model(tiny_config(init_from=base))
    assert train_hub.main([*FLAGS, "--init_from", base, "--dry_run"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_discriminator_that_was_deleted_on_the_hub_is_reported(base: str, api: HfApi):
    api.delete_file("discriminator.weights.h5", base)
    with pytest.raises(UserError, match=f"{base} has no discriminator.weights.h5 at"):
        find_model(base)


def test_a_dry_run_shows_what_the_run_starts_from(base: str, api: HfApi, tmp_path: Path, capsys):
    folders = ["--output_dir", str(tmp_path / "run"), "--cache_dir", str(tmp_path / "cache")]
    assert train_hub.main([*FLAGS, "--init_from", base, "--dry_run", *folders]) == 0
    output = capsys.readouterr().out
    commit = api.model_info(base).sha
    assert f"starts from: {base}@{commit}, its generator and its discriminator (--" in output
    parameters = f"{make_finished_run()[2].count_params():,} parameters"
    assert f"generator: {parameters}" in output, "of the model's size, not of the default one"
    flags = [*FLAGS, "--init_from", base, "--generator_filters", "8", "--dry_run", *folders]
    assert train_hub.main(flags) == 1
    assert "Set --generator_filters 4, as in the model" in capsys.readouterr().err


def test_a_job_gets_the_pinned_model_and_only_the_flags_that_were_given(base: str, api: HfApi):
    config, _ = parse("", ["--init_from", base, "--image_size", "64", "--warmup_steps", "9"])
    pinned = job._pin_model(config)
    assert pinned.init_from == f"{base}@{api.model_info(base).sha}"
    options = parse("", ["--hf_job", "t4-small", "--hub_model_id", "me/x"])[1]
    command = job.build(pinned, options, "git+https://github.com/me/pix2pix", True).command
    words = " ".join(command)
    assert f"--init_from {pinned.init_from}" in words
    assert "--image_size 64" in words and "--warmup_steps 9" in words
    assert "--generator_filters" not in words, "the job takes it from the model"


def test_a_job_can_not_read_a_folder(capsys):
    flags = ["--hf_job", "t4-small", "--hub_model_id", "me/x", "--dataset_name", "me/pairs"]
    assert train_hub.main([*flags, "--init_from", "assets/starter_model"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "--init_from assets/starter_model is on this machine, where a job can't read" in line
    assert "pix2pix publish" in line


def test_a_run_that_resumes_its_checkpoint_needs_no_model(tmp_path: Path, capsys):
    own = tiny_config(init_from="me/base@abc", warmup_steps=3)
    record = {"model": {"name": "me/base"}, "scores": {}}
    path = checkpoints.save(tmp_path, 2, own, {}, {}, None, record)
    checkpoint = checkpoints.read_checkpoint(path)
    assert checkpoint.base_model == record
    flags = ["--init_from", "me/gone", "--dataset_name", own.dataset_name, "--max_train_steps"]
    given = parse("", [*flags, "12", "--warmup_steps", "3"])[0]
    same_run.check_same_run(given, checkpoint)
    assert choose_model(given, checkpoint) == (own, None)
    assert (
        "goes on from its own checkpoint, so --init_from has no effect" in capsys.readouterr().out
    )
    other = replace(given, generator_filters=8, inherited=())
    with pytest.raises(UserError, match=r"generator_filters \(4 -> 8\)"):
        same_run.check_same_run(choose_model(other, checkpoint)[0], checkpoint)
    plain = checkpoints.save(tmp_path, 3, tiny_config(), {}, {})
    assert checkpoints.read_checkpoint(plain).base_model is None


def test_an_encoder_can_not_be_frozen_in_a_run_that_did_not_start_from_a_model(tmp_path: Path):
    checkpoint = checkpoints.read_checkpoint(checkpoints.save(tmp_path, 2, tiny_config(), {}, {}))
    given = parse("", ["--init_from", "me/base", "--freeze_encoder"])[0]
    with pytest.raises(UserError, match="did not start from a model, so --freeze_encoder can't be"):
        choose_model(given, checkpoint)


@pytest.mark.parametrize("revision", ["0123456789abcdef", None])
def test_the_card_names_the_base_model_and_its_scores(tmp_path: Path, revision: str | None):
    folder = tmp_path / "model"
    shutil.copytree(make_finished_run()[1], folder)
    name = "me/base" if revision else "runs/base"
    about = json.loads((folder / "pix2pix.json").read_text())
    digests = {"model.weights.h5": "1", "discriminator.weights.h5": "2"}
    about["base_model"] = {"name": name, "revision": revision, "sha256": digests}
    about["config"]["init_from"] = f"{name}@{revision}" if revision else name
    (folder / "pix2pix.json").write_text(json.dumps(about))
    report = json.loads((folder / "metrics.json").read_text())
    report["base_model"] = {"metrics": {"l1": 98.765}, "intervals": {"l1": [97, 99.5]}}
    (folder / "metrics.json").write_text(json.dumps(report))
    write_card(folder)
    card = ModelCard.load(folder / "README.md")
    front = card.data.to_dict()
    assert "| this model [95 % interval] | base model, before | mean map |" in card.text
    assert "| 98.77 [97.00, 99.50] |" in card.text
    assert "The base model was measured on the same pairs before the training." in card.text
    if revision:
        assert (front["base_model"], front["base_model_relation"]) == (name, "finetune")
        place = f"[me/base](https://huggingface.co/me/base/tree/{revision}) at `{revision}`"
        assert f"| base model | {place}: generator and discriminator |" in card.text
        assert f"--init_from me/base@{revision}" in card.text
    else:
        assert not {"base_model", "base_model_relation"} & front.keys()
        assert "| base model | `runs/base`, a folder: generator and discriminator |" in card.text


def test_damaged_scores_of_the_base_model_are_one_error(tmp_path: Path):
    for number, broken in enumerate([{"metrics": {"l1": "low"}, "intervals": {}}, {}, 3]):
        (tmp_path / "metrics.json").write_text(json.dumps({"metrics": {}, "base_model": broken}))
        with pytest.raises(UserError, match=r"metrics\.json can't be read"):
            ArtifactFolder(tmp_path).read_metrics()
        assert number < 3


@pytest.mark.slow
def test_a_fine_tune_is_published_and_resumed_without_its_base(
    base: str, repo_id: str, api: HfApi, hub: HubServer, tmp_path: Path, capsys
):
    tuned = f"{repo_id}-tuned"
    folders = ["--output_dir", str(tmp_path / "run"), "--cache_dir", str(tmp_path / "cache")]
    flags = [*FLAGS, *SAMPLE_STEPS, *folders, "--init_from", base, "--resume_from_checkpoint"]
    flags += ["latest", "--push_to_hub", "--hub_model_id", tuned, "--max_train_steps"]
    assert train_hub.main([*flags, "2"]) == 0
    output = capsys.readouterr().out
    commit = api.model_info(base).sha
    assert f"Starting from {base}@{commit}, its generator and its discriminator" in output
    artifacts = ArtifactFolder(tmp_path / "run")
    about, report = artifacts.read_description(), artifacts.read_metrics()
    digests = ArtifactFolder(make_finished_run()[1]).read_description()["sha256"]
    del digests["generator.onnx"]
    assert about["base_model"] == {"name": base, "revision": commit, "sha256": digests}
    front = ModelCard.load(tuned).data.to_dict()
    assert (front["base_model"], front["base_model_relation"]) == (base, "finetune")
    assert "discriminator.weights.h5" in api.list_repo_files(tuned)

    # What the card says of the base model is what `pix2pix evaluate` measures.
    scores = tmp_path / "scores.json"
    arguments = ["--model", base, "--dataset_name", "assets/sample_maps", "--validation_samples"]
    arguments += ["2", "--cache_dir", str(tmp_path / "cache"), "--output", str(scores)]
    assert evaluate.main(arguments) == 0
    measured = json.loads(scores.read_text())["metrics"]
    assert report["base_model"]["metrics"]["l1"] == pytest.approx(measured["l1"], rel=1e-6)

    api.delete_repo(base)
    count = len(hub.requests)
    assert train_hub.main([*flags, "4"]) == 0
    assert not [path for _, path, _ in hub.requests[count:] if f"{base}/" in path]
    resumed, scores = artifacts.read_description(), artifacts.read_metrics()
    assert resumed["base_model"] == about["base_model"]
    assert resumed["config"]["init_from"] == f"{base}@{commit}"
    assert scores["base_model"] == report["base_model"]
    assert resumed["sha256"] != about["sha256"]

    assert train_hub.main([*flags, "4", "--no-publish_discriminator"]) == 0
    assert "discriminator.weights.h5" not in api.list_repo_files(tuned)
    assert "discriminator.weights.h5" not in artifacts.read_description()["sha256"]
