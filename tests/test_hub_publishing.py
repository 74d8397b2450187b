"""Publishing with train_hub.py --push_only: what is committed, tagged, proposed and refused."""

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi, ModelCard

import train_hub
from pix2pix import UserError, version
from pix2pix.hub import aim, limit_waiting, publish
from tests.commands import ROOT
from tests.hub_server import ORGANISATION, READ_TOKEN, USER, WRITE_TOKEN, Fault, HubServer
from tests.hub_server.trees import Put

STARTER_MODEL = ROOT / "assets" / "starter_model"


@pytest.fixture
def run(tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run, and a token that may publish it."""
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    return shutil.copytree(STARTER_MODEL, tmp_path / "run")


@pytest.fixture
def push(run: Path, repo_id: str, capsys: pytest.CaptureFixture[str]):
    """Publishes `run` and returns the exit code and what was said last."""

    def pushed(*flags: str, to: str = repo_id) -> tuple[int, str]:
        flags = ("--push_only", "--output_dir", str(run), "--hub_model_id", to, *flags)
        code = train_hub.main(list(flags))
        captured = capsys.readouterr()
        return code, (captured.err or captured.out).strip().splitlines()[-1]

    return pushed


def commits(repo_id: str) -> list[str]:
    """Commit ids, newest first."""
    return [commit.commit_id for commit in HfApi().list_repo_commits(repo_id)]


def tags(repo_id: str) -> dict[str, str]:
    return {tag.name: tag.target_commit for tag in HfApi().list_repo_refs(repo_id).tags}


def edit(hub: HubServer, repo_id: str, path: str = "notes.md") -> str:
    """Somebody else's commit."""
    put = Put(path, hub.store.put(b"by hand"))
    return hub.store.repo("model", repo_id).add("main", [put], title="by hand")[0].oid


def test_publishing_twice_makes_one_commit(push, repo_id: str, hub: HubServer):
    code, said = push()
    assert (code, said.split(": ")[0]) == (0, "Published")
    published = commits(repo_id)
    first = len(hub.requests)
    code, said = push()
    assert (code, commits(repo_id)) == (0, published)
    assert "Nothing to publish" in said and "holds these artifacts already" in said
    assert not [path for method, path, _ in hub.requests[first:] if "/commit/" in path]


def test_only_what_differs_is_sent(push, run: Path, repo_id: str, hub: HubServer):
    push()
    with (run / "samples.png").open("ab") as file:
        file.write(b"newer")
    first = len(hub.requests)
    assert push()[0] == 0
    assert sum(method == "PUT" for method, _, _ in hub.requests[first:]) == 1
    assert len(commits(repo_id)) == 3


def test_samples_of_a_larger_run_go_and_other_peoples_files_stay(
    push, run: Path, repo_id: str, hub: HubServer
):
    push()
    edit(hub, repo_id, "samples/notes/extra.png")
    edit(hub, repo_id, "LICENSE")
    for kind in ("input", "generated", "target"):
        (run / "samples" / f"011-{kind}.png").unlink()
    assert push()[0] == 0
    files = HfApi().list_repo_files(repo_id)
    assert "samples/010-input.png" in files and "samples/011-input.png" not in files
    assert {"LICENSE", "samples/notes/extra.png", ".gitattributes"} <= set(files)
    assert len(commits(repo_id)) == 5, "one commit for additions and deletions alike"


def test_a_change_since_the_run_started_is_reported_and_kept(
    run: Path, push, repo_id: str, hub: HubServer
):
    push()
    target = aim(repo_id, then="Then push.")
    theirs = edit(hub, repo_id)
    (run / "history.csv").write_text("step\n")
    with pytest.raises(UserError, match=r"somebody else changed it meanwhile .* Then push\."):
        publish(run, target)
    assert commits(repo_id)[0] == theirs
    assert push()[0] == 0
    assert "notes.md" in HfApi().list_repo_files(repo_id)


def test_a_change_between_comparing_and_committing_is_reported(
    run: Path, push, repo_id: str, hub: HubServer
):
    """The other commit arrives while the Hub is slow to say how files are to be sent."""
    push()
    (run / "history.csv").write_text("step\n")
    slow = Fault("POST", rf"{repo_id}/preupload/main$", "delay", seconds=2)
    hub.faults.append(slow)

    def overtake() -> str:
        while slow.times:
            time.sleep(0.01)
        return edit(hub, repo_id)

    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(overtake)
        code, said = push()
    assert code == 1 and "somebody else changed it meanwhile (412)" in said
    assert "--push_only" in said and repo_id in said
    assert commits(repo_id)[0] == theirs.result()


def test_a_tag_is_made_once_and_a_missing_one_later(push, repo_id: str):
    push()
    code, said = push("--hub_tag", "v1.0")
    assert code == 0 and "Its tag is v1.0" in said
    assert tags(repo_id) == {"v1.0": commits(repo_id)[0]}
    count = len(commits(repo_id))
    assert push("--hub_tag", "v1.0")[0] == 0
    assert len(commits(repo_id)) == count == 3, "one for the card, whose snippets pin the tag"


def test_a_tag_that_is_taken_stops_before_the_commit(push, run: Path, repo_id: str):
    push("--hub_tag", "v1.0")
    before = commits(repo_id), tags(repo_id)
    (run / "history.csv").write_text("step\n")
    code, said = push("--hub_tag", "v1.0")
    assert code == 1
    assert f"has the tag v1.0 already, at {before[0][0][:7]}" in said and "--hub_tag" in said
    assert (commits(repo_id), tags(repo_id)) == before
    assert push("--hub_tag", "v1.1")[0] == 0


def test_a_tag_that_is_taken_is_found_out_before_the_first_step(
    push, repo_id: str, tmp_path, capsys
):
    push("--hub_tag", "v1.0")
    flags = ["--dataset_name", "assets/sample_maps", "--output_dir", str(tmp_path / "new")]
    flags += ["--push_to_hub", "--hub_model_id", repo_id, "--hub_tag", "v1.0"]
    for extra in ([], ["--dry_run"]):
        assert train_hub.main([*flags, *extra]) == 1
        assert "has the tag v1.0 already" in capsys.readouterr().err
    assert not (tmp_path / "new" / "checkpoints").exists()


@pytest.mark.parametrize("tag", ["a b", "", "-x", "v1..2", "v1.lock", "ü", "v1/2", "v1."])
def test_a_tag_git_would_not_take_is_a_usage_error(tag: str, capsys):
    with pytest.raises(SystemExit) as error:
        train_hub.main(["--push_only", f"--hub_tag={tag}"])
    assert error.value.code == 2 and "--hub_tag" in capsys.readouterr().err


def test_a_pull_request_leaves_main_and_is_not_tagged(push, run: Path, repo_id: str, capsys):
    push()
    before = commits(repo_id)
    (run / "history.csv").write_text("step\n")
    code, said = push("--hub_create_pr")
    assert (code, said) == (0, f"Proposed: {HfApi().endpoint}/{repo_id}/discussions/1")
    assert commits(repo_id) == before
    pulls = HfApi().list_repo_refs(repo_id, include_pull_requests=True).pull_requests
    assert [pull.ref for pull in pulls] == ["refs/pr/1"]
    with pytest.raises(SystemExit):
        push("--hub_create_pr", "--hub_tag", "v1.0")
    assert "use one of them" in capsys.readouterr().err


def test_anyone_may_propose_but_not_with_a_read_token(push, hub: HubServer, monkeypatch):
    theirs = "somebody-else/model"
    if ("model", theirs) not in hub.store.repos:
        hub.store.create("model", theirs)
    assert "may not write" in push(to=theirs)[1]
    code, said = push("--hub_create_pr", to=theirs)
    assert code == 0 and f"{theirs}/discussions/" in said
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    code, said = push("--hub_create_pr", to=theirs)
    assert code == 1 and "may not write" in said


def test_private_means_private(push, repo_id: str):
    assert push("--hub_private_repo")[0] == 0
    assert HfApi().model_info(repo_id).private
    HfApi().create_repo(repo_id + "-public")
    code, said = push("--hub_private_repo", to=repo_id + "-public")
    assert code == 1 and "exists and is public" in said
    assert len(commits(repo_id + "-public")) == 1


def test_an_organisations_repository_and_a_bare_name(push, repo_id: str):
    name = repo_id.split("/")[1]
    assert push(to=f"{ORGANISATION}/{name}")[0] == 0
    assert "generator.onnx" in HfApi().list_repo_files(f"{ORGANISATION}/{name}")
    assert push(to=name)[0] == 0
    assert len(commits(f"{USER}/{name}")) == 2


def test_commit_and_card_name_the_data_and_the_code(push, run: Path, repo_id: str):
    about = json.loads((run / "pix2pix.json").read_text())
    about["config"] |= {"dataset_name": "huggan/maps", "dataset_revision": "abcdef0123" * 4}
    about["pix2pix_commit"] = "0123456789" * 4
    (run / "pix2pix.json").write_text(json.dumps(about))
    push()
    commit = HfApi().list_repo_commits(repo_id)[0]
    code = f"{about['pix2pix_version']} (commit 0123456)"
    assert commit.title == f"pix2pix: 24,000 steps on huggan/maps@abcdef0, code {code}"
    assert "abcdef0123" * 4 in commit.message and "0123456789" * 4 in commit.message
    card = ModelCard.load(repo_id).content
    assert "abcdef0123" * 4 in card and code in card


def test_the_code_version_is_that_of_the_checkout():
    found = version.code_commit()
    assert found is None or len(found.removesuffix(version.CHANGED)) == 40
    assert version.told({"pix2pix_version": "1.0"}) == "1.0"
    changed = {"pix2pix_version": "1.0", "pix2pix_commit": "a" * 40 + version.CHANGED}
    assert version.told(changed) == "1.0 (commit aaaaaaa with local changes)"


@pytest.mark.parametrize("damage", ["missing", "other weights"])
def test_half_a_run_is_not_published(push, run: Path, repo_id: str, damage: str):
    if damage == "missing":
        (run / "samples.png").unlink()
    else:
        (run / "model.weights.h5").write_bytes(b"of another run")
    code, said = push()
    assert code == 1 and ("samples.png" in said or "model.weights.h5" in said)
    assert len(commits(repo_id)) == 1


def test_a_limit_that_is_no_number_is_named(push, monkeypatch):
    monkeypatch.setenv("PIX2PIX_HUB_TIMEOUT", "soon")
    code, said = push()
    assert code == 1 and "PIX2PIX_HUB_TIMEOUT is 'soon'" in said


def test_a_hub_that_says_nothing_is_given_up(push, repo_id: str, hub: HubServer, monkeypatch):
    """Also where the client asks for no limit of its own."""
    push()
    hub.faults.append(Fault("GET", f"/api/models/{repo_id}$", "delay", seconds=3))
    monkeypatch.setenv("PIX2PIX_HUB_TIMEOUT", "0.5")
    limit_waiting()
    try:
        with pytest.raises(httpx2.ReadTimeout):
            HfApi().model_info(repo_id, timeout=None)
    finally:
        monkeypatch.delenv("PIX2PIX_HUB_TIMEOUT")
        limit_waiting()
