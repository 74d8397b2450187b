"""Publishing with train_hub.py --push_only: commits, tags, pull requests and refusals."""

import json
import logging
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi, ModelCard

import train_hub
from pix2pix import UserError
from pix2pix.files import sha256
from pix2pix.hub import plan_publish, publish, set_request_timeout
from tests.commands import ROOT
from tests.hub_server import ORGANIZATION, READ_TOKEN, USER, Fault, HubServer
from tests.hub_server.commits import AddFile

STARTER_MODEL = ROOT / "assets" / "starter_model"


@pytest.fixture
def run(tmp_path: Path, hub: HubServer, logged_in: None) -> Path:
    """The artifacts of a finished run, and a token that may publish them."""
    return shutil.copytree(STARTER_MODEL, tmp_path / "run")


@pytest.fixture
def push(run: Path, repo_id: str, capsys: pytest.CaptureFixture[str]):
    """A function that publishes `run`, and returns the exit code and the last line of output."""

    def push_only(*flags: str, to: str = repo_id) -> tuple[int, str]:
        flags = ("--push_only", "--output_dir", str(run), "--hub_model_id", to, *flags)
        code = train_hub.main(list(flags))
        captured = capsys.readouterr()
        return code, (captured.err or captured.out).strip().splitlines()[-1]

    return push_only


def list_commits(repo_id: str) -> list[str]:
    """Returns the commit ids of main, newest first."""
    return [commit.commit_id for commit in HfApi().list_repo_commits(repo_id)]


def list_tags(repo_id: str) -> dict[str, str]:
    """Returns the commit of each tag."""
    return {tag.name: tag.target_commit for tag in HfApi().list_repo_refs(repo_id).tags}


def commit_by_hand(hub: HubServer, repo_id: str, path: str = "notes.md") -> str:
    """Adds a file to main as somebody else would; returns the commit's id."""
    edit = AddFile(path, hub.store.write_blob(b"by hand"))
    return hub.store.repo("model", repo_id).commit("main", [edit], title="by hand")[0].oid


def test_publishing_twice_makes_one_commit(push, repo_id: str, hub: HubServer):
    code, message = push()
    assert (code, message.split(": ")[0]) == (0, "Published")
    published = list_commits(repo_id)
    first = len(hub.requests)
    code, message = push()
    assert (code, list_commits(repo_id)) == (0, published)
    assert "Nothing to publish" in message and "holds these artifacts already" in message
    assert not [path for method, path, _ in hub.requests[first:] if "/commit/" in path]


def test_a_discriminator_is_left_out_on_request_and_stays_on_this_machine(
    push, run: Path, repo_id: str
):
    name, path = "discriminator.weights.h5", run / "pix2pix.json"
    (run / name).write_bytes(b"weights")
    about = json.loads(path.read_text())
    about["sha256"][name] = sha256(run / name)
    path.write_text(json.dumps(about))
    assert push()[0] == 0 and name in HfApi().list_repo_files(repo_id)
    assert push("--no-publish_discriminator")[0] == 0
    assert name not in HfApi().list_repo_files(repo_id)
    assert json.loads(path.read_text())["sha256"].keys() == about["sha256"].keys() - {name}
    assert (run / name).exists()
    assert "Nothing to publish" in push()[1], "what pix2pix.json does not list is not published"


def test_only_changed_files_are_uploaded(push, run: Path, repo_id: str, hub: HubServer):
    push()
    with (run / "samples.png").open("ab") as file:
        file.write(b"newer")
    first = len(hub.requests)
    assert push()[0] == 0
    assert sum(method == "PUT" for method, _, _ in hub.requests[first:]) == 1
    assert len(list_commits(repo_id)) == 3


def test_samples_of_a_larger_run_are_deleted_and_files_of_other_people_stay(
    push, run: Path, repo_id: str, hub: HubServer
):
    push()
    commit_by_hand(hub, repo_id, "samples/notes/extra.png")
    commit_by_hand(hub, repo_id, "LICENSE")
    for kind in ("input", "generated", "target"):
        (run / "samples" / f"011-{kind}.png").unlink()
    assert push()[0] == 0
    files = HfApi().list_repo_files(repo_id)
    assert "samples/010-input.png" in files and "samples/011-input.png" not in files
    assert {"LICENSE", "samples/notes/extra.png", ".gitattributes"} <= set(files)
    assert len(list_commits(repo_id)) == 5, "one commit for additions and deletions alike"


def test_a_commit_since_the_run_started_is_reported_and_not_overwritten(
    run: Path, push, repo_id: str, hub: HubServer
):
    push()
    target = plan_publish(repo_id, recovery_hint="Then push.")
    theirs = commit_by_hand(hub, repo_id)
    (run / "history.csv").write_text("step\n")
    with pytest.raises(UserError, match=r"somebody else changed it meanwhile .* Then push\."):
        publish(run, target)
    assert list_commits(repo_id)[0] == theirs
    assert push()[0] == 0
    assert "notes.md" in HfApi().list_repo_files(repo_id)


def test_a_commit_between_the_comparison_and_the_publish_is_reported(
    run: Path, push, repo_id: str, hub: HubServer
):
    """The other commit arrives while the Hub delays its response to the preupload request."""
    push()
    (run / "history.csv").write_text("step\n")
    delay = Fault("POST", rf"{repo_id}/preupload/main$", "delay", seconds=2)
    hub.faults.append(delay)

    def commit_first() -> str:
        while delay.times:
            time.sleep(0.01)
        return commit_by_hand(hub, repo_id)

    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(commit_first)
        code, message = push()
    assert code == 1 and "somebody else changed it meanwhile (412)" in message
    assert "--push_only" in message and repo_id in message
    assert list_commits(repo_id)[0] == theirs.result()


def test_a_tag_is_created_once_and_may_be_added_later(push, repo_id: str):
    push()
    code, message = push("--hub_tag", "v1.0")
    assert code == 0 and "Its tag is v1.0" in message
    assert list_tags(repo_id) == {"v1.0": list_commits(repo_id)[0]}
    count = len(list_commits(repo_id))
    assert push("--hub_tag", "v1.0")[0] == 0
    assert len(list_commits(repo_id)) == count == 3, "one is for the card, which names the tag"


def test_an_existing_tag_is_refused_before_the_commit(push, run: Path, repo_id: str):
    push("--hub_tag", "v1.0")
    before = list_commits(repo_id), list_tags(repo_id)
    (run / "history.csv").write_text("step\n")
    code, message = push("--hub_tag", "v1.0")
    assert code == 1
    assert f"already has the tag v1.0, at {before[0][0][:7]}" in message and "--hub_tag" in message
    assert (list_commits(repo_id), list_tags(repo_id)) == before
    assert push("--hub_tag", "v1.1")[0] == 0


def test_an_existing_tag_is_refused_before_the_first_step(
    push, repo_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    push("--hub_tag", "v1.0")
    flags = ["--dataset_name", "assets/sample_maps", "--output_dir", str(tmp_path / "new")]
    flags += ["--push_to_hub", "--hub_model_id", repo_id, "--hub_tag", "v1.0"]
    for extra in ([], ["--dry_run"]):
        assert train_hub.main([*flags, *extra]) == 1
        assert "already has the tag v1.0" in capsys.readouterr().err
    assert not (tmp_path / "new" / "checkpoints").exists()


@pytest.mark.parametrize("tag", ["a b", "", "-x", "v1..2", "v1.lock", "ü", "v1/2", "v1."])
def test_a_tag_that_git_does_not_allow_is_a_usage_error(tag: str, capsys):
    with pytest.raises(SystemExit) as error:
        train_hub.main(["--push_only", f"--hub_tag={tag}"])
    assert error.value.code == 2 and "--hub_tag" in capsys.readouterr().err


def test_a_pull_request_does_not_change_main_and_has_no_tag(push, run: Path, repo_id: str, capsys):
    push()
    before = list_commits(repo_id)
    (run / "history.csv").write_text("step\n")
    code, message = push("--hub_create_pr")
    assert (code, message) == (0, f"Proposed: {HfApi().endpoint}/{repo_id}/discussions/1")
    assert list_commits(repo_id) == before
    pulls = HfApi().list_repo_refs(repo_id, include_pull_requests=True).pull_requests
    assert [pull.ref for pull in pulls] == ["refs/pr/1"]
    with pytest.raises(SystemExit):
        push("--hub_create_pr", "--hub_tag", "v1.0")
    assert "use one of them" in capsys.readouterr().err


def test_anyone_may_open_a_pull_request_but_not_with_a_read_token(
    push, hub: HubServer, monkeypatch
):
    other_repo = "somebody-else/model"
    hub.store.create("model", other_repo)
    assert "may not write" in push(to=other_repo)[1]
    code, message = push("--hub_create_pr", to=other_repo)
    assert code == 0 and f"{other_repo}/discussions/" in message
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    code, message = push("--hub_create_pr", to=other_repo)
    assert code == 1 and "may not write" in message


def test_a_private_repository_is_created_and_a_public_one_is_refused(push, repo_id: str):
    assert push("--hub_private_repo")[0] == 0
    assert HfApi().model_info(repo_id).private
    HfApi().create_repo(repo_id + "-public")
    code, message = push("--hub_private_repo", to=repo_id + "-public")
    assert code == 1 and "exists and is public" in message
    assert len(list_commits(repo_id + "-public")) == 1


def test_a_repository_of_an_organization_and_a_bare_name_are_accepted(push, repo_id: str):
    name = repo_id.split("/")[1]
    assert push(to=f"{ORGANIZATION}/{name}")[0] == 0
    assert "generator.onnx" in HfApi().list_repo_files(f"{ORGANIZATION}/{name}")
    assert push(to=name)[0] == 0
    assert len(list_commits(f"{USER}/{name}")) == 2


def test_the_commit_and_the_card_name_the_dataset_and_the_code(push, run: Path, repo_id: str):
    about = json.loads((run / "pix2pix.json").read_text())
    about["config"] |= {"dataset_name": "huggan/maps", "dataset_revision": "abcdef0123" * 4}
    about["pix2pix_commit"] = "0123456789" * 4
    (run / "pix2pix.json").write_text(json.dumps(about))
    push()
    commit = HfApi().list_repo_commits(repo_id)[0]
    code = f"{about['pix2pix_version']} (commit 0123456)"
    steps = f"{about['training']['steps']:,} steps"
    assert commit.title == f"pix2pix: {steps} on huggan/maps@abcdef0, code {code}"
    assert "abcdef0123" * 4 in commit.message and "0123456789" * 4 in commit.message
    card = ModelCard.load(repo_id).content
    assert "abcdef0123" * 4 in card and code in card


def test_a_run_with_a_missing_file_is_not_published(push, run: Path, repo_id: str):
    (run / "samples.png").unlink()
    code, message = push()
    assert code == 1 and "is not a finished run: samples.png is missing" in message
    assert len(list_commits(repo_id)) == 1


def test_a_run_with_other_weights_is_not_published(push, run: Path, repo_id: str):
    (run / "model.weights.h5").write_bytes(b"of another run")
    code, message = push()
    assert code == 1 and "model.weights.h5 is not the file that pix2pix.json describes" in message
    assert len(list_commits(repo_id)) == 1


def test_a_run_with_an_unreadable_description_is_not_published(push, run: Path, repo_id: str):
    push()
    target = plan_publish(repo_id)
    (run / "pix2pix.json").write_text("{")
    with pytest.raises(UserError, match="pix2pix.json can't be read"):
        publish(run, target)
    assert list_commits(repo_id)[0] == target.base


def test_a_throttled_publish_is_repeated_after_the_time_the_hub_asks_for(
    run: Path, push, repo_id: str, hub: HubServer, caplog: pytest.LogCaptureFixture
):
    push()
    (run / "history.csv").write_text("step\n")
    headers = {"Retry-After": "1"}
    hub.faults.append(Fault("POST", f"{repo_id}/commit/main$", 429, headers=headers))
    caplog.set_level(logging.INFO, "pix2pix")
    assert publish(run, plan_publish(repo_id)).startswith("Published: ")
    reason = f"Publishing to {repo_id}: the Hub throttles requests (429)"
    assert caplog.messages == [f"{reason}. Retrying once in 1 s."]


def test_a_timeout_that_is_not_a_number_is_refused(push, monkeypatch):
    monkeypatch.setenv("PIX2PIX_HUB_TIMEOUT", "soon")
    code, message = push()
    assert code == 1 and "PIX2PIX_HUB_TIMEOUT is 'soon'" in message


def test_a_silent_hub_is_a_timeout(push, repo_id: str, hub: HubServer, monkeypatch):
    """Even where the client itself requests without a timeout."""
    push()
    hub.faults.append(Fault("GET", f"/api/models/{repo_id}$", "delay", seconds=3))
    monkeypatch.setenv("PIX2PIX_HUB_TIMEOUT", "0.5")
    set_request_timeout()
    try:
        with pytest.raises(httpx2.ReadTimeout):
            HfApi().model_info(repo_id, timeout=None)
    finally:
        monkeypatch.delenv("PIX2PIX_HUB_TIMEOUT")
        set_request_timeout()
