"""The test Hub lists Spaces, and refuses them by account and hardware as the real one does."""

from collections.abc import Callable, Iterator

import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import BadRequestError, HfHubHTTPError

from tests.hub_clients import add_file, status_code
from tests.hub_server import (
    FREE_ORGANIZATION,
    FREE_TOKEN,
    FREE_USER,
    ORGANIZATION,
    READ_TOKEN,
    USER,
    WRITE_TOKEN,
    YOUNG_TOKEN,
    YOUNG_USER,
    HubServer,
)

NEEDS_PRO = "hosting Gradio and Docker Spaces on free cpu-basic requires a PRO subscription"
NEEDS_TEAM = "requires a Team or Enterprise plan"
NO_ZERO_GPU = "You must be subscribed to PRO to host Spaces with ZeroGPU"
NO_TEAM_ZERO_GPU = "Your organization must be subscribed to Team or Enterprise"

Create = Callable[..., str]


@pytest.fixture
def create(hub: HubServer) -> Iterator[Create]:
    """Creates Spaces with a token; deletes them after the test, since the Hub counts them."""
    created = []

    def create_space(token: str, namespace: str, sdk: str, hardware: str | None = None) -> str:
        space_id = f"{namespace}/space-{len(created)}"
        HfApi(token=token).create_repo(
            space_id, repo_type="space", space_sdk=sdk, space_hardware=hardware
        )
        created.append(space_id)
        return space_id

    yield create_space
    for space_id in created:
        del hub.store.repos["space", space_id]


@pytest.mark.parametrize(
    ("token", "namespace", "sdk", "hardware", "refusal"),
    [
        (WRITE_TOKEN, USER, "gradio", None, None),
        (WRITE_TOKEN, USER, "docker", "t4-small", None),
        (WRITE_TOKEN, USER, "gradio", "zero-a10g", None),
        (WRITE_TOKEN, ORGANIZATION, "gradio", None, None),
        (WRITE_TOKEN, FREE_ORGANIZATION, "gradio", None, NEEDS_TEAM),
        (WRITE_TOKEN, FREE_ORGANIZATION, "gradio", "zero-a10g", NO_TEAM_ZERO_GPU),
        (FREE_TOKEN, FREE_USER, "gradio", None, NEEDS_PRO),
        (FREE_TOKEN, FREE_USER, "docker", "cpu-basic", NEEDS_PRO),
        (FREE_TOKEN, FREE_USER, "gradio", "t4-small", NEEDS_PRO),
        (FREE_TOKEN, FREE_USER, "gradio", "zero-a10g", None),
        (FREE_TOKEN, FREE_USER, "static", None, None),
        (FREE_TOKEN, ORGANIZATION, "gradio", None, None),
        (FREE_TOKEN, ORGANIZATION, "gradio", "zero-a10g", None),
        (FREE_TOKEN, FREE_ORGANIZATION, "docker", None, NEEDS_TEAM),
        (FREE_TOKEN, FREE_ORGANIZATION, "static", None, None),
        (YOUNG_TOKEN, YOUNG_USER, "gradio", None, NEEDS_PRO),
        (YOUNG_TOKEN, YOUNG_USER, "gradio", "zero-a10g", NO_ZERO_GPU),
        (YOUNG_TOKEN, YOUNG_USER, "static", None, None),
    ],
)
def test_who_may_create_which_space(
    hub: HubServer,
    create: Create,
    token: str,
    namespace: str,
    sdk: str,
    hardware: str | None,
    refusal: str | None,
) -> None:
    before = set(hub.store.repos)
    if refusal is None:
        space = hub.store.repo("space", create(token, namespace, sdk, hardware))
        assert (space.sdk, space.hardware) == (sdk, hardware or "cpu-basic")
        return
    with pytest.raises(HfHubHTTPError, match=refusal) as error:
        create(token, namespace, sdk, hardware)
    assert status_code(error) == 402
    assert set(hub.store.repos) == before


@pytest.mark.parametrize(
    ("sdk", "hardware", "reason"),
    [("docker", "zero-a10g", "Gradio Spaces only"), ("gradio", "abacus", "unknown hardware")],
)
def test_hardware_that_nobody_can_have_is_400(
    create: Create, sdk: str, hardware: str, reason: str
) -> None:
    with pytest.raises(BadRequestError, match=reason):
        create(WRITE_TOKEN, USER, sdk, hardware)


def test_a_free_account_has_two_zero_gpu_spaces(create: Create) -> None:
    first, _ = (create(FREE_TOKEN, FREE_USER, "gradio", "zero-a10g") for _ in range(2))
    with pytest.raises(HfHubHTTPError, match="more than 2 Spaces with ZeroGPU") as error:
        create(FREE_TOKEN, FREE_USER, "gradio", "zero-a10g")
    assert status_code(error) == 402
    # Its own two Spaces may be requested again.
    assert HfApi(token=FREE_TOKEN).request_space_hardware(first, "zero-a10g").stage == "NO_APP_FILE"
    create(FREE_TOKEN, ORGANIZATION, "gradio", "zero-a10g")


def test_changing_the_hardware_follows_the_same_rules(hub: HubServer, create: Create) -> None:
    api, space_id = HfApi(token=FREE_TOKEN), create(FREE_TOKEN, FREE_USER, "gradio", "zero-a10g")
    for hardware, refusal in (("cpu-basic", "can't downgrade"), ("t4-small", NEEDS_PRO)):
        with pytest.raises(HfHubHTTPError, match=refusal) as error:
            api.request_space_hardware(space_id, hardware)
        assert status_code(error) == 402
    assert hub.store.repo("space", space_id).hardware == "zero-a10g"
    # A Space from before July 2026 keeps its CPU.
    hub.store.repo("space", space_id).hardware = "cpu-basic"
    assert api.request_space_hardware(space_id, "cpu-basic").hardware == "cpu-basic"
    static_id = create(FREE_TOKEN, FREE_USER, "static")
    assert api.get_space_runtime(static_id).hardware is None
    with pytest.raises(BadRequestError, match="static"):
        api.request_space_hardware(static_id, "zero-a10g")


def test_an_existing_space_is_402_to_an_account_that_may_not_create_it(
    hub: HubServer, create: Create
) -> None:
    space_id = create(FREE_TOKEN, FREE_USER, "gradio", "zero-a10g")
    api = HfApi(token=FREE_TOKEN)
    options = {"repo_type": "space", "space_sdk": "gradio"}
    assert api.create_repo(space_id, exist_ok=True, **options).repo_id == space_id
    assert hub.requests[-2] == ("POST", "/api/repos/create", 402)
    with pytest.raises(HfHubHTTPError) as error:
        api.create_repo(space_id, **options)
    assert status_code(error) == 402


def test_whoami_tells_pro_and_not_a_team_plan(hub: HubServer) -> None:
    pro, free, young = (
        HfApi(token=token).whoami() for token in (WRITE_TOKEN, FREE_TOKEN, YOUNG_TOKEN)
    )
    assert [account["isPro"] for account in (pro, free, young)] == [True, False, False]
    assert all(account["emailVerified"] for account in (pro, free, young))
    assert pro["periodEnd"] and free["periodEnd"] is None and not free["canPay"]
    paying, plain = free["orgs"]
    assert (paying["name"], plain["name"]) == (ORGANIZATION, FREE_ORGANIZATION)
    assert {org["roleInOrg"] for org in free["orgs"]} == {"write"}
    assert not any(org["isEnterprise"] or "plan" in org for org in free["orgs"])
    assert paying["canPay"] and not plain["canPay"]
    assert young["orgs"] == []


def test_the_overview_of_an_organization_names_its_plan(hub: HubServer) -> None:
    api = HfApi(token=FREE_TOKEN)
    assert api.get_organization_overview(ORGANIZATION).plan == "team"
    assert api.get_organization_overview(FREE_ORGANIZATION).plan is None
    with pytest.raises(HfHubHTTPError) as error:
        api.get_organization_overview("absent-org")
    assert status_code(error) == 404


def test_spaces_are_listed_by_author_and_by_the_model_of_their_card(create: Create) -> None:
    api = HfApi(token=WRITE_TOKEN)
    named, other, private = (create(WRITE_TOKEN, USER, "static") for _ in range(3))
    model = f"{USER}/listed-model"
    for space_id, models in ((named, [model, "a/b"]), (other, ["a/b"]), (private, [model])):
        card = f"---\nsdk: static\nmodels: {models}\n---\n".encode()
        api.create_commit(
            space_id, [add_file("README.md", card)], commit_message="card", repo_type="space"
        )
    api.update_repo_settings(private, repo_type="space", private=True)

    def list_ids(token: str | bool, **query: object) -> set[str]:
        return {space.id for space in HfApi(token=token).list_spaces(**query)}

    assert list_ids(READ_TOKEN, author=USER, models=model) == {named, private}
    assert list_ids(FREE_TOKEN, author=USER, models=model) == {named}
    assert list_ids(False, models=[model, "a/b"]) == {named}
    assert list_ids(False, author=FREE_USER, models=model) == set()
    assert {named, other} <= list_ids(False, author=USER, filter="static")
    (space,) = HfApi(token=False).list_spaces(models=model, expand=["sdk", "models"])
    assert (space.id, space.sdk, space.models) == (named, "static", [model, "a/b"])
    assert [item.id for item in api.list_spaces(models=model, limit=1)] == [named]
    (full,) = HfApi(token=False).list_spaces(models=model, full=True)
    assert full.card_data.models == [model, "a/b"]


def test_zero_gpu_is_hardware_of_spaces_and_not_of_jobs(hub: HubServer) -> None:
    api = HfApi(token=WRITE_TOKEN)
    assert "zero-a10g" not in {hardware.name for hardware in api.list_jobs_hardware()}
    with pytest.raises(BadRequestError, match="Spaces only"):
        api.run_job(image="python:3.12", command=["true"], flavor="zero-a10g")
