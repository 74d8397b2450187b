"""Models on the Hub: fetched to be served, published as one commit; and datasets' commits."""

from pathlib import Path

from pix2pix.errors import UserError
from pix2pix.hub.refusals import LOGIN, explained

# What a model repository holds on its main branch: the artifact layout.
PUBLISHED = [
    "README.md", "config.json", "metadata.json", "model.weights.h5", "generator.onnx",
    "pix2pix.json", "metrics.json", "samples.png", "samples/*.png", "history.csv", "curves.png",
]  # fmt: skip
# What serving needs of it: the Keras weights would double the download.
SERVED = [p for p in PUBLISHED if p not in ("config.json", "metadata.json", "model.weights.h5")]


def dataset_commit(name: str, revision: str | None = None) -> str | None:
    """The commit that a Hub dataset's `revision` stands for now; None for a folder or a URL."""
    if Path(name).exists() or "://" in name:
        return None
    from huggingface_hub import HfApi

    with explained(f"The dataset {name} (there is no such folder here)"):
        return HfApi().dataset_info(name, revision=revision).sha


def fetch_model(repo_id: str, revision: str | None = None) -> tuple[Path, str]:
    """Downloads what serving needs, or finds it in the cache; returns the folder and the commit."""
    from huggingface_hub import snapshot_download

    with explained(f"The model {repo_id}"):
        folder = Path(snapshot_download(repo_id, revision=revision, allow_patterns=SERVED))
    # A snapshot folder is named after its commit.
    return folder, folder.name


def check_can_write(repo_id: str) -> str:
    """Checks, changing nothing, that the token may publish to `repo_id`; says what would happen.

    Raises `UserError` when it may not.
    """
    from huggingface_hub import HfApi

    with explained(f"The model repository {repo_id}", writes=True):
        api = HfApi()
        me = api.whoami()
        full_id = repo_id if "/" in repo_id else f"{me['name']}/{repo_id}"
        if api.repo_exists(full_id):
            api.auth_check(full_id, write=True)
            return f"{full_id}, which exists"
    owned = {me["name"], *(org["name"] for org in me.get("orgs", []))}
    role = me.get("auth", {}).get("accessToken", {}).get("role")
    if role == "read" or full_id.split("/")[0] not in owned:
        raise UserError(
            f"The model repository {full_id}: this token may not write there; {LOGIN}, or choose "
            "another --hub_model_id."
        )
    return f"{full_id}, which will be created"


def prepare_repo(repo_id: str, private: bool = False) -> str:
    """Creates the model repository unless it exists, checks that the token may write to it, and
    returns the repository's full id. Called before the first step, so that no run is lost."""
    from huggingface_hub import HfApi

    with explained(f"The model repository {repo_id}", writes=True):
        api = HfApi()
        user = api.whoami()["name"]
        full_id = repo_id if "/" in repo_id else f"{user}/{repo_id}"
        api.create_repo(full_id, private=private or None, exist_ok=True)
        api.auth_check(full_id, write=True)
        return full_id


def publish(folder: Path, repo_id: str, tag: str | None = None) -> str:
    """Uploads the artifacts in `folder` as one atomic commit, tags it, returns its address."""
    from huggingface_hub import CommitOperationAdd, HfApi

    files = sorted({path for pattern in PUBLISHED for path in folder.glob(pattern)})
    operations = [CommitOperationAdd(path.relative_to(folder).as_posix(), path) for path in files]
    with explained(f"Publishing to {repo_id}", writes=True):
        api = HfApi()
        parent = api.model_info(repo_id).sha
        commit = api.create_commit(
            repo_id, operations, commit_message="Publish the generator, its metrics and its card",
            parent_commit=parent,
        )  # fmt: skip
        if tag:
            api.create_tag(repo_id, tag=tag, revision=commit.oid, exist_ok=False)
        return commit.commit_url
