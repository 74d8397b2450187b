"""Publishes the artifacts of a finished run to the Hub, without training.

    pix2pix publish --output_dir runs/pix2pix --hub_model_id <user>/pix2pix-maps --hub_tag v1.0

With --space_id, the Space then serves the published model. A publish that failed can be repeated:
only what differs from the model repository is uploaded.
"""

import logging
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from pix2pix import console, preflight
from pix2pix.artifacts import EVENTS, ArtifactFolder
from pix2pix.errors import UserError
from pix2pix.flags import Subset, flag_arguments, parse_as
from pix2pix.options import Options

if TYPE_CHECKING:
    from pix2pix.card import Places
    from pix2pix.hub.publishing import Target
    from pix2pix.hub.space_plan import SpacePlan

logger = logging.getLogger(__name__)
FLAGS = (
    "output_dir", "publish_discriminator", "hub_model_id", "hub_private_repo", "hub_tag",
    "hub_create_pr", "space_id", "space_sdk", "space_hardware", "trackio_space_id",
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
        if not options.publish_discriminator:
            ArtifactFolder(options.output_dir).leave_out_discriminator()
        publish(*prepare(check_dashboard(options)))


def prepare(options: Options) -> tuple[Options, "Target"]:
    """Creates the model repository and the Space unless they exist, and checks token and tag.

    Called before any work, so that nothing is refused after days of training. Prints which kind of
    Space it creates. Returns the options with both full ids and the kind of the Space, and where to
    publish.
    """
    from pix2pix import hub
    from pix2pix.hub import spaces

    hint = recovery_hint(options)
    early_hint = hint if options.push_only else hub.NOTHING_DONE_HINT
    pull_request, is_new = options.hub_create_pr, not options.push_only
    if plan := plan_space(options):
        # Before the model repository, so that a refused Space leaves nothing behind.
        hub.check_can_publish(options.model_id, pull_request=pull_request)
        plan = prepare_space(plan)
        options = replace(options, space_id=plan.space_id, space_sdk=plan.sdk)
    repo_id = hub.prepare_repository(
        options.model_id, options.hub_private_repo, pull_request, early_hint
    )
    if plan:
        spaces.check_new_model(plan)
    target = hub.plan_publish(repo_id, options.hub_tag, pull_request, is_new, early_hint)
    return replace(options, hub_model_id=repo_id), replace(target, recovery_hint=hint)


def plan_space(options: Options) -> "SpacePlan | None":
    """Returns which Space --space_id stands for, or None without the flag; changes nothing."""
    from pix2pix.hub import spaces

    if not options.space_id:
        return None
    is_private = options.hub_private_repo
    return spaces.plan_space(
        spaces.SpaceRequest(
            options.space_id, options.space_sdk, options.space_hardware, is_private,
            options.hub_model_id, is_private,
        )
    )  # fmt: skip


def prepare_space(plan: "SpacePlan") -> "SpacePlan":
    """Creates the Space, says which kind it is, and returns the plan that was carried out."""
    from pix2pix.hub import spaces

    if not plan.problem:  # else the Hub is asked, which explains its refusal
        print(f"Space: {plan.describe()}")
    created = spaces.prepare_space(plan)
    if created.sdk != plan.sdk:
        print(f"The Hub refused that, so it is a static Space. {created.reason}")
    return created


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
    from pix2pix import card, endpoint, hub
    from pix2pix.hub import spaces

    endpoint.write_handler(options.output_dir)
    card.write_card(options.output_dir, find_places(options, target))
    print(hub.publish(options.output_dir, target))
    if any(options.output_dir.glob(EVENTS)) and not target.pull_request:
        print(f"The curves: {hub.page(target.repo_id)}/tensorboard")
    if options.space_id:
        model, hint = spaces.find_model(target.repo_id), deployment_hint(options)
        print(f"The Space: {spaces.deploy_space(options.space_id, model, hint)}")


def check_dashboard(options: Options) -> Options:
    """Returns the options with the full id of --trackio_space_id; changes nothing on the Hub.

    Raises `UserError` when the curves can't be published there, or when --push_only names a
    dashboard that does not exist, since it publishes no curves.
    """
    from pix2pix.hub import dashboard

    if not options.trackio_space_id:
        return options
    space_id, exists = dashboard.check_dashboard(options.trackio_space_id)
    if options.push_only and not exists:
        raise UserError(
            f"There is no dashboard {space_id} that the card can link to: leave out "
            "--trackio_space_id, or publish the curves with trackio sync --sdk static."
        )
    return replace(options, trackio_space_id=space_id)


def publish_curves(options: Options) -> Options:
    """Publishes the curves to --trackio_space_id and says where they are.

    After a failure, which is only logged, the options returned have no such Space, so that the card
    does not link to it.
    """
    from pix2pix.hub import dashboard
    from pix2pix.training.reporting import PROJECT

    if not options.trackio_space_id:
        return options
    try:
        url = dashboard.publish_curves(options.trackio_space_id, PROJECT)
    except UserError as error:
        logger.warning("%s", error)
        return replace(options, trackio_space_id=None)
    print(f"The curves: {url}")
    return options


def find_places(options: Options, target: "Target") -> "Places":
    """Returns what the card links to: the Space of --space_id, and the owner's other ones."""
    from pix2pix import card
    from pix2pix.hub import spaces

    owner = (options.space_id or target.repo_id).split("/")[0]
    found = {sdk: spaces.find_space(owner, sdk, target.repo_id) for sdk in ("gradio", "static")}
    if options.space_id:
        found["static" if options.space_sdk == "static" else "gradio"] = options.space_id
    curves = options.trackio_space_id
    return card.Places(target.repo_id, target.tag, found["gradio"], found["static"], curves)


def deployment_hint(options: Options) -> str:
    """Returns a sentence with the command to type when only the update of the Space failed."""
    from pix2pix.hub import spaces

    command = "python -m pix2pix" if spaces.is_checkout() else "pix2pix"
    names = ("space_id", "hub_model_id", "hub_private_repo", "space_sdk", "space_hardware")
    flags = shlex.join(flag_arguments(options, names))
    return f"The model is published; afterwards, update the Space with: {command} deploy {flags}"
