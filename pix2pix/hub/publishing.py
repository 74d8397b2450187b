"""Publishing: the artifacts of a run become one commit of a model repository, or none.

A publish compares the folder with main first and sends what differs. So it may be repeated at any
time, by itself after an answer that was lost or by a person with --push_only: what is there
already is left alone.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pix2pix import version
from pix2pix.errors import UserError
from pix2pix.files import sha256
from pix2pix.hub.models import BEFORE, PUBLISHED, references, tag_is_taken
from pix2pix.hub.refusals import Unavailable, explained

# Seconds before a publish that broke off is tried again; the client itself retries uploads.
WAIT, LONGEST_WAIT = 5, 300


@dataclass(frozen=True)
class Target:
    """Where a run publishes to.

    Attributes:
        repo_id: the model repository's full id.
        base: main's commit when the run started: publishing over a later one would overwrite what
            somebody else did meanwhile.
        tag: what the published commit is called, or None.
        pull_request: propose the commit instead of making it.
        then: a sentence that says what to type after a failure.
    """

    repo_id: str
    base: str
    tag: str | None = None
    pull_request: bool = False
    then: str = ""


def aim(
    repo_id: str,
    tag: str | None = None,
    pull_request: bool = False,
    new: bool = True,
    then: str = BEFORE,
) -> Target:
    """The target of a run that starts now. Raises `UserError` when the artifacts will be `new` and
    `tag` is taken: better now than after the training."""
    main, tags = references(repo_id, then)
    if new and tag in tags:
        raise tag_is_taken(repo_id, tag, tags[tag])
    return Target(repo_id, main, tag, pull_request, then)


def publish(folder: Path, target: Target) -> str:
    """Makes `target` hold the artifacts in `folder`; returns a sentence that says what was done.

    All changes are one commit on top of the state they were compared with; nothing to change, no
    commit. Raises `UserError` when that can't be done: then main is as it was, or complete.
    """
    files = _complete(folder)
    try:
        return _publish_once(folder, files, target)
    except Unavailable as error:
        wait = WAIT if error.retry_after is None else error.retry_after
        # A pull request whose answer was lost would be opened twice.
        if target.pull_request or wait > LONGEST_WAIT:
            raise
        print(f"{str(error).split('. ')[0]}. Trying once more in {wait:g} s.", flush=True)
    time.sleep(wait)
    return _publish_once(folder, files, target)


def _publish_once(folder: Path, files: dict[str, Path], target: Target) -> str:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api, repo_id, tag = HfApi(), target.repo_id, target.tag
    main, tags = references(repo_id, target.then)
    with explained(f"Publishing to {repo_id}", writes=True, then=target.then):
        tree = api.list_repo_tree(repo_id, recursive=True, revision=main)
        changed, gone = differences(files, tree)
    if not changed and not gone:
        return f"Nothing to publish: {_home(repo_id)} holds these artifacts already." + _tag(
            target, main, tags
        )
    if main != target.base and not target.pull_request:
        raise UserError(
            f"Publishing to {repo_id}: somebody else changed it meanwhile (it was at "
            f"{target.base[:7]} and is at {main[:7]}), and their work is not overwritten: look at "
            f"it first. {target.then}"
        )
    if tag in tags:
        raise tag_is_taken(repo_id, tag, tags[tag])
    operations: list[CommitOperationAdd | CommitOperationDelete]
    operations = [CommitOperationAdd(path, files[path]) for path in changed]
    operations += [CommitOperationDelete(path) for path in gone]
    title, details = _messages(folder)
    with explained(f"Publishing to {repo_id}", writes=True, then=target.then):
        commit = api.create_commit(
            repo_id, operations, commit_message=title, commit_description=details,
            parent_commit=main, create_pr=target.pull_request,
        )  # fmt: skip
    if target.pull_request:
        return f"Proposed: {commit.pr_url}"
    return f"Published: {commit.commit_url}" + _tag(target, commit.oid, tags)


def _complete(folder: Path) -> dict[str, Path]:
    """The files to publish by their path in the repository.

    Raises `UserError` when one is missing, or the weights are not those that pix2pix.json
    describes: what a run left that was killed while it wrote.
    """
    missing = [name for name in PUBLISHED if not list(folder.glob(name))]
    if missing:
        raise UserError(f"{folder} is no finished run: {missing[0]} is missing; train to the end.")
    about = json.loads((folder / "pix2pix.json").read_text(encoding="utf-8"))
    for name, digest in about["sha256"].items():
        if sha256(folder / name) != digest:
            raise UserError(
                f"{folder / name} is not the file that pix2pix.json describes (its sha256 "
                "differs): train to the end again, or restore the file."
            )
    found = sorted(path for pattern in PUBLISHED for path in folder.glob(pattern))
    return {path.relative_to(folder).as_posix(): path for path in found}


def differences(files: dict[str, Path], tree: Iterable) -> tuple[list[str], list[str]]:
    """Which of `files` the Hub's `tree` lacks or has otherwise, and which of our kind it has in
    excess, such as the samples of a run that drew more of them. Other files are not looked at."""
    remote = {entry.path: entry for entry in tree if hasattr(entry, "blob_id")}
    changed = [
        path for path, file in files.items() if path not in remote or not _same(file, remote[path])
    ]
    return changed, [path for path in sorted(remote) if path not in files and _is_ours(path)]


def _same(file: Path, entry) -> bool:
    """Whether `file` is the Hub's `entry`: sha256 is what LFS goes by, git's own id the rest."""
    if file.stat().st_size != entry.size:
        return False
    if entry.lfs:
        return sha256(file) == entry.lfs.sha256
    content = file.read_bytes()
    digest = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return digest.hexdigest() == entry.blob_id


def _is_ours(path: str) -> bool:
    parts = path.count("/")
    return any(p.count("/") == parts and PurePosixPath(path).match(p) for p in PUBLISHED)


def _messages(folder: Path) -> tuple[str, str]:
    """Title and description of the commit, from pix2pix.json."""
    about = json.loads((folder / "pix2pix.json").read_text(encoding="utf-8"))
    config, code = about["config"], version.told(about)
    data, revision = config["dataset_name"], config["dataset_revision"]
    pinned = f"{data}@{revision[:7]}" if revision else data
    steps = f"{about['training']['steps']:,} steps"
    details = [
        f"Dataset: {data}" + (f" at revision {revision}" if revision else " (no Hub revision)"),
        f"Code: pix2pix {about['pix2pix_version']}, commit {about.get('pix2pix_commit')}",
    ]
    return f"pix2pix: {steps} on {pinned}, code {code}", "\n\n".join(details)


def _tag(target: Target, commit: str, tags: dict[str, str]) -> str:
    """Gives `commit` the target's tag, unless it has it; says so."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    repo_id, tag = target.repo_id, target.tag
    if not tag:
        return ""
    if tag not in tags:
        what = f"{_home(repo_id)} is complete, but not tagged {tag}"
        with explained(what, writes=True, then=target.then):
            try:
                HfApi().create_tag(repo_id, tag=tag, revision=commit)
                tags = {tag: commit}
            except HfHubHTTPError:
                # Somebody else's tag of that name, or our own whose answer was lost.
                tags = references(repo_id, target.then)[1]
                if tag not in tags:
                    raise
    if tags[tag] != commit:
        raise tag_is_taken(repo_id, tag, tags[tag])
    return f"\nIts tag is {tag}."


def _home(repo_id: str) -> str:
    from huggingface_hub import HfApi

    return f"{HfApi().endpoint}/{repo_id}"
