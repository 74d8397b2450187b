"""Writes this checkout, and the model to serve, into a Gradio Space."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pix2pix.artifacts import SERVED, STARTER_FOLDERS
from pix2pix.errors import UserError
from pix2pix.hub.deployed_model import DeployedModel, commit_files
from pix2pix.hub.space_plan import FREE_CPU, ZERO_GPU
from pix2pix.version import ROOT

if TYPE_CHECKING:
    from huggingface_hub import SpaceInfo

# What the Space runs, and what pip needs to install the package from the Space's repository.
CODE = [
    "app.py", "train_hub.py", "pyproject.toml", "requirements.txt", "requirements-train.txt",
    "requirements-geo.txt", "requirements-pairs.txt", "LICENSE", "pix2pix/**/*.py",
    "pix2pix/**/*.md", "pix2pix/py.typed",
]  # fmt: skip
# The documents that README.md links to.
DOCUMENTS = ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md"]
ASSETS = [f"{folder}/{pattern}" for folder in STARTER_FOLDERS for pattern in SERVED]
ASSETS += ["assets/sample_maps/README.md"]
# The canvas of the tab Draw is made of modules of the browser page; `web/ort` is there only where
# the operator has put ONNX Runtime's files.
PAGE = ["web/**/*.*"]
# In these folders, a file that the checkout does not have is left from an earlier version.
OWN_FOLDERS = (
    "pix2pix/", "web/draw/", "web/engine/", "web/page/", "web/pixels/",
    *(f"{folder}/" for folder in STARTER_FOLDERS),
)  # fmt: skip
MODEL_VARIABLE, BROWSER_VARIABLE = "PIX2PIX_MODEL", "PIX2PIX_BROWSER_SPACE"
DESCRIPTIONS = {
    MODEL_VARIABLE: "The model the Space serves: id@revision",
    BROWSER_VARIABLE: "The static Space of the same model, for a link",
}
# ZeroGPU machines have 3.10.13 and 3.12.12, of which Keras and NumPy need the newer one.
ZERO_GPU_PYTHON = "3.12"
COSTS = {
    FREE_CPU: "2 CPUs for all visitors, no extra cost",
    ZERO_GPU: "free; it translates on the CPU, so visitors spend no GPU quota",
}


def is_checkout() -> bool:
    """Returns whether this is a checkout of the project; an installed package has no app.py."""
    return (ROOT / "app.py").is_file() and (ROOT / "pyproject.toml").is_file()


def check_has_files(space_id: str) -> None:
    """Raises `UserError` for a new Space when an installed package has no app.py to put there."""
    from huggingface_hub import HfApi

    if not is_checkout() and not HfApi().file_exists(space_id, "app.py", repo_type="space"):
        raise UserError(
            f"The Space {space_id} has no app.py yet, and an installed package brings none: clone "
            "the project and run train_hub.py with --space_id there."
        )


def find_hardware(space_id: str) -> str | None:
    """Returns the hardware that the Space runs on, or will run on; None if the Hub names none."""
    from huggingface_hub import HfApi

    runtime = HfApi().get_space_runtime(space_id)
    return runtime.requested_hardware or runtime.hardware


def list_checkout_files() -> dict[str, Path]:
    """Returns the files of this checkout that the Space gets, by path; {} without a checkout."""
    if not is_checkout():
        return {}
    patterns = CODE + DOCUMENTS + ASSETS + PAGE
    paths = {path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    return {path.relative_to(ROOT).as_posix(): path for path in sorted(paths)}


def update_space(
    space_id: str, info: "SpaceInfo", model: DeployedModel | None, browser_space: str | None
) -> str:
    """Commits the changed files and sets the variables; returns what the Space serves, as text.

    If nothing changed, the text starts with "is up to date".

    `browser_space` is a static Space of the same model that the app links to, or None. The
    hardware, other variables, secrets, and files that are not part of this project stay as they
    are. From an installed package, only the lines that name the model change. Errors of the client
    pass through.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    hardware = find_hardware(space_id)
    local, remote = list_checkout_files(), api.list_repo_files(space_id, repo_type="space")
    readme = _readme(space_id, info.sha if "README.md" in remote else None, model, hardware)
    old = [path for path in remote if path.startswith(OWN_FOLDERS) and path not in local]
    is_changed = commit_files(
        space_id, info.sha, {**local, "README.md": readme.encode()}, old if local else [],
        model.title if model else "Update the code",
    )  # fmt: skip
    if not model:
        return ""
    value = f"{model.id}@{model.revision}"
    variables = {BROWSER_VARIABLE: browser_space, MODEL_VARIABLE: value}
    is_changed = _set_variables(space_id, variables) or is_changed
    start = "" if is_changed else "is up to date and "
    page = f"{api.endpoint}/spaces/{space_id}"
    return f"{start}{_describe(model, hardware)} {_describe_secret(model, page)}".rstrip()


def link_to(space_id: str, browser_space: str, model_id: str) -> None:
    """Makes a Gradio Space that this program deployed for the model link to a static Space."""
    from huggingface_hub import HfApi

    served = HfApi().get_space_variables(space_id).get(MODEL_VARIABLE)
    if served and str(served.value).partition("@")[0] == model_id:
        _set_variables(space_id, {BROWSER_VARIABLE: browser_space})


def unlink(space_id: str, browser_space: str) -> None:
    """Removes the link to a static Space that this program gave a Gradio Space."""
    from huggingface_hub import HfApi

    variable = HfApi().get_space_variables(space_id).get(BROWSER_VARIABLE)
    if variable and variable.value == browser_space:
        _set_variables(space_id, {BROWSER_VARIABLE: None})


def _describe(model: DeployedModel, hardware: str | None) -> str:
    cost = COSTS.get(hardware or FREE_CPU, "billed by the hour")
    return f"serves {model.short_name} with Gradio on {hardware or FREE_CPU} ({cost})."


def _describe_secret(model: DeployedModel, page: str) -> str:
    """Returns what to add to the Space whose URL is `page`, if the model is not public."""
    if not model.restriction:
        return ""
    return (
        f"The model is {model.restriction}, and your token was not copied: for the Space to read "
        f"the model, add a secret HF_TOKEN with a read token at {page}/settings."
    )


def _readme(
    space_id: str, head: str | None, model: DeployedModel | None, hardware: str | None
) -> str:
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
    served = _front_matter(model) if model else {}
    for name in ("models", "datasets", "thumbnail", "preload_from_hub"):
        deployed_value = deployed.data.get(name) if deployed else None
        card.data[name] = served[name] if model else deployed_value
    if hardware == ZERO_GPU:
        # For those who duplicate the Space: a free account may host it on this hardware only.
        card.data["suggested_hardware"] = ZERO_GPU
        card.data["python_version"] = ZERO_GPU_PYTHON
    return str(card)


def _front_matter(model: DeployedModel) -> dict[str, Any]:
    from huggingface_hub import HfApi

    preloaded = f"{model.id} {','.join(model.files)} {model.revision}"
    return {
        "models": [model.id],
        "datasets": model.datasets,
        "thumbnail": model.picture_url(HfApi().endpoint),
        # The build of the Space has no token, so it can't download a private model.
        "preload_from_hub": None if model.restriction else [preloaded],
    }


def _set_variables(space_id: str, values: dict[str, str | None]) -> bool:
    """Sets the variables that have another value, because each change restarts the Space.

    None deletes a variable that this program set; one that the operator set stays as it is.
    Returns whether any variable changed.
    """
    from huggingface_hub import HfApi

    api, is_changed = HfApi(), False
    current = api.get_space_variables(space_id)
    for name, value in values.items():
        variable = current.get(name)
        if value is not None and (variable is None or variable.value != value):
            api.add_space_variable(space_id, name, value, description=DESCRIPTIONS[name])
        elif value is None and variable and variable.description == DESCRIPTIONS[name]:
            api.delete_space_variable(space_id, name)
        else:
            continue
        is_changed = True
    return is_changed
