"""Publishes a folder as a dataset repository in one commit, or not at all."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pix2pix.errors import UserError
from pix2pix.hub.errors import hub_errors_as_user_errors
from pix2pix.hub.publishing import find_differences
from pix2pix.hub.repositories import NOTHING_DONE_HINT, check_write_access

FLAG = "--hub_dataset_id"
# Files of an earlier dataset of the same kind; others, which somebody added by hand, stay.
REPLACED = ("data/", "README.md", "preview.png", "contact_sheet.png", "faults.csv")
IsOurs = Callable[[Mapping[str, Any]], bool]


def check_dataset_repository(repo_id: str, is_ours: IsOurs) -> str:
    """Checks, without changing anything, that a dataset can be published there.

    Args:
        repo_id: the dataset repository, with or without its owner.
        is_ours: whether a dataset whose card has this front matter may be replaced.

    Returns:
        The full id.

    Raises:
        UserError: when the token may not write there, when it is the id of a model, or when a
            dataset that is not ours would be replaced.
    """
    from huggingface_hub import HfApi

    with _hub_errors(repo_id, NOTHING_DONE_HINT):
        repo_id, exists = check_write_access(repo_id, "dataset")
        if not exists:
            if HfApi().repo_exists(repo_id):
                raise UserError(
                    f"{repo_id} is a model on the Hub; choose another {FLAG} for the dataset."
                )
            return repo_id
        _check_replaceable(HfApi().dataset_info(repo_id), is_ours)
    return repo_id


def _check_replaceable(info: Any, is_ours: IsOurs) -> None:
    names = {file.rfilename for file in info.siblings or ()} - {".gitattributes"}
    card = info.card_data.to_dict() if info.card_data else {}
    if names and not is_ours(card):
        raise UserError(
            f"The dataset {info.id} exists on the Hub, and pix2pix pairs did not make it; choose "
            f"another {FLAG}."
        )


def publish_dataset(
    folder: Path, repo_id: str, private: bool, is_ours: IsOurs, title: str, recovery_hint: str
) -> str:
    """Publishes the files in `folder` as one commit, and returns a sentence that says where.

    Creates the repository unless it exists. The commit is refused if somebody else changes the
    dataset meanwhile.

    Args:
        folder: the dataset, with its card.
        repo_id: the full id of the dataset repository.
        private: whether a new repository is private.
        is_ours: whether a dataset whose card has this front matter may be replaced.
        title: the title of the commit.
        recovery_hint: a sentence that says what to type after a failure.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi()
    with _hub_errors(repo_id, recovery_hint):
        api.create_repo(repo_id, repo_type="dataset", private=private or None, exist_ok=True)
        info = api.dataset_info(repo_id)
        if private and not info.private:
            raise UserError(
                f"{repo_id} exists and is public: make it private in its settings, choose another "
                f"{FLAG}, or leave out --hub_private_repo. {recovery_hint}"
            )
        _check_replaceable(info, is_ours)
        files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
        tree = api.list_repo_tree(repo_id, repo_type="dataset", recursive=True, revision=info.sha)
        changed, removed = find_differences(files, tree, lambda path: path.startswith(REPLACED))
        page = f"{api.endpoint}/datasets/{repo_id}"
        if not changed and not removed:
            return f"Nothing to publish: {page} holds this dataset already."
        operations: list[CommitOperationAdd | CommitOperationDelete]
        operations = [CommitOperationAdd(path, files[path]) for path in sorted(changed)]
        operations += [CommitOperationDelete(path) for path in removed]
        api.create_commit(
            repo_id, operations, commit_message=title, repo_type="dataset", parent_commit=info.sha
        )
    return f"Published: {page}"


def _hub_errors(repo_id: str, recovery_hint: str):
    return hub_errors_as_user_errors(
        f"The dataset {repo_id}", writes=True, recovery_hint=recovery_hint, flag=FLAG
    )
