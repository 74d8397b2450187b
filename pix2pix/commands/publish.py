"""Publishes the artifacts of a finished run to the Hub, without training.

    pix2pix publish --output_dir runs/pix2pix --hub_model_id <user>/pix2pix-maps --hub_tag v1.0

With --space_id, the Space then serves the published model. A publish that failed can be repeated:
only what differs from the model repository is uploaded.
"""

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from pix2pix import console, preflight
from pix2pix.flags import Subset, flag_arguments, parse_as
from pix2pix.options import Options

if TYPE_CHECKING:
    from pix2pix.hub.publishing import Target

FLAGS = (
    "output_dir", "hub_model_id", "hub_private_repo", "hub_tag", "hub_create_pr", "space_id",
)  # fmt: skip


def main(arguments: list[str] | None = None, program: str = "pix2pix publish") -> int:
    """Runs the command line and returns the exit code."""
    selection = Subset(Options, FLAGS, fixed={"push_only": True})
    (values,) = parse_as((selection,), __doc__ or "", arguments, program)
    return console.run_command(program, lambda: run(Options(**values)))


def run(options: Options) -> None:
    """Publishes the artifacts in the output folder. Raises `UserError` when there are none."""
    preflight.prepare_hub()
    preflight.check_packages(preflight.CARD)
    preflight.check_artifacts(options)
    from pix2pix import output_folder

    with output_folder.lock(options.output_dir):
        publish(*prepare(options))


def prepare(options: Options) -> tuple[Options, "Target"]:
    """Creates the model repository and the Space unless they exist, and checks token and tag.

    Called before any work, so that nothing is refused after days of training. Returns the options
    with the full ids of both, and where to publish.
    """
    from pix2pix import hub
    from pix2pix.hub import spaces

    hint = recovery_hint(options)
    early_hint = hint if options.push_only else hub.NOTHING_DONE_HINT
    pull_request, is_new = options.hub_create_pr, not options.push_only
    repo_id = hub.prepare_repository(
        options.model_id, options.hub_private_repo, pull_request, early_hint
    )
    target = hub.plan_publish(repo_id, options.hub_tag, pull_request, is_new, early_hint)
    options = replace(options, hub_model_id=repo_id)
    if options.space_id:
        space_id = spaces.prepare_space(options.space_id, options.hub_private_repo)
        options = replace(options, space_id=space_id)
    return options, replace(target, recovery_hint=hint)


def recovery_hint(options: Options) -> str:
    """Returns a sentence with the command to type when publishing failed."""
    from pix2pix.hub import spaces

    # An installed package has no train_hub.py.
    is_installed = not spaces.is_checkout()
    command = "pix2pix publish" if is_installed else "python train_hub.py --push_only"
    flags = shlex.join(flag_arguments(options, FLAGS))
    return f"Nothing is lost; afterwards, publish with: {command} {flags}"


def publish(options: Options, target: "Target") -> None:
    """Publishes the artifacts with a card that names their repository, then updates the Space."""
    from pix2pix import card, hub
    from pix2pix.hub import spaces

    card.write_card(options.output_dir, target.repo_id, target.tag, options.space_id)
    print(hub.publish(options.output_dir, target))
    if options.space_id:
        print(f"The Space: {spaces.deploy_space(options.space_id, target.repo_id)}")
