"""Models on the Hub: fetched to be served, checked before a run; and datasets' commits."""

from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix.errors import UserError
from pix2pix.hub.refusals import check_owner, check_role, explained

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo
    from huggingface_hub.hf_api import RepoSibling

# What a model repository holds on its main branch: the artifact layout.
PUBLISHED = [
    "README.md", "config.json", "metadata.json", "model.weights.h5", "generator.onnx",
    "pix2pix.json", "metrics.json", "samples.png", "samples/*.png", "history.csv", "curves.png",
]  # fmt: skip
# What serving needs of it: the Keras weights would double the download.
SERVED = [p for p in PUBLISHED if p not in ("config.json", "metadata.json", "model.weights.h5")]

# What a repository needs to be a pix2pix model, the smallest first.
REQUIRED = ("pix2pix.json", "generator.onnx")
BEFORE = "Nothing was done yet; afterwards, start the same command again."


def reachable(seconds: float = 10) -> bool:
    """Whether the Hub answers at all: asked once, where a download would try for minutes."""
    import httpx2
    from huggingface_hub import constants, errors, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=seconds)
    except (httpx2.HTTPError, errors.OfflineModeIsEnabled, OSError):
        return False
    return True


def fetch_model(
    repo_id: str, revision: str | None = None, local_files_only: bool = False
) -> tuple[Path, str]:
    """Downloads what serving needs, or finds it in the cache; returns the folder and the commit.

    Raises `UserError` when it can't be had, and for a repository that holds no pix2pix model:
    then its description is all that was asked for.
    """
    from huggingface_hub import hf_hub_download, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RemoteEntryNotFoundError

    with explained(f"The model {repo_id}"):
        commit = revision
        # The description first: a few kB tell whether the rest is worth its hundreds of MB.
        for name in REQUIRED:
            try:
                # A file lies in a folder named after its commit, which the others then share.
                path = hf_hub_download(
                    repo_id, name, revision=commit, local_files_only=local_files_only
                )
                found = Path(path).parent
                commit = found.name
            except RemoteEntryNotFoundError:
                raise UserError(
                    f"{repo_id} is not a pix2pix model: it has no {name}"
                    f"{f' at {revision}' if revision else ''}; choose a repository that "
                    "train_hub.py published."
                ) from None
        try:
            path = snapshot_download(
                repo_id,
                revision=commit,
                allow_patterns=SERVED,
                local_files_only=local_files_only,
            )
            folder = Path(path)
        except LocalEntryNotFoundError:
            # The Hub went away after the two files that serving can't do without.
            folder = found
    return folder, found.name


def check_can_write(repo_id: str, tag: str | None = None, pull_request: bool = False) -> str:
    """Checks, changing nothing, that the token may publish to `repo_id`; says what would happen.

    Raises `UserError` when it may not, or `tag` is taken.
    """
    from huggingface_hub import HfApi

    with explained(f"The model repository {repo_id}", writes=True, then=BEFORE):
        api = HfApi()
        me = api.whoami()
        full_id = repo_id if "/" in repo_id else f"{me['name']}/{repo_id}"
        what = f"The model repository {full_id}"
        check_role(me, what)
        if api.repo_exists(full_id):
            # Whoever may read it may open a pull request.
            api.auth_check(full_id, write=not pull_request)
            tags = references(full_id)[1]
            if tag in tags:
                raise tag_is_taken(full_id, tag, tags[tag])
            return f"{full_id}, which exists"
    check_owner(me, full_id, what)
    return f"{full_id}, which will be created"


def prepare_repo(
    repo_id: str, private: bool = False, pull_request: bool = False, then: str = BEFORE
) -> str:
    """Creates the model repository unless it exists, checks that the token may write to it (or
    propose a change), and returns the repository's full id. Called before the first step, so that
    no run is lost; `then` is what to type after a refusal."""
    from huggingface_hub import HfApi

    with explained(f"The model repository {repo_id}", writes=True, then=then):
        api = HfApi()
        me = api.whoami()
        full_id = repo_id if "/" in repo_id else f"{me['name']}/{repo_id}"
        check_role(me, f"The model repository {full_id}")
        api.create_repo(full_id, private=private or None, exist_ok=True)
        api.auth_check(full_id, write=not pull_request)
        if private and not api.model_info(full_id).private:
            raise UserError(
                f"{full_id} exists and is public: make it private in its settings, choose another "
                f"--hub_model_id, or leave out --hub_private_repo."
            )
        return full_id


def references(repo_id: str, then: str = BEFORE) -> tuple[str, dict[str, str]]:
    """main's commit, and that of each tag."""
    from huggingface_hub import HfApi

    with explained(f"The model repository {repo_id}", writes=True, then=then):
        references = HfApi().list_repo_refs(repo_id)
        branches = {branch.name: branch.target_commit for branch in references.branches}
        return branches["main"], {tag.name: tag.target_commit for tag in references.tags}


def content(info: "ModelInfo") -> tuple[str, list["RepoSibling"]]:
    """The commit that `info` is about, and its files. Raises `ValueError`, which `explained` knows,
    when the Hub left one out."""
    if info.sha is None or info.siblings is None:
        raise ValueError(f"no commit or no files of {info.id}")
    return info.sha, info.siblings


def tag_is_taken(repo_id: str, tag: str, commit: str) -> UserError:
    return UserError(
        f"{repo_id} has the tag {tag} already, at {commit[:7]}, and tags don't move: choose "
        "another --hub_tag."
    )
