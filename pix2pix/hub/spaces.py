"""The Space: this checkout as one commit, serving a published model at a pinned revision."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pix2pix.errors import UserError
from pix2pix.hub.models import SERVED, content
from pix2pix.hub.refusals import check_owner, check_role, explained
from pix2pix.version import ROOT

STARTER_MODEL = "assets/starter_model"
# What the Space runs, and what installing the package from the Space's repository needs.
CODE = [
    "app.py", "train_hub.py", "pyproject.toml", "requirements.txt", "requirements-train.txt",
    "LICENSE", "pix2pix/**/*.py", "pix2pix/**/*.md",
]  # fmt: skip
SHOWN = [f"{STARTER_MODEL}/{pattern}" for pattern in SERVED] + ["assets/sample_maps/README.md"]
# Files below these that the checkout does not have are leftovers of an earlier version.
OWNED = ("pix2pix/", f"{STARTER_MODEL}/")
VARIABLE, FLAG = "PIX2PIX_MODEL", "--space_id"


def is_checkout() -> bool:
    """Whether the package lies in its repository; an installed one has no Space to copy."""
    return (ROOT / "app.py").is_file() and (ROOT / "pyproject.toml").is_file()


def full_id(space_id: str) -> str:
    """`space_id` with its owner, who is the caller where it names none."""
    from huggingface_hub import HfApi

    with _explained(space_id):
        return space_id if "/" in space_id else f"{HfApi().whoami()['name']}/{space_id}"


def check_can_write(space_id: str) -> str:
    """Checks, changing nothing, that the token may write to the Space; says what would happen.

    Raises `UserError` when it may not.
    """
    from huggingface_hub import HfApi

    space_id, api = full_id(space_id), HfApi()
    with _explained(space_id):
        _check_code(space_id)
        me = api.whoami()
        check_role(me, f"The Space {space_id}", FLAG)
        if api.repo_exists(space_id, repo_type="space"):
            api.auth_check(space_id, repo_type="space", write=True)
            return f"{space_id}, which exists"
    check_owner(me, space_id, f"The Space {space_id}", FLAG)
    return f"{space_id}, which will be created"


def prepare_space(space_id: str, private: bool = False) -> str:
    """Creates the Space unless it exists, checks that the token may write to it, and returns its
    full id. Called before the first step, so that nothing fails after days of training."""
    from huggingface_hub import HfApi

    space_id, api = full_id(space_id), HfApi()
    with _explained(space_id):
        _check_code(space_id)
        api.create_repo(
            space_id, repo_type="space", space_sdk="gradio", private=private or None, exist_ok=True
        )
        api.auth_check(space_id, repo_type="space", write=True)
        return space_id


def deploy(space_id: str, model_id: str | None = None) -> str:
    """Brings the Space up to this checkout and to the model on main, and says what it serves.

    One commit, and none when nothing changed. The hardware, other variables, secrets, and files
    that are not of this project stay as they are. An installed package has no checkout: then only
    what names the model changes.

    Args:
        space_id: the Space's full id; it exists.
        model_id: the model to serve, pinned to its commit of now; None keeps what the Space
            serves (the starter model, in a new one).

    Raises:
        UserError: when the Hub refuses, or main of the model holds nothing to serve.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi()
    model = _served(model_id) if model_id else None
    with _explained(space_id):
        head = api.space_info(space_id).sha
        local, remote = checkout_files(), api.list_repo_files(space_id, repo_type="space")
        readme = _readme(space_id, head if "README.md" in remote else None, model)
        gone = [path for path in remote if path.startswith(OWNED) and path not in local]
        operations: list[CommitOperationAdd | CommitOperationDelete]
        operations = [CommitOperationAdd("README.md", readme.encode())]
        operations += [CommitOperationAdd(path, file) for path, file in local.items()]
        operations += [CommitOperationDelete(path) for path in gone if local]
        api.create_commit(
            space_id, operations, commit_message=model.title if model else "Update the code",
            repo_type="space", parent_commit=head,
        )  # fmt: skip
        if model:
            _point(space_id, f"{model.id}@{model.revision}")
    page = f"{api.endpoint}/spaces/{space_id}"
    return f"{page} {model.note(page)}" if model else page


def checkout_files() -> dict[str, Path]:
    """The files of this checkout that the Space gets, by their path in it; none if installed."""
    if not is_checkout():
        return {}
    paths = {path for pattern in CODE + SHOWN for path in ROOT.glob(pattern) if path.is_file()}
    return {path.relative_to(ROOT).as_posix(): path for path in sorted(paths)}


def _check_code(space_id: str) -> None:
    """Refuses a new Space from an installed package, which has no app.py to put there."""
    from huggingface_hub import HfApi

    if not is_checkout() and not HfApi().file_exists(space_id, "app.py", repo_type="space"):
        raise UserError(
            f"The Space {space_id} has no app.py yet, and an installed package brings none: clone "
            "the project and run train_hub.py with --space_id there."
        )


@dataclass(frozen=True)
class _Served:
    """A model as it is on main now."""

    id: str
    revision: str
    private: bool
    files: list[str]
    datasets: list[str] | None

    @property
    def title(self) -> str:
        return f"Serve {self.id} at {self.revision[:12]}"

    @property
    def front_matter(self) -> dict[str, Any]:
        preloaded = f"{self.id} {','.join(self.files)} {self.revision}"
        return {
            "models": [self.id],
            "datasets": self.datasets,
            # Without a token the Space's build could not download a private model.
            "preload_from_hub": None if self.private else [preloaded],
        }

    def note(self, page: str) -> str:
        """What the Space at `page` serves, and what is left to do there."""
        said = f"serves {self.id}@{self.revision[:12]}."
        if self.private:
            said += (
                " The model is private, and no token of yours was copied: for the Space to read "
                f"it, add a secret HF_TOKEN with a read token at {page}/settings."
            )
        return said


def _served(model_id: str) -> _Served:
    from huggingface_hub import HfApi

    with explained(f"The model {model_id}"):
        info = HfApi().model_info(model_id)
        revision, siblings = content(info)
    files = [sibling.rfilename for sibling in siblings]
    if "generator.onnx" not in files:
        raise UserError(
            f"The Space can't serve {model_id}: there is no generator.onnx on its main branch. "
            "Publish there first (merge the pull request, if it waits in one), then use "
            "--push_only --space_id."
        )
    served = [name for name in files if any(fnmatch(name, pattern) for pattern in SERVED)]
    datasets = info.card_data.get("datasets") if info.card_data else None
    return _Served(model_id, revision, bool(info.private), served, datasets)


def _readme(space_id: str, head: str | None, model: _Served | None) -> str:
    """The Space's README.md: this checkout's, with what is served in its front matter.

    `head` is the commit whose README.md names what the Space serves so far, None without one.
    """
    from huggingface_hub import SpaceCard, hf_hub_download

    earlier = None
    if head:
        path = hf_hub_download(space_id, "README.md", repo_type="space", revision=head)
        earlier = SpaceCard(Path(path).read_text(encoding="utf-8"))
    card = earlier
    # An installed package has an earlier Space: prepare_space has refused it otherwise.
    if is_checkout() or not card:
        card = SpaceCard((ROOT / "README.md").read_text(encoding="utf-8"))
    for name in ("models", "datasets", "preload_from_hub"):
        kept = earlier.data.get(name) if earlier else None
        card.data[name] = model.front_matter[name] if model else kept
    return str(card)


def _point(space_id: str, model: str) -> None:
    """Sets the variable, but only to a new value: setting it restarts the Space."""
    from huggingface_hub import HfApi

    api = HfApi()
    known = api.get_space_variables(space_id).get(VARIABLE)
    if known is None or known.value != model:
        api.add_space_variable(
            space_id, VARIABLE, model, description="What the Space serves: id@revision"
        )


def _explained(space_id: str) -> AbstractContextManager[None]:
    return explained(f"The Space {space_id}", writes=True, flag=FLAG)
