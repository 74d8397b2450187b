"""Deploys this checkout, in one commit, as a Space that serves a model at a pinned commit."""

from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pix2pix.artifacts import GRAPH_FILE, SERVED, STARTER_FOLDER
from pix2pix.errors import UserError
from pix2pix.hub.errors import hub_errors_as_user_errors
from pix2pix.hub.repositories import check_write_access, commit_and_files, complete_repo_id
from pix2pix.version import ROOT

# What the Space runs, and what pip needs to install the package from the Space's repository.
CODE = [
    "app.py", "train_hub.py", "pyproject.toml", "requirements.txt", "requirements-train.txt",
    "requirements-geo.txt", "LICENSE", "pix2pix/**/*.py", "pix2pix/**/*.md", "pix2pix/py.typed",
]  # fmt: skip
# The documents that README.md links to.
DOCUMENTS = ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md"]
ASSETS = [f"{STARTER_FOLDER}/{pattern}" for pattern in SERVED] + ["assets/sample_maps/README.md"]
# In these folders, a file that the checkout does not have is left from an earlier version.
OWN_FOLDERS = ("pix2pix/", f"{STARTER_FOLDER}/")
MODEL_VARIABLE, FLAG = "PIX2PIX_MODEL", "--space_id"


def is_checkout() -> bool:
    """Returns whether this is a checkout of the project; an installed package has no app.py."""
    return (ROOT / "app.py").is_file() and (ROOT / "pyproject.toml").is_file()


def check_can_deploy(space_id: str) -> str:
    """Checks, without changing anything, that the Space can be deployed.

    Returns:
        The full id and whether it exists, as text for the plan.

    Raises:
        UserError: when the token may not write there.
    """
    with hub_errors_as_user_errors(f"The Space {space_id}", writes=True, flag=FLAG):
        space_id = complete_repo_id(space_id)
        _check_has_code(space_id)
        space_id, exists = check_write_access(space_id, "space")
    return f"{space_id}, which {'exists' if exists else 'will be created'}"


def check_can_serve(model_id: str) -> str:
    """Returns the full id of a model that a Space can serve.

    Raises `UserError` when a request fails, or main of the model holds no graph to serve.
    """
    return _find_model(model_id).id


def prepare_space(space_id: str, private: bool = False) -> str:
    """Creates the Space unless it exists, and returns its full id.

    Called before the first step, so that missing access does not cost a whole run.
    Raises `UserError` when the token may not write there.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    with hub_errors_as_user_errors(f"The Space {space_id}", writes=True, flag=FLAG):
        space_id = complete_repo_id(space_id)
        _check_has_code(space_id)
        api.create_repo(
            space_id, repo_type="space", space_sdk="gradio", private=private or None, exist_ok=True
        )
        api.auth_check(space_id, repo_type="space", write=True)
    return space_id


def deploy_space(space_id: str, model_id: str | None = None) -> str:
    """Updates the Space to this checkout and to the newest commit of the model.

    Makes one commit, or none when nothing changed. The hardware, other variables, secrets, and
    files that are not part of this project stay as they are. From an installed package, only the
    lines that name the model change.

    Args:
        space_id: the Space's full id; it exists.
        model_id: the model to serve, pinned to the current commit of its main branch; None keeps
            the model that the Space serves (in a new Space, the starter model).

    Returns:
        The URL of the Space and the model it serves, as text for the user.

    Raises:
        UserError: when a request fails, or main of the model holds no graph to serve.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi()
    model = _find_model(model_id) if model_id else None
    with hub_errors_as_user_errors(f"The Space {space_id}", writes=True, flag=FLAG):
        head = api.space_info(space_id).sha
        local, remote = list_checkout_files(), api.list_repo_files(space_id, repo_type="space")
        readme = _readme(space_id, head if "README.md" in remote else None, model)
        removed = [path for path in remote if path.startswith(OWN_FOLDERS) and path not in local]
        operations: list[CommitOperationAdd | CommitOperationDelete]
        operations = [CommitOperationAdd("README.md", readme.encode())]
        operations += [CommitOperationAdd(path, file) for path, file in local.items()]
        operations += [CommitOperationDelete(path) for path in removed if local]
        api.create_commit(
            space_id, operations, commit_message=model.title if model else "Update the code",
            repo_type="space", parent_commit=head,
        )  # fmt: skip
        if model:
            _set_model_variable(space_id, f"{model.id}@{model.revision}")
    page = f"{api.endpoint}/spaces/{space_id}"
    return f"{page} {model.describe(page)}" if model else page


def list_checkout_files() -> dict[str, Path]:
    """Returns the files of this checkout that the Space gets, by path; {} without a checkout."""
    if not is_checkout():
        return {}
    patterns = CODE + DOCUMENTS + ASSETS
    paths = {path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    return {path.relative_to(ROOT).as_posix(): path for path in sorted(paths)}


def _check_has_code(space_id: str) -> None:
    """Raises `UserError` for a new Space when an installed package has no app.py to put there."""
    from huggingface_hub import HfApi

    if not is_checkout() and not HfApi().file_exists(space_id, "app.py", repo_type="space"):
        raise UserError(
            f"The Space {space_id} has no app.py yet, and an installed package brings none: clone "
            "the project and run train_hub.py with --space_id there."
        )


@dataclass(frozen=True)
class _Model:
    """The model that a Space serves, at the current commit of its main branch."""

    id: str
    revision: str
    private: bool
    served_files: list[str]
    datasets: list[str] | None

    @property
    def title(self) -> str:
        return f"Serve {self.id} at {self.revision[:12]}"

    @property
    def front_matter(self) -> dict[str, Any]:
        preloaded = f"{self.id} {','.join(self.served_files)} {self.revision}"
        return {
            "models": [self.id],
            "datasets": self.datasets,
            # The build of the Space has no token, so it can't download a private model.
            "preload_from_hub": None if self.private else [preloaded],
        }

    def describe(self, page: str) -> str:
        """Returns text for the user about the served model, and a secret to add at `page`/settings.

        `page` is the URL of the Space.
        """
        text = f"serves {self.id}@{self.revision[:12]}."
        if self.private:
            text += (
                " The model is private, and your token was not copied: for the Space to read the "
                f"model, add a secret HF_TOKEN with a read token at {page}/settings."
            )
        return text


def _find_model(model_id: str) -> _Model:
    from huggingface_hub import HfApi

    with hub_errors_as_user_errors(f"The model {model_id}"):
        model_id = complete_repo_id(model_id)
        info = HfApi().model_info(model_id)
        revision, siblings = commit_and_files(info)
    files = [sibling.rfilename for sibling in siblings]
    if GRAPH_FILE not in files:
        raise UserError(
            f"The Space can't serve {model_id}: there is no {GRAPH_FILE} on its main branch. "
            "Publish there first (or merge its pull request), then use --push_only --space_id."
        )
    served = [name for name in files if any(fnmatch(name, pattern) for pattern in SERVED)]
    datasets = info.card_data.get("datasets") if info.card_data else None
    return _Model(model_id, revision, bool(info.private), served, datasets)


def _readme(space_id: str, head: str | None, model: _Model | None) -> str:
    """Returns this checkout's README.md with the served model in its front matter.

    `head` is the commit of the Space whose README.md names the current model; None if it has none.
    """
    from huggingface_hub import SpaceCard, hf_hub_download

    deployed = None
    if head:
        path = hf_hub_download(space_id, "README.md", repo_type="space", revision=head)
        deployed = SpaceCard(Path(path).read_text(encoding="utf-8"))
    card = deployed
    # Without a checkout there is a deployed card: prepare_space refuses a new Space then.
    if is_checkout() or not card:
        card = SpaceCard((ROOT / "README.md").read_text(encoding="utf-8"))
    for name in ("models", "datasets", "preload_from_hub"):
        deployed_value = deployed.data.get(name) if deployed else None
        card.data[name] = model.front_matter[name] if model else deployed_value
    return str(card)


def _set_model_variable(space_id: str, value: str) -> None:
    """Sets PIX2PIX_MODEL if it has another value, because each change restarts the Space."""
    from huggingface_hub import HfApi

    api = HfApi()
    variable = api.get_space_variables(space_id).get(MODEL_VARIABLE)
    if variable is None or variable.value != value:
        api.add_space_variable(
            space_id, MODEL_VARIABLE, value, description="The model the Space serves: id@revision"
        )
