"""Creates or updates a Space that serves a published model.

    pix2pix deploy --space_id <user>/pix2pix-maps --hub_model_id <user>/pix2pix-maps

A new Space is a Gradio Space where the account may host one, else a static Space, which runs the
model in the visitor's browser. It serves the newest commit on the model's main branch. From an
installed package, only an existing Space can be pointed to another model.
"""

from dataclasses import dataclass

from pix2pix import console, preflight
from pix2pix.fields import check_settings, setting
from pix2pix.flags import parse_as
from pix2pix.options import SPACE_HARDWARE_HELP, SPACE_SDK_HELP, SpaceSdk, check_space_flags


@dataclass(frozen=True)
class DeploySettings:
    """Names the Space and the model that it serves. Raises `UserError` for a wrong value."""

    space_id: str = setting(help="Space to create or update, e.g. <user>/pix2pix-maps")
    hub_model_id: str = setting(help="model repository to serve, e.g. <user>/pix2pix-maps")
    hub_private_repo: bool = setting(False, "create the Space as a private one")
    space_sdk: SpaceSdk = setting("auto", SPACE_SDK_HELP)
    space_hardware: str | None = setting(None, SPACE_HARDWARE_HELP, default_help="the Hub's choice")
    dry_run: bool = setting(False, "print which Space would be created, without creating anything")

    def __post_init__(self) -> None:
        check_settings(self)
        check_space_flags(self.space_id, self.space_sdk, self.space_hardware)


def main(arguments: list[str] | None = None, program: str = "pix2pix deploy") -> int:
    """Runs the command line and returns the exit code."""
    (settings,) = parse_as((DeploySettings,), __doc__ or "", arguments, program)
    return console.run_command(program, lambda: run(settings))


def run(settings: DeploySettings) -> None:
    """Deploys the Space. Raises `UserError` when the Hub refuses or has no such model."""
    preflight.prepare_hub()
    from pix2pix.commands import publish
    from pix2pix.hub import spaces

    # First, because a new Space would serve the starter models if this model did not exist.
    model = spaces.find_model(settings.hub_model_id)
    request = spaces.SpaceRequest(
        settings.space_id, settings.space_sdk, settings.space_hardware, settings.hub_private_repo,
        model.id,
    )  # fmt: skip
    plan = spaces.plan_space(request)
    if settings.dry_run:
        print(f"Space: {spaces.check_can_deploy(plan)}\nDry run: nothing was changed.")
        return
    plan = publish.prepare_space(plan)
    hint = "Afterwards, start the same command again."
    print(f"The Space: {spaces.deploy_space(plan.space_id, model, hint)}")
