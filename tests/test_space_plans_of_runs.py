"""Training, publishing and dry runs name the Space that they create, or are refused before it."""

import shutil
from pathlib import Path

import pytest

import train_hub
from tests.deployed_space import STARTER_MODEL
from tests.hub_server import (
    FREE_ORGANIZATION,
    FREE_TOKEN,
    FREE_USER,
    USER,
    WRITE_TOKEN,
    YOUNG_TOKEN,
    YOUNG_USER,
    HubServer,
)
from tests.published_run import TINY_FLAGS
from tests.space_refusals import (
    GRADIO,
    OR_STATIC,
    OR_ZERO,
    REFUSALS,
    ZERO,
)

SPACE = "run-space"


@pytest.mark.parametrize(
    ("token", "owner", "flags", "refusal"),
    [*REFUSALS[:2], *REFUSALS[4:6], REFUSALS[8]],
    ids=["free", "free-cpu", "young-zero", "free-org", "free-org-zero"],
)
@pytest.mark.parametrize("command", ["publish", "train"])
def test_publish_and_train_are_refused_before_anything_is_done(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, command: str,
    token: str, owner: str, flags: list[str], refusal: str,
):  # fmt: skip
    monkeypatch.setenv("HF_TOKEN", token)
    model = (
        f"{FREE_USER if token == FREE_TOKEN else YOUNG_USER if token == YOUNG_TOKEN else USER}/x"
    )
    names = ["--hub_model_id", model, "--space_id", f"{owner}/{SPACE}", *flags]
    run = [*TINY_FLAGS, "--dataset_name", "assets/sample_maps", "--push_to_hub"]
    if command == "publish":
        shutil.copytree(STARTER_MODEL, tmp_path / "run")
        run = ["--push_only"]
    before = set(hub.store.repos)
    code = train_hub.main([*run, *names, "--output_dir", str(tmp_path / "run")])
    output = capsys.readouterr()
    message = f"train_hub.py: The Space {owner}/{SPACE}: {refusal}\n"
    assert (code, output.err) == (1, message)
    assert set(hub.store.repos) == before
    assert "Training" not in output.out and token not in output.out


DRY_RUNS = [
    (FREE_TOKEN, FREE_USER, [], 0, "will be created as a static Space"),
    (FREE_TOKEN, FREE_USER, ZERO, 0, "will be created as a Gradio Space on zero-a10g"),
    (WRITE_TOKEN, FREE_ORGANIZATION, [], 0, "it will be a static Space instead"),
    (FREE_TOKEN, FREE_USER, GRADIO, 1, "can't be created: a Gradio Space on cpu-basic needs a PRO "
     f"subscription (https://huggingface.co/pro). {OR_STATIC} or {OR_ZERO}.\n"),
]  # fmt: skip


@pytest.mark.parametrize(("token", "owner", "flags", "code", "text"), DRY_RUNS)
def test_a_dry_run_says_which_space_will_be_created_and_creates_none(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, token: str,
    owner: str, flags: list[str], code: int, text: str,
):  # fmt: skip
    monkeypatch.setenv("HF_TOKEN", token)
    before = set(hub.store.repos)
    names = ["--hub_model_id", f"{owner}/x", "--space_id", f"{owner}/{SPACE}", *flags]
    run = [*TINY_FLAGS, "--dataset_name", "assets/sample_maps", "--push_to_hub", "--dry_run"]
    folders = ["--output_dir", str(tmp_path / "run"), "--cache_dir", str(tmp_path)]
    assert train_hub.main([*run, *names, *folders]) == code
    output = capsys.readouterr()
    assert text in (output.err if code else output.out)
    assert set(hub.store.repos) == before and token not in output.out + output.err
