"""Decides, without changing anything, which kind of Space a command creates, and says why."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pix2pix.errors import UserError
from pix2pix.hub.deployed_model import restriction_of
from pix2pix.hub.errors import HubError, hub_errors_as_user_errors, quote_hub
from pix2pix.hub.repositories import NOTHING_DONE_HINT, check_write_access, complete_repo_id

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

FLAG = "--space_id"
FREE_CPU, ZERO_GPU = "cpu-basic", "zero-a10g"
Sdk = Literal["gradio", "static"]
KINDS: dict[str, str] = {
    "gradio": "a Gradio Space",
    "static": "a static Space, a page that runs the model in the visitor's browser",
}
STATIC_ADVICE = "--space_sdk static (free, runs in the visitor's browser)"
ZERO_GPU_ADVICE = f"--space_hardware {ZERO_GPU} (free for accounts older than 30 days)"
PRO_ADVICE = "a PRO subscription (https://huggingface.co/pro)"
TEAM_ADVICE = "a Team or Enterprise plan (https://huggingface.co/enterprise)"
BILLING = "https://huggingface.co/settings/billing"


@dataclass(frozen=True)
class SpaceRequest:
    """What the user asks for.

    Attributes:
        space_id: the Space, with or without its owner.
        sdk: the kind of a new Space; "auto" chooses by what the account may host.
        hardware: the hardware of a Gradio Space, or None for the Hub's choice.
        private: whether a new Space is private.
        model_id: the model that it will serve, or None; it need not exist yet.
        private_model: whether the model repository will be created as a private one.
    """

    space_id: str
    sdk: Literal["auto", "gradio", "static"] = "auto"
    hardware: str | None = None
    private: bool = False
    model_id: str | None = None
    private_model: bool = False


@dataclass(frozen=True)
class SpacePlan:
    """What will be created.

    Attributes:
        space_id: the full id.
        sdk: the kind of the Space.
        exists: whether the Space exists already.
        hardware: the hardware that the user asks for, or None.
        private: whether a new Space is private.
        model_id: the model that it will serve, or None.
        restriction: "private" or "gated" if only some accounts can download the model, else "".
        is_personal: whether the owner is the token's user; else it is an organization.
        reason: sentences that say why this kind was chosen; may be empty.
        problem: why the Hub will refuse the Space as far as it is known; may be empty.
        may_fall_back: whether a static Space is created if the Hub refuses a Gradio Space.
    """

    space_id: str
    sdk: Sdk
    exists: bool = False
    hardware: str | None = None
    private: bool = False
    model_id: str | None = None
    restriction: str = ""
    is_personal: bool = True
    reason: str = ""
    problem: str = ""
    may_fall_back: bool = False

    def describe(self) -> str:
        """Returns the plan as text that follows "Space: "."""
        hardware, kind = self.hardware, KINDS[self.sdk]
        if self.exists:
            text = f"{self.space_id}, which exists and is {kind}"
            text += f", and will run on {hardware}" if hardware else ""
        else:
            kind = kind.replace("a ", "a private ", 1) if self.private else kind
            text = f"{self.space_id}, which will be created as {kind}"
            text += f" on {hardware}" if hardware else ""
        return f"{text}. {self.reason}".rstrip() if self.reason else text

    def as_static(self) -> "SpacePlan":
        """Returns the plan of a static Space, because the owner may not host a Gradio Space.

        Raises `UserError` when not everybody can download the model.
        """
        also = f" or {ZERO_GPU_ADVICE}" if self.is_personal else ""
        reason = f"A Gradio Space needs {_plan_advice(self)}{also}."
        plan = replace(self, sdk="static", may_fall_back=False, reason=reason)
        check_page_can_read(plan)
        return plan


def plan_space(request: SpaceRequest) -> SpacePlan:
    """Returns which Space will be created or updated, after reading requests only.

    Raises:
        UserError: when the token may not write there, when the flags don't fit an existing Space,
            or when a static Space would have to serve a private model.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    with hub_errors_as_user_errors(
        f"The Space {request.space_id}", writes=True, recovery_hint=NOTHING_DONE_HINT, flag=FLAG
    ):
        account = api.whoami()
        space_id, exists = check_write_access(request.space_id, "space", account=account)
        sdk = api.space_info(space_id).sdk if exists else None
        model_id = request.model_id and complete_repo_id(request.model_id, account)
        restriction = "private" if request.private_model else find_restriction(model_id)
        if request.hardware not in (None, ZERO_GPU):
            _check_hardware(str(request.hardware))
    owner = space_id.split("/")[0]
    plan = SpacePlan(
        space_id, "gradio", exists, request.hardware, request.private, model_id, restriction,
        is_personal=owner == account["name"],
    )  # fmt: skip
    plan = (
        _keep_kind(plan, request, sdk or "gradio")
        if exists
        else _choose_kind(plan, request, may_host_on_cpu(account, owner))
    )
    check_page_can_read(plan)
    return plan


def _keep_kind(plan: SpacePlan, request: SpaceRequest, sdk: str) -> SpacePlan:
    """Returns the plan for an existing Space. Raises `UserError` if the flags do not fit it."""
    kind = "static" if sdk == "static" else sdk.title()
    fact, other = f"The Space {plan.space_id} exists and is a {kind} Space", f"another {FLAG}."
    if sdk not in KINDS:
        raise UserError(f"{fact}, which this program can't update: choose {other}")
    if request.sdk not in ("auto", sdk):
        raise UserError(
            f"{fact}, and a Space keeps its kind: leave out --space_sdk {request.sdk}, or choose "
            f"{other}"
        )
    if sdk == "static" and request.hardware:
        raise UserError(
            f"{fact}, which has no hardware: leave out --space_hardware {request.hardware}, or "
            f"choose {other}"
        )
    return replace(plan, sdk="static" if sdk == "static" else "gradio")


def _choose_kind(plan: SpacePlan, request: SpaceRequest, may_host: bool | None) -> SpacePlan:
    """Returns the plan for a new Space; `may_host` is None if whoami does not tell."""
    if request.sdk == "static":
        return replace(plan, sdk="static")
    is_free = request.hardware in (None, FREE_CPU)
    if is_free and may_host is False and (request.sdk == "gradio" or request.hardware):
        ways = " or ".join(_alternatives(plan))
        problem = f"a Gradio Space on {FREE_CPU} needs {_plan_advice(plan)}. Use {ways}"
        return replace(plan, problem=problem)
    if request.hardware or request.sdk == "gradio":
        return replace(plan, reason=_name_conditions(plan, may_host))
    if may_host is False:
        return plan.as_static()
    if plan.restriction:
        return replace(plan, reason=_name_conditions(plan, may_host))
    reason = "If the Hub refuses it for lack of a paid plan, it will be a static Space instead."
    return replace(plan, may_fall_back=True, reason="" if may_host else reason)


def _name_conditions(plan: SpacePlan, may_host: bool | None) -> str:
    """Returns what the Hub asks for a new Gradio Space, as far as whoami does not answer it."""
    if plan.hardware == ZERO_GPU:
        return (
            "The Hub refuses it for accounts younger than 30 days and for a third ZeroGPU Space of "
            "a free account."
        )
    if plan.hardware not in (None, FREE_CPU):
        return (
            "It is billed by the hour and needs a payment method. The Space translates on the CPU, "
            "so a GPU does not make it faster."
        )
    return "" if may_host else "The Hub refuses it without a paid plan."


def may_host_on_cpu(account: dict, owner: str) -> bool | None:
    """Returns whether `owner` may host Gradio Spaces on cpu-basic; None if whoami does not tell.

    `account` is the response of whoami: `isPro` of the user; `plan` ("team", "enterprise") and
    `isEnterprise` of an organization, which are missing for some kinds of token.
    """
    if owner == account["name"]:
        return account.get("isPro")
    organizations = {org["name"]: org for org in account.get("orgs", [])}
    organization = organizations.get(owner, {})
    return True if organization.get("plan") or organization.get("isEnterprise") else None


def _check_hardware(hardware: str) -> None:
    from huggingface_hub import HfApi

    names = [entry.name for entry in HfApi().list_spaces_hardware()]
    if hardware not in names:
        raise UserError(
            f"--space_hardware {hardware} is not hardware of the Hub; choose one of "
            f"{', '.join(dict.fromkeys([*names, ZERO_GPU]))}."
        )


def find_restriction(model_id: str | None) -> str:
    """Returns "private" or "gated" if only some accounts can download the model, else "".

    A model that does not exist yet has no restriction. Errors of the client pass through.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return restriction_of(HfApi().model_info(model_id)) if model_id else ""
    except RepositoryNotFoundError:
        return ""


def check_page_can_read(plan: SpacePlan) -> None:
    """Raises `UserError` when a static Space would have to serve a model that is not public."""
    if plan.sdk != "static" or not plan.restriction:
        return
    gradio = f"--space_sdk gradio, which needs {_plan_advice(plan)}"
    gradio += f", or {ZERO_GPU_ADVICE}" if plan.is_personal else ""
    advice = f"choose another {FLAG}" if plan.exists else f"use {gradio}"
    advice = f"Make the model public, or {advice}."
    if plan.reason:
        advice = f"{plan.reason} Or make the model public."
    raise HubError(
        f"The Space {plan.space_id}: a static Space can't serve a {plan.restriction} model, "
        "because the visitor's browser has no token for it",
        advice,
    )


def _plan_advice(plan: SpacePlan) -> str:
    return PRO_ADVICE if plan.is_personal else TEAM_ADVICE


def _alternatives(plan: SpacePlan) -> list[str]:
    """Returns the flags of Spaces that need no plan, in place of the one that the Hub refuses."""
    ways = [] if plan.restriction else [STATIC_ADVICE]
    return [*ways, ZERO_GPU_ADVICE] if plan.is_personal and plan.hardware != ZERO_GPU else ways


def explain_refusal(plan: SpacePlan, error: "HfHubHTTPError") -> HubError | None:
    """Returns the error for a Space that the Hub refuses because of a plan or of billing.

    Returns None for any other error.
    """
    status = error.response.status_code
    if status != 402 and not (status == 403 and plan.hardware):
        return None
    # The Hub's own sentence names the plan that it asks for.
    reason = quote_hub(error) or f"its plan does not include it; it needs {_plan_advice(plan)}"
    ways = _alternatives(plan)
    advice = f"Use {' or '.join(ways)}." if ways else ""
    if plan.restriction and not ways:
        advice = f"Make the model public, and use {STATIC_ADVICE}."
    if plan.exists:
        advice = f"Leave out --space_hardware {plan.hardware}, and the Space keeps its hardware."
    elif plan.hardware not in (None, FREE_CPU, ZERO_GPU):
        billing = f"Paid hardware also needs a payment method: {BILLING}."
        advice = f"{billing} {advice}".rstrip()
    return HubError(f"The Space {plan.space_id}: the Hub refuses it ({status}): {reason}", advice)
