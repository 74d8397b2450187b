"""Creates and updates the Space that serves a model, Gradio or static, and checks it before."""

import logging
from dataclasses import replace

from pix2pix.browser import fetch_runtime, has_page
from pix2pix.errors import UserError
from pix2pix.hub import gradio_spaces, static_spaces
from pix2pix.hub.deployed_model import (
    DeployedModel,
    find_model,
    find_other_space,
    find_space,
    list_other_spaces,
)
from pix2pix.hub.errors import HubError, hub_errors_as_user_errors
from pix2pix.hub.gradio_spaces import is_checkout, list_checkout_files
from pix2pix.hub.repositories import NOTHING_DONE_HINT
from pix2pix.hub.space_plan import (
    FLAG,
    SpacePlan,
    SpaceRequest,
    check_page_can_read,
    explain_refusal,
    find_restriction,
    plan_space,
)

__all__ = [
    "SpacePlan", "SpaceRequest", "check_can_deploy", "check_new_model", "deploy_space",
    "find_model", "find_space", "is_checkout", "list_checkout_files", "plan_space", "prepare_space",
]  # fmt: skip


LOGGER = logging.getLogger(__name__)
# What writes each kind of Space.
WRITERS = {"gradio": gradio_spaces, "static": static_spaces}


def check_can_deploy(plan: SpacePlan) -> str:
    """Checks, without changing anything, that the Space can be deployed.

    Returns:
        The full id and what it is or will be, as text for the plan.

    Raises:
        UserError: when the Hub is going to refuse the Space, when a public one exists and the plan
            asks for a private one, or when its files can't be fetched.
    """
    _check_has_files(plan)
    if plan.problem:
        raise HubError(f"The Space {plan.space_id} can't be created: {plan.problem}")
    with hub_errors_as_user_errors(f"The Space {plan.space_id}", flag=FLAG):
        _check_private(plan)
    if plan.sdk == "static" and has_page():
        fetch_runtime()
    return plan.describe()


def prepare_space(plan: SpacePlan) -> SpacePlan:
    """Creates the Space unless it exists, and returns the plan that was carried out.

    Called before the first step, so that a refusal or a failed download does not cost a whole run.
    Where the plan allows it, a refused Gradio Space becomes a static one.

    Raises:
        UserError: when the Hub refuses the Space, the token may not write there, a public Space
            exists and the plan asks for a private one, or the files of a static Space can't be
            fetched.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    _check_has_files(plan)
    if plan.sdk == "static" and has_page():
        fetch_runtime()
    with hub_errors_as_user_errors(
        f"The Space {plan.space_id}", writes=True, recovery_hint=NOTHING_DONE_HINT, flag=FLAG
    ):
        _check_private(plan)
        try:
            _create(plan)
        except HfHubHTTPError as error:
            if plan.may_fall_back and error.response.status_code == 402:
                return prepare_space(plan.as_static())
            if refusal := explain_refusal(plan, error):
                raise refusal from None
            raise
        HfApi().auth_check(plan.space_id, repo_type="space", write=True)
    return plan


def check_new_model(plan: SpacePlan) -> None:
    """Raises `UserError` when a static Space can't serve the model repository just created.

    An organization can make every new repository private.
    """
    with hub_errors_as_user_errors(
        f"The Space {plan.space_id}", recovery_hint=NOTHING_DONE_HINT, flag=FLAG
    ):
        check_page_can_read(replace(plan, restriction=find_restriction(plan.model_id)))


def deploy_space(
    space_id: str, model: DeployedModel | None = None, recovery_hint: str | None = None
) -> str:
    """Updates the Space to this checkout and to the model, in one commit if anything changed.

    Args:
        space_id: the Space's full id; it exists.
        model: the model to serve; None keeps the model that the Space serves (in a new Space, the
            starter models).
        recovery_hint: a sentence that says what to type after a failure; None for the default.

    Returns:
        The URL of the Space, whether it was up to date, the model it serves, and what it costs, as
        text for the user.

    Raises:
        UserError: when a request fails, or when a static Space can't serve the model.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    with hub_errors_as_user_errors(
        f"The Space {space_id}", writes=True, recovery_hint=recovery_hint, flag=FLAG
    ):
        info = api.space_info(space_id)
        sdk, other_sdk = ("static", "gradio") if info.sdk == "static" else ("gradio", "static")
        other = find_other_space(space_id, other_sdk, model.id) if model else None
        text = WRITERS[sdk].update_space(space_id, info, model, other)
    # Visitors of the other Space could not open a private one.
    if model and other and not info.private:
        _link_back(other, space_id, other_sdk, model.id)
    if model:
        named = (info.card_data.get("models") if info.card_data else None) or []
        for model_id in {named} if isinstance(named, str) else set(named):
            if model_id != model.id:
                _remove_links(space_id, other_sdk, model_id)
    return f"{api.endpoint}/spaces/{space_id} {text}".rstrip()


def _link_back(other: str, space_id: str, sdk: str, model_id: str) -> None:
    """Makes the other Space of the model link to this one; a failure is only logged."""
    try:
        with hub_errors_as_user_errors(f"The link in the Space {other}"):
            WRITERS[sdk].link_to(other, space_id, model_id)
    except HubError as error:
        LOGGER.warning("%s. Deploy that Space again, and it links to %s.", error.summary, space_id)


def _remove_links(space_id: str, other_sdk: str, old_model_id: str) -> None:
    """Removes the links to this Space from the other Spaces of the model that it served before.

    A failure is only logged.
    """
    try:
        with hub_errors_as_user_errors(f"The links to the Space {space_id}"):
            for other in list_other_spaces(space_id, other_sdk, old_model_id):
                WRITERS[other_sdk].unlink(other.id, space_id)
    except HubError as error:
        LOGGER.warning(
            "%s. Deploy the other Spaces of %s again, and they no longer link to %s.",
            error.summary, old_model_id, space_id,
        )  # fmt: skip


def _check_private(plan: SpacePlan) -> None:
    """Raises `UserError` when a public Space exists and the plan asks for a private one."""
    from huggingface_hub import HfApi

    if plan.exists and plan.private and not HfApi().space_info(plan.space_id).private:
        raise UserError(
            f"The Space {plan.space_id} exists and is public: make it private in its settings, "
            f"choose another {FLAG}, or leave out --hub_private_repo."
        )


def _create(plan: SpacePlan) -> None:
    """Creates the Space, or changes the hardware of an existing one if the user asks for it."""
    from huggingface_hub import HfApi

    api = HfApi()
    if not plan.exists:
        api.create_repo(
            plan.space_id, repo_type="space", space_sdk=plan.sdk, private=plan.private or None,
            space_hardware=plan.hardware, exist_ok=True,  # type: ignore[arg-type]
        )  # fmt: skip
    elif plan.hardware and plan.hardware != gradio_spaces.find_hardware(plan.space_id):
        api.request_space_hardware(plan.space_id, plan.hardware)  # type: ignore[arg-type]


def _check_has_files(plan: SpacePlan) -> None:
    """Raises `UserError` when an installed package has to make a new Space without the files."""
    with hub_errors_as_user_errors(
        f"The Space {plan.space_id}", writes=True, recovery_hint=NOTHING_DONE_HINT, flag=FLAG
    ):
        WRITERS[plan.sdk].check_has_files(plan.space_id)
