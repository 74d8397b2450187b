"""Publishes the artifacts of a run as one commit of a model repository, or not at all.

Each attempt compares the folder with the main branch first and uploads only the differences. So it
can be repeated at any time: automatically after a lost response, or by the user with --push_only.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pix2pix import version
from pix2pix.artifacts import PUBLISHED, ArtifactFolder
from pix2pix.errors import UserError
from pix2pix.files import sha256
from pix2pix.hub.errors import (
    PUBLISH_LATER_HINT,
    HubUnavailableError,
    hub_errors_as_user_errors,
)
from pix2pix.hub.repositories import (
    NOTHING_DONE_HINT,
    check_write_access,
    list_references,
)

logger = logging.getLogger(__name__)

# Seconds before a failed publish is repeated; the client itself repeats uploads as well.
RETRY_SECONDS, MAX_RETRY_SECONDS = 5, 300


@dataclass(frozen=True)
class Target:
    """Describes where a run publishes.

    Attributes:
        repo_id: the model repository's full id.
        base: the commit of main when the run started; publishing over a later commit would
            overwrite somebody else's changes.
        tag: the tag for the published commit, or None.
        pull_request: whether to open a pull request instead of committing to main.
        recovery_hint: a sentence that says what to type after a failure.
    """

    repo_id: str
    base: str
    tag: str | None = None
    pull_request: bool = False
    recovery_hint: str = PUBLISH_LATER_HINT


def check_can_publish(repo_id: str, tag: str | None = None, pull_request: bool = False) -> str:
    """Checks, without changing anything, that a run can publish to a model repository.

    Returns:
        The full id and whether it exists, as text for the plan.

    Raises:
        UserError: when the token may not write there, or when `tag` exists already.
    """
    with hub_errors_as_user_errors(
        f"The model repository {repo_id}", writes=True, recovery_hint=NOTHING_DONE_HINT
    ):
        repo_id, exists = check_write_access(repo_id, pull_request=pull_request)
        if not exists:
            return f"{repo_id}, which will be created"
        tags = list_references(repo_id)[1]
        if tag in tags:
            raise _tag_is_taken(repo_id, tag, tags[tag])
        return f"{repo_id}, which exists"


def plan_publish(
    repo_id: str,
    tag: str | None = None,
    pull_request: bool = False,
    new: bool = True,
    recovery_hint: str = NOTHING_DONE_HINT,
) -> Target:
    """Returns where a run that starts now will publish.

    Args:
        repo_id: the model repository's full id; it exists.
        tag: the tag for the published commit, or None.
        pull_request: whether to open a pull request instead of committing to main.
        new: whether the run makes new artifacts, for which an existing tag can't be used.
        recovery_hint: a sentence that says what to type after a failure.

    Raises:
        UserError: when the artifacts are new and `tag` exists already, which would otherwise be
            found only after the training.
    """
    main, tags = list_references(repo_id, recovery_hint)
    if new and tag in tags:
        raise _tag_is_taken(repo_id, tag, tags[tag])
    return Target(repo_id, main, tag, pull_request, recovery_hint)


def publish(folder: Path, target: Target) -> str:
    """Publishes the artifacts in `folder`, and returns a sentence that says what was done.

    All changes are one commit on top of the commit they were compared with; without changes there
    is no commit.

    Raises:
        UserError: when publishing fails; main is then unchanged or complete.
    """
    artifacts = ArtifactFolder(folder)
    files = artifacts.list_published()
    artifacts.check_digests()
    try:
        return _publish_once(artifacts, files, target)
    except HubUnavailableError as error:
        seconds = RETRY_SECONDS if error.retry_after is None else error.retry_after
        # If only the response was lost, a repeated request would open a second pull request.
        if target.pull_request or seconds > MAX_RETRY_SECONDS:
            raise
        logger.info("%s. Retrying once in %g s.", error.summary, seconds)
    time.sleep(seconds)
    return _publish_once(artifacts, files, target)


def _publish_once(artifacts: ArtifactFolder, files: dict[str, Path], target: Target) -> str:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api, repo_id, tag = HfApi(), target.repo_id, target.tag
    main, tags = list_references(repo_id, target.recovery_hint)
    with hub_errors_as_user_errors(
        f"Publishing to {repo_id}", writes=True, recovery_hint=target.recovery_hint
    ):
        tree = api.list_repo_tree(repo_id, recursive=True, revision=main)
        changed, removed = find_differences(files, tree)
    if not changed and not removed:
        message = f"Nothing to publish: {page(repo_id)} holds these artifacts already."
        return message + _add_tag(target, main, tags)
    if main != target.base and not target.pull_request:
        raise UserError(
            f"Publishing to {repo_id}: somebody else changed it meanwhile (main was at "
            f"{target.base[:7]} and is at {main[:7]}). Look at the changes first: publishing would "
            f"overwrite them. {target.recovery_hint}"
        )
    if tag in tags:
        raise _tag_is_taken(repo_id, tag, tags[tag])
    operations: list[CommitOperationAdd | CommitOperationDelete]
    operations = [CommitOperationAdd(path, files[path]) for path in changed]
    operations += [CommitOperationDelete(path) for path in removed]
    title, description = _commit_message(artifacts)
    with hub_errors_as_user_errors(
        f"Publishing to {repo_id}", writes=True, recovery_hint=target.recovery_hint
    ):
        commit = api.create_commit(
            repo_id, operations, commit_message=title, commit_description=description,
            parent_commit=main, create_pr=target.pull_request,
        )  # fmt: skip
    if target.pull_request:
        return f"Proposed: {commit.pr_url}"
    return f"Published: {commit.commit_url}" + _add_tag(target, commit.oid, tags)


def find_differences(
    files: dict[str, Path], tree: Iterable, is_published: Callable[[str], bool] | None = None
) -> tuple[list[str], list[str]]:
    """Returns the paths to upload and the paths to delete, so that the Hub holds `files`.

    Only files that are published are deleted, such as surplus samples of an earlier run; files that
    were added by hand stay.

    Args:
        files: the files by their path in the repository.
        tree: the client's listing of the repository.
        is_published: whether a path is one that is published; by default, one of a run.
    """
    is_published = is_published or _is_published
    remote = {entry.path: entry for entry in tree if hasattr(entry, "blob_id")}
    changed = [
        path
        for path, file in files.items()
        if path not in remote or not _has_same_bytes(file, remote[path])
    ]
    return changed, [path for path in sorted(remote) if path not in files and is_published(path)]


def _has_same_bytes(file: Path, entry) -> bool:
    """Returns whether a file equals its entry on the Hub, by size and SHA-256 (LFS) or blob id."""
    if file.stat().st_size != entry.size:
        return False
    if entry.lfs:
        return sha256(file) == entry.lfs.sha256
    content = file.read_bytes()
    digest = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
    return digest.hexdigest() == entry.blob_id


def _is_published(path: str) -> bool:
    # PurePath.match alone would accept a/b/README.md for README.md.
    depth = path.count("/")
    return any(p.count("/") == depth and PurePosixPath(path).match(p) for p in PUBLISHED)


def _commit_message(artifacts: ArtifactFolder) -> tuple[str, str]:
    """Returns the title and the description of the commit."""
    description = artifacts.read_description()
    config, code = description["config"], version.format_code_version(description)
    dataset, revision = config["dataset_name"], config["dataset_revision"]
    pinned = f"{dataset}@{revision[:7]}" if revision else dataset
    steps = f"{description['training']['steps']:,} steps"
    details = [
        f"Dataset: {dataset}" + (f" at revision {revision}" if revision else " (no Hub revision)"),
        f"Code: pix2pix {description['pix2pix_version']}, "
        f"commit {description.get('pix2pix_commit')}",
    ]
    return f"pix2pix: {steps} on {pinned}, code {code}", "\n\n".join(details)


def _add_tag(target: Target, commit: str, tags: dict[str, str]) -> str:
    """Tags `commit` unless it has the target's tag already; returns a line for the user, or ""."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    repo_id, tag = target.repo_id, target.tag
    if not tag:
        return ""
    if tag not in tags:
        with hub_errors_as_user_errors(
            f"{page(repo_id)} is complete, but not tagged {tag}", writes=True,
            recovery_hint=target.recovery_hint,
        ):  # fmt: skip
            try:
                HfApi().create_tag(repo_id, tag=tag, revision=commit)
                tags = {tag: commit}
            except HfHubHTTPError:
                # Somebody else made this tag, or this request did and its response was lost.
                tags = list_references(repo_id, target.recovery_hint)[1]
                if tag not in tags:
                    raise
    if tags[tag] != commit:
        raise _tag_is_taken(repo_id, tag, tags[tag])
    return f"\nIts tag is {tag}."


def _tag_is_taken(repo_id: str, tag: str, commit: str) -> UserError:
    return UserError(
        f"{repo_id} already has the tag {tag}, at {commit[:7]}, and existing tags are never moved: "
        "choose another --hub_tag."
    )


def page(repo_id: str) -> str:
    """Returns the URL of the model's page."""
    from huggingface_hub import HfApi

    return f"{HfApi().endpoint}/{repo_id}"
