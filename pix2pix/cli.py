"""Command lines: one flag a field of a dataclass, such as `Config` and `Options`."""

import argparse
import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pix2pix.config import Config, option
from pix2pix.errors import UserError

CACHES = ("disk", "memory", "none")
REPORTS = ("none", "tensorboard", "trackio")
TAG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.|$|lock$))*")
STRATEGIES = ("end", "every_save")


@dataclass(frozen=True)
class Options:
    """Where a run reads, writes and publishes: nothing here changes the weights."""

    cache: str = option(
        "disk",
        "disk or memory: pairs are decoded once; none: streamed each epoch",
        choices=CACHES,
        group="this machine",
    )
    cache_dir: Path | None = option(None, "folder of the pair cache (~/.cache/pix2pix)", Path)
    output_dir: Path = option(Path("runs/pix2pix"), "folder for the artifacts", Path)
    sample_steps: int = option(1000, "steps between grids in <output_dir>/progress, 0: none", int)
    checkpointing_steps: int = option(1000, "steps between checkpoints, 0: only at the end", int)
    checkpoints_total_limit: int = option(3, "checkpoints to keep", int)
    resume_from_checkpoint: str | None = option(
        None,
        "latest (of <output_dir>), hub (of the model repository, or of <output_dir> if that is "
        "newer): both start afresh when there is none; or a checkpoint's path",
    )
    report_to: str = option(
        "none", "live curves: tensorboard (in <output_dir>/tensorboard) or trackio", choices=REPORTS
    )
    dry_run: bool = option(False, "check everything, print the plan, train nothing", bool)
    push_to_hub: bool = option(False, "publish the artifacts to the Hub", bool, group="Hub")
    hub_model_id: str | None = option(None, "model repository, e.g. <user>/pix2pix-maps")
    hub_private_repo: bool = option(False, "create the repository as a private one", bool)
    hub_tag: str | None = option(None, "tag for the published commit, e.g. v1.0")
    hub_create_pr: bool = option(False, "open a pull request instead of committing to main", bool)
    hub_strategy: str = option(
        "end",
        "end: publish when trained; every_save: also keep the newest checkpoints on the branch "
        "checkpoints of the model repository",
        choices=STRATEGIES,
    )
    push_only: bool = option(False, "train nothing: publish what <output_dir> holds", bool)
    space_id: str | None = option(
        None, "after publishing, create or update this Space from this checkout, with the model"
    )
    hf_job: str | None = option(
        None,
        "train on Hugging Face Jobs instead of here, on this hardware, e.g. a10g-small",
        group="Hugging Face Jobs",
    )
    hf_job_timeout: str = option("12h", "a job's longest time: number and s, m, h or d")
    hf_job_source: str | None = option(
        None, "URL that a job installs this package from (the Space of --space_id)"
    )

    def __post_init__(self) -> None:
        if self.pushes and not self.hub_model_id:
            object.__setattr__(self, "hub_model_id", Path(self.output_dir).resolve().name)
        self._check_tag()
        if self.checkpoints_total_limit < 1:
            raise UserError("--checkpoints_total_limit must be at least 1.")
        if self.hub_strategy == "every_save" and not self.push_to_hub:
            raise UserError("--hub_strategy every_save needs --push_to_hub.")
        if self.resume_from_checkpoint == "hub" and not self.hub_model_id:
            raise UserError("--resume_from_checkpoint hub needs --hub_model_id.")
        for name in ("sample_steps", "checkpointing_steps"):
            if getattr(self, name) < 0:
                raise UserError(f"--{name} is {getattr(self, name)}; it must not be negative.")

    def _check_tag(self) -> None:
        if self.hub_tag is None:
            return
        if not TAG.fullmatch(self.hub_tag):
            raise UserError(
                f"--hub_tag is {self.hub_tag!r}; use letters, digits, '.', '-' and '_', e.g. v1.0."
            )
        if self.hub_create_pr:
            raise UserError(
                "--hub_tag names what is on main and --hub_create_pr leaves main as it is: "
                "use one of them."
            )

    @property
    def pushes(self) -> bool:
        return self.push_to_hub or self.push_only or self.hf_job is not None

    @property
    def model_id(self) -> str:
        """`hub_model_id` of a run that pushes to it or resumes from it: those always have one."""
        return given(self.hub_model_id, "--hub_model_id")


def given(value: str | None, flag: str) -> str:
    """`value` of a `flag` without which there is nothing to do. Raises `UserError` on None."""
    if value is None:
        raise UserError(f"{flag} is missing.")
    return value


def parse(description: str, arguments: list[str] | None = None) -> tuple[Config, Options]:
    """Reads the command line; exits with 2 on a usage error, as argparse does."""
    return parse_as((Config, Options), description, arguments)


def parse_as(
    classes: tuple[type, ...],
    description: str,
    arguments: list[str] | None = None,
    program: str | None = None,
) -> tuple:
    """One object of each dataclass in `classes`, its flags under the headings of its fields."""
    parser = _Parser(
        program,
        usage="%(prog)s [flag ...]",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    group: argparse._ActionsContainer = parser
    for field in (field for cls in classes for field in dataclasses.fields(cls)):
        if title := field.metadata["group"]:
            group = parser.add_argument_group(title)
        _add_flag(group, field)
    values = vars(parser.parse_args(arguments))
    try:
        return tuple(_of_flags(cls, values) for cls in classes)
    except UserError as error:
        parser.error(str(error))


def _of_flags(cls: type, values: dict) -> object:
    """A `cls` from the flags that were given."""
    chosen = {f.name: values[f.name] for f in dataclasses.fields(cls) if f.name in values}
    return Config.of_recipe(**chosen) if cls is Config else cls(**chosen)


class _Parser(argparse.ArgumentParser):
    """Answers a usage error with one line; argparse would print all flags before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help lists the flags)\n")


def _add_flag(group: argparse._ActionsContainer, field: dataclasses.Field) -> None:
    about = field.metadata
    names = list(dict.fromkeys([f"--{field.name}", f"--{field.name.replace('_', '-')}"]))
    if about["kind"] is bool:
        group.add_argument(
            *names, action="store_true", default=argparse.SUPPRESS, help=about["help"]
        )
        return
    shown = about["help"] if field.default is None else f"{about['help']} (default {field.default})"
    # Absent flags stay absent: what they are then, the recipe says.
    group.add_argument(
        *names, type=about["kind"], choices=about["choices"], default=argparse.SUPPRESS,
        metavar=None if about["choices"] else about["kind"].__name__.upper(), help=shown,
    )  # fmt: skip


def config_arguments(config: Config) -> list[str]:
    """The flags that ask for `config`: those of its settings that are not the default."""
    defaults = Config.of_recipe(config.recipe, image_size=config.image_size).to_dict()
    defaults["recipe"] = Config().recipe
    defaults["image_size"] = Config().image_size
    return _arguments(config.to_dict(), defaults)


def option_arguments(values: dict[str, Any]) -> list[str]:
    """The flags that ask for these fields of `Options`, but for what is the default anyway."""
    return _arguments(values, dataclasses.asdict(Options()))


def _arguments(values: dict[str, Any], defaults: dict[str, Any]) -> list[str]:
    flags = []
    for name, value in values.items():
        if value is not None and value != defaults[name]:
            flags += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return flags
