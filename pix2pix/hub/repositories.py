"""Repositories on the Hub: ids, access checks, model downloads, and facts about datasets."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pix2pix.artifacts import REQUIRED, SERVED
from pix2pix.errors import UserError
from pix2pix.hub.errors import HubError, hub_errors_as_user_errors, login_hint

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo
    from huggingface_hub.hf_api import RepoSibling

NOTHING_DONE_HINT = "Nothing was done yet; afterwards, start the same command again."
TIMEOUT_VARIABLE, TIMEOUT_SECONDS = "PIX2PIX_HUB_TIMEOUT", "120"


def set_request_timeout() -> None:
    """Sets the timeout of every request of this process that the client sends without one.

    A request fails when the Hub sends nothing for PIX2PIX_HUB_TIMEOUT seconds; without a timeout,
    some requests of the client wait forever. Only for commands, because the whole process shares
    the client's sessions.

    Raises:
        UserError: when the variable is not a number of seconds.
    """
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    value = os.environ.get(TIMEOUT_VARIABLE, TIMEOUT_SECONDS)
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UserError(f"{TIMEOUT_VARIABLE} is {value!r}; set it to a number of seconds above 0.")

    def add_timeout(request) -> None:
        # Many calls pass timeout=None themselves, which overrides a timeout of the session.
        timeouts = request.extensions["timeout"].items()
        request.extensions["timeout"] = {k: seconds if v is None else v for k, v in timeouts}

    def client_with_timeout():
        client = default_client_factory()
        client.event_hooks = {"request": [*client.event_hooks["request"], add_timeout]}
        return client

    set_client_factory(client_with_timeout)


def is_reachable(seconds: float = 10) -> bool:
    """Returns whether the Hub responds to one request.

    A download would show it too, but its retries take minutes when the Hub is down.
    """
    import httpx2
    from huggingface_hub import constants, errors, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=seconds)
    except (httpx2.HTTPError, errors.OfflineModeIsEnabled, OSError):
        return False
    return True


def complete_repo_id(repo_id: str, account: dict | None = None) -> str:
    """Returns `repo_id` as "owner/name"; the token's owner owns a bare name.

    `account` is the response of the client's `whoami`; None requests it when it is needed.
    """
    from huggingface_hub import HfApi

    if "/" in repo_id:
        return repo_id
    return f"{(account or HfApi().whoami())['name']}/{repo_id}"


def check_write_access(
    repo_id: str,
    repo_type: str = "model",
    pull_request: bool = False,
    account: dict | None = None,
    flag: str | None = None,
) -> tuple[str, bool]:
    """Checks, without changing anything, that the token may write to a repository or create it.

    Args:
        repo_id: the repository, with or without its owner.
        repo_type: "model", "space" or "dataset".
        pull_request: whether a pull request is enough, for which read access suffices.
        account: the response of the client's `whoami`; None requests it.
        flag: the flag that names the repository; None for that of a training.

    Returns:
        The full id, and whether the repository exists.

    Raises:
        UserError: when the token may not write there; errors of the client pass through.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    account = account or api.whoami()
    repo_id = complete_repo_id(repo_id, account)
    check_token_role(account, repo_id, repo_type, flag)
    if api.repo_exists(repo_id, repo_type=repo_type):
        api.auth_check(repo_id, repo_type=repo_type, write=not pull_request)
        return repo_id, True
    owners = {account["name"], *(org["name"] for org in account.get("orgs", []))}
    if repo_id.split("/")[0] not in owners:
        raise _write_refusal(repo_id, repo_type, flag)
    return repo_id, False


def check_token_role(
    account: dict, repo_id: str, repo_type: str = "model", flag: str | None = None
) -> None:
    """Raises `UserError` for a read token, which the Hub itself refuses only at the first upload.

    `account` is the response of the client's `whoami`; the others are for the message.
    """
    if account.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise _write_refusal(repo_id, repo_type, flag)


def _write_refusal(repo_id: str, repo_type: str, flag: str | None) -> UserError:
    others = {"space": ("Space", "--space_id"), "dataset": ("dataset", "--hub_dataset_id")}
    name, usual = others.get(repo_type, ("model repository", "--hub_model_id"))
    hint = login_hint(flag or usual)
    return HubError(f"The {name} {repo_id}: this token may not write there", hint)


def prepare_repository(
    repo_id: str,
    private: bool = False,
    pull_request: bool = False,
    recovery_hint: str = NOTHING_DONE_HINT,
) -> str:
    """Creates the model repository unless it exists, and returns its full id.

    Args:
        repo_id: the repository, with or without its owner.
        private: whether the repository has to be private.
        pull_request: whether a pull request is enough, for which read access suffices.
        recovery_hint: a sentence that says what to type after a failure.

    Raises:
        UserError: when the token may not write there, or when a public repository exists and
            `private` is True.
    """
    from huggingface_hub import HfApi

    with hub_errors_as_user_errors(
        f"The model repository {repo_id}", writes=True, recovery_hint=recovery_hint
    ):
        api = HfApi()
        account = api.whoami()
        repo_id = complete_repo_id(repo_id, account)
        check_token_role(account, repo_id)
        api.create_repo(repo_id, private=private or None, exist_ok=True)
        api.auth_check(repo_id, write=not pull_request)
        if private and not api.model_info(repo_id).private:
            raise UserError(
                f"{repo_id} exists and is public: make it private in its settings, choose another "
                f"--hub_model_id, or leave out --hub_private_repo."
            )
        return repo_id


def list_references(
    repo_id: str, recovery_hint: str = NOTHING_DONE_HINT
) -> tuple[str, dict[str, str]]:
    """Returns the commit of the model repository's main branch, and the commit of each tag."""
    from huggingface_hub import HfApi

    with hub_errors_as_user_errors(
        f"The model repository {repo_id}", writes=True, recovery_hint=recovery_hint
    ):
        references = HfApi().list_repo_refs(repo_id)
        branches = {branch.name: branch.target_commit for branch in references.branches}
        return branches["main"], {tag.name: tag.target_commit for tag in references.tags}


def commit_and_files(info: "ModelInfo") -> tuple[str, list["RepoSibling"]]:
    """Returns the commit that `info` describes, and the files of that commit.

    Raises `ValueError`, which `hub_errors_as_user_errors` handles, when the Hub left one out.
    """
    if info.sha is None or info.siblings is None:
        raise ValueError(f"the commit or the files of {info.id} are missing")
    return info.sha, info.siblings


def fetch_model(
    repo_id: str, revision: str | None = None, local_files_only: bool = False
) -> tuple[Path, str]:
    """Downloads the files that serving needs, and returns their folder and commit.

    Args:
        repo_id: the model repository.
        revision: a commit, tag or branch; None for the main branch.
        local_files_only: whether to use the local cache without a request to the Hub.

    Raises:
        UserError: when the model can't be downloaded, or the repository does not hold a pix2pix
            model; in that case only the small pix2pix.json was requested.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    with hub_errors_as_user_errors(f"The model {repo_id}"):
        folder = _fetch_required(repo_id, revision, local_files_only)
        # If the Hub becomes unreachable here, the required files alone are enough to serve.
        with suppress(LocalEntryNotFoundError):
            snapshot_download(
                repo_id, revision=folder.name, allow_patterns=list(SERVED),
                local_files_only=local_files_only,
            )  # fmt: skip
    return folder, folder.name


def _fetch_required(repo_id: str, revision: str | None, local_files_only: bool) -> Path:
    """Downloads the files that every model has into one folder, which is named after the commit.

    The smallest file comes first: its few kB show whether to download the rest, hundreds of MB.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import RemoteEntryNotFoundError

    commit, path = revision, ""
    for name in REQUIRED:
        try:
            path = hf_hub_download(
                repo_id, name, revision=commit, local_files_only=local_files_only
            )
        except RemoteEntryNotFoundError:
            at_revision = f" at {revision}" if revision else ""
            raise UserError(
                f"{repo_id} is not a pix2pix model: it has no {name}{at_revision}; choose a "
                "repository that train_hub.py published."
            ) from None
        commit = Path(path).parent.name
    return Path(path).parent


def dataset_commit(name: str, revision: str | None = None) -> str | None:
    """Returns the current commit of a Hub dataset's `revision`; None for a folder or a URL."""
    if Path(name).exists() or "://" in name:
        return None
    from huggingface_hub import HfApi

    with hub_errors_as_user_errors(f"The dataset {name} (no such folder exists here)"):
        return HfApi().dataset_info(name, revision=revision).sha


def read_dataset_card(name: str, revision: str | None) -> dict[str, Any]:
    """Returns the front matter of a dataset's README.md, such as its license, or {}.

    Args:
        name: a dataset id, or a folder.
        revision: the commit of a dataset on the Hub; None for anything else.

    Raises `UserError` when the request to the Hub fails.
    """
    from huggingface_hub import DatasetCard, HfApi
    from yaml import YAMLError

    try:
        if (path := Path(name) / "README.md").is_file():
            return DatasetCard(path.read_text(encoding="utf-8")).data.to_dict()
        if not revision:
            return {}
        with hub_errors_as_user_errors(f"The dataset {name}"):
            card = HfApi().dataset_info(name, revision=revision).card_data
    except (OSError, TypeError, ValueError, YAMLError):
        return {}  # TypeError: a key in the front matter that is no text
    return card.to_dict() if card else {}
