"""Creates or updates a Space that serves a published model.

    pix2pix deploy --space_id <user>/pix2pix-maps --hub_model_id <user>/pix2pix-maps

The Space gets the code of this checkout and serves the newest commit on the model's main branch.
From an installed package, only an existing Space can be pointed to another model.
"""

from dataclasses import dataclass

from pix2pix import console, preflight
from pix2pix.fields import check_settings, setting
from pix2pix.flags import parse_as


@dataclass(frozen=True)
class DeploySettings:
    """Names the Space and the model that it serves. Raises `UserError` for a wrong value."""

    space_id: str = setting(help="Space to create or update, e.g. <user>/pix2pix-maps")
    hub_model_id: str = setting(help="model repository to serve, e.g. <user>/pix2pix-maps")
    hub_private_repo: bool = setting(False, "create the Space as a private one")

    def __post_init__(self) -> None:
        check_settings(self)


def main(arguments: list[str] | None = None, program: str = "pix2pix deploy") -> int:
    """Runs the command line and returns the exit code."""
    (settings,) = parse_as((DeploySettings,), __doc__ or "", arguments, program)
    return console.run_command(program, lambda: run(settings))


def run(settings: DeploySettings) -> None:
    """Deploys the Space. Raises `UserError` when the Hub refuses or has no such model."""
    preflight.prepare_hub()
    from pix2pix.hub import spaces

    # First, because a new Space would serve the starter model if this model did not exist.
    model_id = spaces.check_can_serve(settings.hub_model_id)
    space_id = spaces.prepare_space(settings.space_id, settings.hub_private_repo)
    print(f"The Space: {spaces.deploy_space(space_id, model_id)}")
