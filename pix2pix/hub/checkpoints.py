"""Checkpoints on the Hub: uploaded while a run goes on, and where another machine resumes it."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pix2pix.config import Config
from pix2pix.errors import UserError
from pix2pix.hub.branch import BRANCH, Branch
from pix2pix.hub.uploads import Uploads, say
from pix2pix.training import checkpoints
from pix2pix.training.checkpoints import Checkpoint, Unreadable, step_of

DOWNLOADS = ".downloading-"


@contextmanager
def uploading(
    repo_id: str, folder: Path, limit: int, step: int | None
) -> Iterator[Callable[[Path], None]]:
    """Yields what is told of each checkpoint in `folder`; the last `limit` are kept on the Hub.

    Creates the branch. Raises `UserError` when the Hub refuses that, and when the branch holds
    later checkpoints than of `step`, where the run starts: its first upload would delete them for
    good. None for a run that `resume` has started: what is later can't be used. Once the run goes
    on, a refusal is a warning. At the end waits for the last upload, as `Uploads` says.
    """
    from huggingface_hub.utils import disable_progress_bars

    branch = Branch(repo_id)
    names = branch.prepare()
    if step is not None and any(step_of(Path(name)) > step for name in names):
        raise UserError(
            f"This run starts at step {step}, and its first upload would delete {', '.join(names)} "
            f"of {branch}: go on from there with --resume_from_checkpoint hub, or name another "
            f"--hub_model_id, or drop them with `hf repos branch delete {branch.repo_id} {BRANCH}`."
        )
    said: set[str] = set()

    def push(path: Path) -> None:
        if branch.push(path, limit):
            try:
                branch.tidy()
            except UserError as error:
                # The checkpoint is on the Hub all the same: said once, and tried with the next.
                if str(error) not in said:
                    say(f"Warning: {error}")
                said.add(str(error))

    # The client's own progress bars would be drawn over the training's.
    with disable_progress_bars(), Uploads(push, folder, str(branch)) as uploads:
        yield uploads.add


def resume(
    repo_id: str, folder: Path, config: Config, keep: bool = True, may_lack_repo: bool = False
) -> Checkpoint | None:
    """The newest checkpoint of the run of `config`, on the Hub or in `folder`; None without any.

    One from the Hub is put into `folder`, whole or not at all, but for `keep=False`. A damaged one
    is passed over with a warning, and so is one of another run in `folder`. Raises `UserError`
    when the Hub can't be asked, when what it holds is of another run or version, and when there
    are checkpoints and none can be used: to start afresh would replace them.
    """
    branch = Branch(repo_id)
    on_hub = branch.names(may_lack_repo)
    # Of two of one step, the one that is here already comes first.
    places = [(name, False) for name in on_hub]
    places += [(path.name, True) for path in checkpoints.listed(folder)]
    for name, is_here in sorted(places, reverse=True):
        try:
            if is_here:
                found = _in_folder(folder / name, config)
                print(f"Resuming {found.path} after step {found.step}; {branch} "
                      f"{'has nothing newer' if on_hub else 'has none'}.")  # fmt: skip
            else:
                found = _fetched(branch, name, folder if keep else None, config)
                print(f"Resuming {name} of {branch} after step {found.step}.")
            return found
        except Unreadable as error:
            say(f"Warning: {name} is passed over: {error}")
    if places:
        raise UserError(
            f"No checkpoint on {branch} or in {folder} can be used; to start afresh, name another "
            "--output_dir and another --hub_model_id."
        )
    print(f"No checkpoint on {branch} or in {folder}: starting afresh.")
    return None


def _in_folder(path: Path, config: Config) -> Checkpoint:
    found = checkpoints.read(path)
    try:
        _check_same_run(config, found)
    except UserError as error:
        # No reason to give up: the Hub may hold one of this run.
        raise Unreadable(str(error)) from None
    return found


def _fetched(branch: Branch, name: str, folder: Path | None, config: Config) -> Checkpoint:
    """Downloads beside `folder`'s checkpoints, verifies, and puts it among them; or nowhere."""
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"{DOWNLOADS}*"):  # by a killed process
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=DOWNLOADS, dir=folder) as place:
        path = branch.download(name, Path(place))
        found = replace(checkpoints.read(path), path=Path(branch.repo_id, name))
        _check_same_run(config, found)
        if folder:
            path.replace(folder / name)
    return replace(found, path=folder / name) if folder else found


def _check_same_run(config: Config, found: Checkpoint) -> None:
    # The run's own: what commit a given name stands for is looked up, and compared, later.
    config = replace(config, dataset_revision=found.config.dataset_revision)
    checkpoints.check_same_run(config, found)
