"""Finds the model that a page serves, and the other Spaces of its owner that serve it too."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix.artifacts import GRAPH_FILE, GRID_FILE, REQUIRED, SERVED, THUMBNAIL_FILE
from pix2pix.errors import UserError
from pix2pix.files import sha256
from pix2pix.hub.errors import HubError, hub_errors_as_user_errors
from pix2pix.hub.repositories import commit_and_files, complete_repo_id

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo, SpaceInfo

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class DeployedModel:
    """The model that a Space or a local page serves, at one commit.

    Attributes:
        id: the full id of the model repository.
        revision: the commit.
        restriction: "private" or "gated", or "" when everybody can download it.
        files: the files of the commit that serving reads.
        graph_sha256: the digest of generator.onnx, if the Hub names it, as it does for LFS files.
        datasets: the datasets of its card, or None.
        picture: the file that previews show: thumbnail.png, or the samples of earlier versions, or
            None.
    """

    id: str
    revision: str
    restriction: str
    files: list[str]
    graph_sha256: str | None
    datasets: list[str] | None
    picture: str | None

    @property
    def missing(self) -> str | None:
        """The first file that serving needs and the commit lacks, or None."""
        return next((name for name in REQUIRED if name not in self.files), None)

    @property
    def title(self) -> str:
        """The message of the commit that makes a Space serve this model."""
        return f"Serve {self.id} at {self.revision[:12]}"

    @property
    def short_name(self) -> str:
        """The id with the start of the commit, for messages."""
        return f"{self.id}@{self.revision[:12]}"

    def picture_url(self, endpoint: str) -> str | None:
        """Returns the URL of the picture for previews; None without one that everybody can see."""
        if self.restriction or not self.picture:
            return None
        return f"{endpoint}/{self.id}/resolve/{self.revision}/{self.picture}"

    def read_graph_sha256(self) -> str:
        """Returns the SHA-256 of generator.onnx, and downloads the file if the Hub names none."""
        if self.graph_sha256:
            return self.graph_sha256
        from huggingface_hub import hf_hub_download

        with hub_errors_as_user_errors(f"The model {self.id}"):
            return sha256(Path(hf_hub_download(self.id, GRAPH_FILE, revision=self.revision)))


def find_model(model_id: str) -> DeployedModel:
    """Returns the model at the current commit of its main branch.

    Raises `UserError` when a request fails, or when main has no model that a Space can serve.
    """
    model = read_model(model_id)
    if model.missing:
        raise UserError(
            f"The Space can't serve {model.id}: there is no {model.missing} on its main branch. "
            "Publish there first (or merge its pull request), then use --push_only --space_id."
        )
    return model


def read_model(model_id: str, revision: str | None = None) -> DeployedModel:
    """Returns what the Hub says of a model at a revision, by default of its main branch.

    The commit may lack files. Raises `UserError` when a request fails.
    """
    from huggingface_hub import HfApi

    with hub_errors_as_user_errors(f"The model {model_id}"):
        model_id = complete_repo_id(model_id)
    with hub_errors_as_user_errors(f"The model {model_id}"):
        info = HfApi().model_info(model_id, revision=revision, files_metadata=True)
        commit, siblings = commit_and_files(info)
    files = {sibling.rfilename: sibling for sibling in siblings}
    served = [name for name in files if any(fnmatch(name, pattern) for pattern in SERVED)]
    lfs = files[GRAPH_FILE].lfs if GRAPH_FILE in files else None
    datasets = info.card_data.get("datasets") if info.card_data else None
    digest = lfs.sha256 if lfs else None
    picture = next((name for name in (THUMBNAIL_FILE, GRID_FILE) if name in files), None)
    return DeployedModel(info.id, commit, restriction_of(info), served, digest, datasets, picture)


def restriction_of(info: "ModelInfo") -> str:
    """Returns why not everybody can download a model: "private", "gated", or "" for no reason."""
    return "private" if info.private else "gated" if info.gated else ""


def commit_files(
    space_id: str, head: str | None, files: Mapping[str, Path | bytes], old: list[str], title: str
) -> bool:
    """Adds files to a Space and deletes the `old` ones, in one commit.

    Returns whether anything changed. `head` is the commit that the changes are based on. Errors of
    the client pass through.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    operations: list[CommitOperationAdd | CommitOperationDelete]
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    operations += [CommitOperationDelete(path) for path in old]
    commit = HfApi().create_commit(
        space_id, operations, commit_message=title, repo_type="space", parent_commit=head
    )
    return commit.oid != head


def find_space(owner: str, sdk: str, model_id: str, other_than: str | None = None) -> str | None:
    """Returns a public Space that serves the model, or None.

    Only the Spaces of one owner count, since anybody can name a model in a Space's README.md.
    A failed request gives None: a link is no reason to stop a deployment.

    Args:
        owner: the user or the organization.
        sdk: the kind of Space to look for, "gradio" or "static".
        model_id: the full id of the model.
        other_than: the full id of a Space that does not count, or None.
    """
    try:
        with hub_errors_as_user_errors("The list of Spaces"):
            spaces = _list_spaces(owner, sdk, model_id)
    except HubError as error:
        LOGGER.info("%s. Links to the other Spaces of this model are left out.", error.summary)
        return None
    public = [space.id for space in spaces if not space.private and space.id != other_than]
    return min(public, default=None)


def find_other_space(space_id: str, sdk: str, model_id: str) -> str | None:
    """Returns a public Space of the same owner that serves the model too, as `find_space` does."""
    return find_space(space_id.split("/")[0], sdk, model_id, other_than=space_id)


def list_other_spaces(space_id: str, sdk: str, model_id: str) -> list["SpaceInfo"]:
    """Returns the owner's other Spaces of one kind that serve the model, private ones too.

    The arguments are those of `find_other_space`. Errors of the client pass through.
    """
    spaces = _list_spaces(space_id.split("/")[0], sdk, model_id)
    return [space for space in spaces if space.id != space_id]


def _list_spaces(owner: str, sdk: str, model_id: str) -> list["SpaceInfo"]:
    from huggingface_hub import HfApi

    spaces = HfApi().list_spaces(author=owner, models=model_id)
    return [space for space in spaces if space.sdk == sdk]
