"""Finds the commit of a model, and downloads the Keras weights that only a fine-tune needs."""

from pix2pix.artifacts import GRAPH_FILE, WEIGHTS_FILE
from pix2pix.errors import UserError
from pix2pix.hub.errors import hub_errors_as_user_errors
from pix2pix.hub.repositories import commit_and_files


def weights_commit(repo_id: str, revision: str | None = None) -> str:
    """Returns the current commit of a model's `revision`, by default of its main branch.

    Raises `UserError` when it can't be found, or when it has no Keras weights.
    """
    commit, files = _commit_and_names(repo_id, revision)
    if WEIGHTS_FILE not in files:
        raise _missing(repo_id, WEIGHTS_FILE, commit)
    return commit


def graph_commit(repo_id: str, revision: str | None = None) -> str:
    """Returns the current commit of a model's `revision`, by default of its main branch.

    Raises `UserError` when it can't be found, or when it has no graph for serving.
    """
    commit, files = _commit_and_names(repo_id, revision)
    if GRAPH_FILE not in files:
        raise UserError(f"{repo_id} is not a pix2pix model: it has no {GRAPH_FILE}.")
    return commit


def _commit_and_names(repo_id: str, revision: str | None) -> tuple[str, set[str]]:
    from huggingface_hub import HfApi

    with hub_errors_as_user_errors(f"The model {repo_id}"):
        commit, files = commit_and_files(HfApi().model_info(repo_id, revision=revision))
    return commit, {file.rfilename for file in files}


def _missing(repo_id: str, name: str, commit: str) -> UserError:
    return UserError(
        f"{repo_id} has no {name} at {commit[:12]}, so a run can't start from it; choose another "
        "model, or publish this one again."
    )


def fetch_weights(repo_id: str, commit: str, names: list[str]) -> None:
    """Downloads files of a model into the folder of `fetch_model`, unless they are in the cache.

    Args:
        repo_id: the model repository.
        commit: the commit that `fetch_model` returned.
        names: the files.

    Raises:
        UserError: when a file is missing or can't be downloaded.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import RemoteEntryNotFoundError

    with hub_errors_as_user_errors(f"The model {repo_id}"):
        for name in names:
            try:
                hf_hub_download(repo_id, name, revision=commit)
            except RemoteEntryNotFoundError:
                raise _missing(repo_id, name, commit) from None
