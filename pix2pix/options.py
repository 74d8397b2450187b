"""Declares where a training run reads, writes and publishes, in one frozen dataclass."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pix2pix.errors import UserError
from pix2pix.fields import check_settings, setting
from pix2pix.names import is_repository_name

# Git's rules for tag names, and none of its special characters.
TAG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.|$|lock$))*")

ExportFormat = Literal["saved_model", "tflite", "onnx", "keras"]
SpaceSdk = Literal["auto", "gradio", "static"]
SPACE_SDK_HELP = (
    "kind of a new Space; gradio: a server, which needs a paid plan or ZeroGPU; static: a page "
    "that runs the model in the visitor's browser, free for every account; auto: gradio where the "
    "account may host it, else static. An existing Space keeps its kind"
)
SPACE_HARDWARE_HELP = (
    "hardware of a Gradio Space, e.g. cpu-basic, cpu-upgrade, or zero-a10g, which is free; the "
    "Space translates on the CPU, so a GPU does not make it faster"
)


@dataclass(frozen=True)
class Options:
    """Where a run reads, writes and publishes; nothing here changes the weights.

    Raises `UserError` for a value that is not allowed.
    """

    cache: Literal["disk", "memory", "none"] = setting(
        "disk",
        "where decoded pairs are kept; disk or memory: each pair is decoded once; none: each epoch "
        "streams the dataset again",
        group="this machine",
    )
    cache_dir: Path | None = setting(
        None, "folder of the pair cache", default_help="~/.cache/pix2pix", local=True
    )
    output_dir: Path = setting(
        Path("runs/pix2pix"), "folder for checkpoints and artifacts", local=True
    )
    overwrite_output_dir: bool = setting(
        False, "replace the model and the checkpoints of another run in --output_dir", local=True
    )
    publish_discriminator: bool = setting(
        True, "write and publish the discriminator too, which --init_from can start from"
    )
    publish_formats: tuple[ExportFormat, ...] = setting(
        (),
        "formats in which the generator is written and published in addition: saved_model for "
        "TensorFlow Serving, tflite for phones, onnx with float32 kernels, keras as one file",
        default_help="none",
    )
    sample_steps: int = setting(
        1000, "steps between sample grids in <output_dir>/progress; 0: none", at_least=0
    )
    checkpointing_steps: int = setting(
        1000, "steps between checkpoints; 0: only at the end", at_least=0
    )
    checkpoints_total_limit: int = setting(3, "number of checkpoints to keep", at_least=1)
    resume_from_checkpoint: str | None = setting(
        None,
        "checkpoint to continue from; latest: the newest in <output_dir>; hub: the newest of the "
        "model repository and <output_dir>; else the path of a checkpoint. Without a checkpoint, "
        "latest and hub start from the first step",
        default_help="start from the first step",
        may_be_path=True,
    )
    report_to: Literal["none", "tensorboard", "trackio"] = setting(
        "none",
        "live curves; tensorboard writes to <output_dir>/runs, which is published with the model",
    )
    dry_run: bool = setting(
        False, "check everything and print the plan, without training", local=True
    )
    push_to_hub: bool = setting(False, "publish the artifacts to the Hub", group="Hub")
    hub_model_id: str | None = setting(
        None, "model repository, e.g. <user>/pix2pix-maps", default_help="name of --output_dir"
    )
    hub_private_repo: bool = setting(False, "create the model repository as a private one")
    hub_tag: str | None = setting(
        None, "Git tag of the published commit, e.g. v1.0", default_help="no tag"
    )
    hub_create_pr: bool = setting(False, "open a pull request instead of committing to main")
    hub_strategy: Literal["end", "every_save"] = setting(
        "end",
        "end: publish after the training; every_save: also upload each checkpoint to the branch "
        "`checkpoints` of the model repository",
    )
    push_only: bool = setting(False, "publish the artifacts in <output_dir>, without training")
    space_id: str | None = setting(
        None,
        "Space to create or update from this checkout after publishing, so that it serves the "
        "model",
        default_help="no Space",
    )
    space_sdk: SpaceSdk = setting("auto", SPACE_SDK_HELP)
    space_hardware: str | None = setting(None, SPACE_HARDWARE_HELP, default_help="the Hub's choice")
    trackio_space_id: str | None = setting(
        None,
        "static Space for the curves that trackio logged, public and free for every account; "
        "publishing without training only links to an existing one",
        default_help="the curves stay on this machine",
    )
    hf_job: str | None = setting(
        None,
        "hardware of Hugging Face Jobs to train on instead of this machine, e.g. a10g-small",
        group="Hugging Face Jobs",
        default_help="train on this machine",
        local=True,
    )
    hf_job_timeout: str = setting(
        "12h", "longest duration of the job: a number and s, m, h or d", local=True
    )
    hf_job_source: str | None = setting(
        None,
        "URL that the job installs this package from",
        default_help="the Space of --space_id",
        local=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.pushes and not self.hub_model_id:
            object.__setattr__(self, "hub_model_id", self.output_dir.resolve().name)
        self._check_hub_flags()
        if self.hub_strategy == "every_save" and not self.push_to_hub:
            raise UserError("--hub_strategy every_save needs --push_to_hub.")
        if self.publish_formats and self.push_only:
            raise UserError(
                "--publish_formats writes exports at the end of a training: leave it out, and "
                "--push_only publishes those that --output_dir has."
            )
        if self.resume_from_checkpoint == "hub" and not self.hub_model_id:
            raise UserError("--resume_from_checkpoint hub needs --hub_model_id.")

    def _check_hub_flags(self) -> None:
        for flag in ("hub_tag", "hub_create_pr", "hub_private_repo"):
            if getattr(self, flag) and not self.pushes:
                raise UserError(f"--{flag} has no effect without --push_to_hub: add it.")
        for flag in ("hub_model_id", "space_id", "trackio_space_id"):
            name = getattr(self, flag)
            if name is not None and not is_repository_name(name):
                raise UserError(
                    f"--{flag} is {name!r}, which is no name of a repository; use letters, digits, "
                    "'.', '-' and '_', e.g. <user>/pix2pix-maps."
                )
        check_space_flags(self.space_id, self.space_sdk, self.space_hardware)
        if self.space_sdk == "static" and self.hub_private_repo:
            raise UserError(
                "A static Space can't read a private model: leave out --hub_private_repo, or use "
                "--space_sdk gradio."
            )
        self._check_dashboard()
        self._check_tag()

    def _check_dashboard(self) -> None:
        if self.trackio_space_id is None:
            return
        if self.report_to != "trackio" and not self.push_only:
            raise UserError("--trackio_space_id has no effect without --report_to trackio: add it.")
        if self.space_id and _may_be_same(self.trackio_space_id, self.space_id):
            raise UserError("--trackio_space_id and --space_id name the same Space; choose two.")
        if self.hub_private_repo:
            raise UserError(
                "The dashboard of --trackio_space_id is public: leave it out, or leave out "
                "--hub_private_repo."
            )

    def _check_tag(self) -> None:
        if self.hub_tag is None:
            return
        if not TAG.fullmatch(self.hub_tag):
            raise UserError(
                f"--hub_tag is {self.hub_tag!r}; use letters, digits, '.', '-' and '_', e.g. v1.0."
            )
        if self.hub_create_pr:
            raise UserError(
                "--hub_tag names a commit on main and --hub_create_pr does not change main: "
                "use one of them."
            )

    @property
    def pushes(self) -> bool:
        """Whether the run writes to the model repository."""
        return self.push_to_hub or self.push_only or self.hf_job is not None

    @property
    def model_id(self) -> str:
        """`hub_model_id`, which is always set in a run that pushes or resumes from the Hub."""
        return require_flag(self.hub_model_id, "--hub_model_id")


def check_space_flags(space_id: str | None, sdk: SpaceSdk, hardware: str | None) -> None:
    """Raises `UserError` for flags of a Space that contradict each other or have no effect."""
    if not space_id and (sdk != "auto" or hardware):
        flag = "--space_hardware" if hardware else "--space_sdk"
        raise UserError(f"{flag} has no effect without --space_id: add it.")
    if sdk == "static" and hardware:
        raise UserError(
            f"A static Space has no hardware: leave out --space_hardware {hardware}, or use "
            "--space_sdk gradio."
        )


def _may_be_same(name: str, other: str) -> bool:
    """Returns whether two names of Spaces may be one; a name without owner has the token's."""
    (owner, _, short), (other_owner, _, other_short) = (
        full.rpartition("/") for full in (name, other)
    )
    return short == other_short and (not owner or not other_owner or owner == other_owner)


def require_flag(value: str | None, flag: str) -> str:
    """Returns `value`, and raises `UserError` when the `flag` was not given."""
    if value is None:
        raise UserError(f"{flag} is missing.")
    return value
