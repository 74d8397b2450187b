"""The kind of Space that each account gets, the line printed before, and the refusals."""

import pytest
from huggingface_hub import HfApi

from pix2pix import UserError
from pix2pix.hub import spaces
from pix2pix.hub.space_plan import may_host_on_cpu
from tests.hub_server import (
    FREE_ORGANIZATION,
    FREE_TOKEN,
    FREE_USER,
    ORGANIZATION,
    USER,
    WRITE_TOKEN,
    YOUNG_TOKEN,
    YOUNG_USER,
    Fault,
    HubServer,
)

STATIC = (
    "which will be created as a static Space, a page that runs the model in the visitor's browser"
)
GRADIO = "which will be created as a Gradio Space"
NEEDS_PRO = (
    "A Gradio Space needs a PRO subscription (https://huggingface.co/pro) or --space_hardware "
    "zero-a10g (free for accounts older than 30 days)."
)
IF_REFUSED = "If the Hub refuses it for lack of a paid plan, it will be a static Space instead."
pytestmark = pytest.mark.usefixtures("ort_files")


ZERO_RULES = (
    "The Hub refuses it for accounts younger than 30 days and for a third ZeroGPU Space of a free "
    "account."
)
PAID_RULES = (
    "It is billed by the hour and needs a payment method. The Space translates on the CPU, so a "
    "GPU does not make it faster."
)
PLAN_RULE = "The Hub refuses it without a paid plan."


@pytest.fixture
def name(repo_id: str) -> str:
    """Returns the name of a Space that no other test uses."""
    return repo_id.split("/")[1]


def plan(monkeypatch: pytest.MonkeyPatch, token: str, space_id: str, **flags) -> spaces.SpacePlan:
    monkeypatch.setenv("HF_TOKEN", token)
    return spaces.plan_space(spaces.SpaceRequest(space_id, **flags))


@pytest.mark.parametrize(
    ("token", "owner", "flags", "text"),
    [
        (WRITE_TOKEN, USER, {}, GRADIO),
        (WRITE_TOKEN, USER, {"sdk": "static"}, STATIC),
        (WRITE_TOKEN, USER, {"private": True}, GRADIO.replace("a Gradio", "a private Gradio")),
        (FREE_TOKEN, FREE_USER, {}, f"{STATIC}. {NEEDS_PRO}"),
        (FREE_TOKEN, FREE_USER, {"sdk": "static"}, STATIC),
        (FREE_TOKEN, FREE_USER, {"hardware": "zero-a10g"}, f"{GRADIO} on zero-a10g. {ZERO_RULES}"),
        (FREE_TOKEN, FREE_USER, {"hardware": "t4-small"}, f"{GRADIO} on t4-small. {PAID_RULES}"),
        # Of the plans of organizations, whoami names only Enterprise.
        (FREE_TOKEN, ORGANIZATION, {}, f"{GRADIO}. {IF_REFUSED}"),
        (FREE_TOKEN, FREE_ORGANIZATION, {}, f"{GRADIO}. {IF_REFUSED}"),
        (FREE_TOKEN, FREE_ORGANIZATION, {"sdk": "gradio"}, f"{GRADIO}. {PLAN_RULE}"),
        (FREE_TOKEN, FREE_ORGANIZATION, {"private_model": True}, f"{GRADIO}. {PLAN_RULE}"),
    ],
)
def test_what_will_be_created_is_said_and_nothing_is_created(
    hub: HubServer, monkeypatch, request, name: str, token: str, owner: str, flags: dict, text: str
):
    if STATIC in text:
        request.getfixturevalue("ort_files")  # the check of a static Space fetches them
    repos = set(hub.store.repos)
    found = plan(monkeypatch, token, f"{owner}/{name}", **flags)
    assert spaces.check_can_deploy(found) == f"{owner}/{name}, {text}"
    assert set(hub.store.repos) == repos


@pytest.mark.parametrize(
    ("owner", "facts", "expected"),
    [
        ("me", {"isPro": True}, True),
        ("me", {"isPro": False}, False),
        ("me", {}, None),
        ("team", {"isPro": False, "orgs": [{"name": "team", "plan": "team"}]}, True),
        ("big", {"orgs": [{"name": "big", "isEnterprise": True}]}, True),
        ("big", {"isPro": True, "orgs": [{"name": "big", "isEnterprise": False}]}, None),
        ("other", {"isPro": True, "orgs": []}, None),
    ],
)
def test_what_whoami_tells_about_an_owners_plan(owner: str, facts: dict, expected: bool | None):
    assert may_host_on_cpu({"name": "me"} | facts, owner) is expected


@pytest.mark.parametrize(
    ("owner", "sdk"), [(ORGANIZATION, "gradio"), (FREE_ORGANIZATION, "static")]
)
def test_where_whoami_does_not_tell_the_hub_decides(
    hub: HubServer, monkeypatch, name: str, owner: str, sdk: str
):
    created = spaces.prepare_space(plan(monkeypatch, FREE_TOKEN, f"{owner}/{name}"))
    assert created.sdk == hub.store.repo("space", f"{owner}/{name}").sdk == sdk
    if sdk == "static":
        assert created.describe() == (
            f"{owner}/{name}, {STATIC}. A Gradio Space needs a Team or Enterprise plan "
            "(https://huggingface.co/enterprise)."
        )


@pytest.mark.parametrize(
    ("token", "owner", "flags", "quoted", "advice"),
    [
        (FREE_TOKEN, FREE_USER, {"sdk": "gradio"}, "Static Spaces are free for everyone",
         "(free, runs in the visitor's browser) or --space_hardware zero-a10g (free for accounts"),
        (FREE_TOKEN, FREE_USER, {"hardware": "cpu-basic"}, "requires a PRO subscription",
         "Use --space_sdk static"),
        (YOUNG_TOKEN, YOUNG_USER, {"hardware": "zero-a10g"}, "please wait 30 days",
         "Use --space_sdk static (free, runs in the visitor's browser)."),
        (FREE_TOKEN, FREE_ORGANIZATION, {"sdk": "gradio"}, "Team or Enterprise plan",
         "https://huggingface.co/enterprise. Use --space_sdk static"),
        (FREE_TOKEN, FREE_ORGANIZATION, {"hardware": "zero-a10g"}, "host Spaces with ZeroGPU",
         "Use --space_sdk static"),
    ],
)  # fmt: skip
def test_a_refusal_has_the_hubs_sentence_and_what_to_type(
    hub: HubServer, monkeypatch, name: str, token, owner, flags: dict, quoted: str, advice: str
):
    space_id = f"{owner}/{name}"
    with pytest.raises(UserError) as error:
        spaces.prepare_space(plan(monkeypatch, token, space_id, **flags))
    message = str(error.value)
    assert message.startswith(f"The Space {space_id}: the Hub refuses it (402): ")
    assert quoted in message and advice in message
    assert "--push_only" not in message and token not in message
    assert ("space", space_id) not in hub.store.repos


def test_a_dry_run_refuses_what_the_hub_will_refuse(hub: HubServer, monkeypatch, name: str):
    found = plan(monkeypatch, FREE_TOKEN, f"{FREE_USER}/{name}", sdk="gradio")
    with pytest.raises(UserError, match="can't be created: a Gradio Space on cpu-basic needs a"):
        spaces.check_can_deploy(found)


def test_a_free_account_with_a_private_model_gets_neither_kind(monkeypatch, name: str):
    with pytest.raises(UserError, match="can't serve a private model") as error:
        plan(monkeypatch, FREE_TOKEN, f"{FREE_USER}/{name}", private_model=True)
    assert NEEDS_PRO in str(error.value) and "make the model public" in str(error.value)
    found = plan(monkeypatch, FREE_TOKEN, f"{FREE_ORGANIZATION}/{name}", private_model=True)
    with pytest.raises(UserError, match="Make the model public"):
        spaces.prepare_space(found)
    assert plan(monkeypatch, WRITE_TOKEN, f"{USER}/{name}", private_model=True).sdk == "gradio"


def test_a_model_that_the_hub_made_private_is_noticed_before_the_training(
    hub: HubServer, monkeypatch, name: str
):
    """As in an organization where every new repository is private."""
    model_id, space_id = f"{USER}/{name}-model", f"{USER}/{name}"
    found = plan(monkeypatch, WRITE_TOKEN, space_id, sdk="static", model_id=model_id)
    hub.store.create("model", model_id, private=True)
    with pytest.raises(UserError, match="can't serve a private model"):
        spaces.check_new_model(found)
    assert ("space", space_id) not in hub.store.repos


@pytest.mark.parametrize(
    ("existing", "flags", "reason"),
    [
        ("gradio", {"sdk": "static"}, "is a Gradio Space, and a Space keeps its kind"),
        ("static", {"sdk": "gradio"}, "leave out --space_sdk gradio, or choose another --space_id"),
        ("static", {"hardware": "zero-a10g"}, "which has no hardware"),
        ("static", {"private_model": True}, "can't serve a private model"),
        ("docker", {}, "is a Docker Space, which this program can't update"),
        ("gradio", {"hardware": "h9000"}, "choose one of cpu-basic"),
    ],
)
def test_an_existing_space_keeps_its_kind(
    hub: HubServer, monkeypatch, name: str, existing: str, flags: dict, reason: str
):
    space_id = f"{USER}/{name}"
    hub.store.create("space", space_id, private=False, sdk=existing)
    with pytest.raises(UserError, match="The Space|--space_hardware") as error:
        plan(monkeypatch, WRITE_TOKEN, space_id, **flags)
    assert reason in str(error.value)
    if existing != "docker":
        assert plan(monkeypatch, WRITE_TOKEN, space_id).sdk == existing


def test_a_free_account_goes_on_with_its_existing_gradio_space(hub, monkeypatch, name: str):
    space_id = f"{FREE_USER}/{name}"
    hub.store.create("space", space_id, private=False, sdk="gradio")
    found = plan(monkeypatch, FREE_TOKEN, space_id)
    assert spaces.check_can_deploy(found) == f"{space_id}, which exists and is a Gradio Space"
    assert spaces.prepare_space(found).sdk == "gradio"


def test_the_hardware_of_an_existing_space_changes_only_on_request(
    hub: HubServer, monkeypatch, name: str
):
    space_id = f"{USER}/{name}"
    spaces.prepare_space(plan(monkeypatch, WRITE_TOKEN, space_id, hardware="cpu-upgrade"))
    assert HfApi().get_space_runtime(space_id).hardware == "cpu-upgrade"
    first = len(hub.requests)
    spaces.prepare_space(plan(monkeypatch, WRITE_TOKEN, space_id))
    spaces.prepare_space(plan(monkeypatch, WRITE_TOKEN, space_id, hardware="cpu-upgrade"))
    posted = [path for method, path, _ in hub.requests[first:] if method == "POST"]
    assert not posted, "an unchanged Space must not restart"
    spaces.prepare_space(plan(monkeypatch, WRITE_TOKEN, space_id, hardware="zero-a10g"))
    assert HfApi().get_space_runtime(space_id).hardware == "zero-a10g"


def test_missing_billing_is_explained(hub: HubServer, monkeypatch, name: str):
    found = plan(monkeypatch, WRITE_TOKEN, f"{USER}/{name}", hardware="t4-small")
    hub.faults.append(Fault("POST", "/api/repos/create", 403, times=5))
    with pytest.raises(UserError, match="payment method: https://huggingface.co/settings/billing"):
        spaces.prepare_space(found)


def test_no_part_of_a_response_that_may_hold_a_token_is_quoted(
    hub: HubServer, monkeypatch, name: str
):
    found = plan(monkeypatch, WRITE_TOKEN, f"{USER}/{name}", sdk="gradio")
    hub.faults.append(Fault("POST", "/api/repos/create", 402, times=5))
    with pytest.raises(UserError) as error:
        spaces.prepare_space(found)
    assert "(402): its plan does not include it; it needs a PRO subscription" in str(error.value)
