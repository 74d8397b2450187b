"""Cards, Spaces, Jobs, datasets and Keras models on the test Hub, through their real clients."""

import io

import httpx2
import pytest
from huggingface_hub import (
    HfApi,
    ModelCard,
    ModelCardData,
    SpaceCard,
)
from huggingface_hub.errors import (
    BadRequestError,
)

from tests.hub_clients import add_file, authorization_header
from tests.hub_server import WRITE_TOKEN, HubServer


def test_a_pushed_card_sets_the_metadata_of_the_repository(api: HfApi, model_repo: str) -> None:
    data = ModelCardData(library_name="keras", pipeline_tag="image-to-image", license="mit")
    ModelCard(f"---\n{data.to_yaml()}\n---\n# A model").push_to_hub(model_repo, token=WRITE_TOKEN)
    info = api.model_info(model_repo)
    assert (info.library_name, info.pipeline_tag) == ("keras", "image-to-image")
    assert info.card_data.license == "mit"
    assert {"keras", "license:mit"} <= set(info.tags)
    assert ModelCard.load(model_repo).data.to_dict() == data.to_dict()


@pytest.mark.parametrize(
    ("header", "message"),
    [("title: [", "YAML"), ("colorFrom: mauve", "colorFrom"), ("sdk: tkinter", "sdk")],
)
def test_an_invalid_card_is_rejected(api: HfApi, repo_id: str, header: str, message: str) -> None:
    api.create_repo(repo_id, repo_type="space", space_sdk="gradio")
    content = f"---\n{header}\n---\n"
    with pytest.raises(ValueError, match=message):
        api.upload_file(
            path_or_fileobj=content.encode(),
            path_in_repo="README.md",
            repo_id=repo_id,
            repo_type="space",
        )
    assert not api.file_exists(repo_id, "README.md", repo_type="space")


@pytest.mark.parametrize(
    ("header", "message"), [("colorFrom: mauve", "colorFrom"), ("sdk: tkinter", "sdk")]
)
def test_validating_an_invalid_card_names_the_field(
    hub: HubServer, header: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        SpaceCard(f"---\n{header}\n---\n", ignore_metadata_errors=True).validate()


def test_a_space_with_variables_secrets_and_hardware(
    hub: HubServer, api: HfApi, repo_id: str
) -> None:
    api.create_repo(
        repo_id,
        repo_type="space",
        space_sdk="gradio",
        space_variables=[{"key": "MODEL", "value": "tester/model"}],
    )
    api.add_space_variable(repo_id, "MODE", "fast", description="how")
    api.add_space_secret(repo_id, "HF_TOKEN", "s3cret")
    variables = api.get_space_variables(repo_id)
    assert {key: item.value for key, item in variables.items()} == {
        "MODEL": "tester/model",
        "MODE": "fast",
    }
    assert list(api.get_space_secrets(repo_id)) == ["HF_TOKEN"]
    secrets = httpx2.get(
        f"{hub.endpoint}/api/spaces/{repo_id}/secrets", headers=authorization_header(WRITE_TOKEN)
    )
    assert "s3cret" not in secrets.text
    assert hub.store.repo("space", repo_id).secrets["HF_TOKEN"]["value"] == "s3cret"
    assert api.get_space_runtime(repo_id).stage == "NO_APP_FILE"
    api.upload_file(
        path_or_fileobj=b"print()", path_in_repo="app.py", repo_id=repo_id, repo_type="space"
    )
    runtime = api.request_space_hardware(repo_id, "t4-small", sleep_time=600)
    assert (runtime.stage, runtime.hardware, runtime.sleep_time) == ("RUNNING", "t4-small", 600)
    assert api.pause_space(repo_id).stage == "PAUSED"
    assert api.restart_space(repo_id).stage == "RUNNING"
    api.delete_space_variable(repo_id, "MODE")
    api.delete_space_secret(repo_id, "HF_TOKEN")
    assert list(api.get_space_variables(repo_id)) == ["MODEL"]
    assert api.get_space_secrets(repo_id) == {}
    assert api.space_info(repo_id).sdk == "gradio"


def test_a_job_is_recorded_and_its_secrets_are_masked(hub: HubServer, api: HfApi) -> None:
    job = api.run_job(
        image="python:3.12", command=["true"], flavor="t4-small", secrets={"KEY": "s3cret"}
    )
    assert job.status.stage == "SCHEDULING" and job.owner.name == "tester"
    inspected = api.inspect_job(job_id=job.id)
    assert inspected.command == ["true"] and inspected.secrets == {"KEY": "***"}
    assert hub.store.jobs[-1]["secrets"] == {"KEY": "s3cret"}
    assert "t4-small" in {hardware.name for hardware in api.list_jobs_hardware()}
    with pytest.raises(BadRequestError):
        api.run_job(image="python:3.12", command=["true"], flavor="abacus")


def test_parquet_pushed_by_datasets_streams_back(
    hub: HubServer, repo_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "STREAMING_READ_MAX_RETRIES", 1)
    rows = [{"name": f"row {i}", "value": i} for i in range(20)]
    datasets.Dataset.from_list(rows).push_to_hub(repo_id, token=WRITE_TOKEN, num_shards=2)
    streamed = datasets.load_dataset(repo_id, split="train", streaming=True)
    assert list(streamed) == rows
    parts = [path for method, path, code in hub.requests if (method, code) == ("GET", 206)]
    assert any(repo_id in path and path.endswith(".parquet") for path in parts), (
        "streaming did not use range requests"
    )


def test_committed_parquet_streams_at_its_revision(api: HfApi, repo_id: str) -> None:
    import datasets

    api.create_repo(repo_id, repo_type="dataset")
    for values in ([1, 2], [3]):
        buffer = io.BytesIO()
        datasets.Dataset.from_dict({"x": values}).to_parquet(buffer)
        operation = add_file("data/train-00000-of-00001.parquet", buffer.getvalue())
        api.create_commit(repo_id, [operation], commit_message=str(values), repo_type="dataset")
    newest, older, *_ = api.list_repo_commits(repo_id, repo_type="dataset")
    for commit, values in ((newest, [3]), (older, [1, 2])):
        streamed = datasets.load_dataset(
            repo_id, split="train", streaming=True, revision=commit.commit_id
        )
        assert [row["x"] for row in streamed] == values


def test_keras_saves_to_and_loads_from_the_hub(
    hub: HubServer, repo_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Keras passes no token to the client, which then reads HF_TOKEN.
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    import keras
    import numpy as np

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save(f"hf://{repo_id}")
    loaded = keras.saving.load_model(f"hf://{repo_id}", compile=False)
    for saved, read in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(read, saved)
    assert "model.weights.h5" in HfApi().list_repo_files(repo_id)
