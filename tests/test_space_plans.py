"""Which Space each account gets from `pix2pix deploy`, and each refusal of the Hub."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from pix2pix.commands import deploy
from tests.deployed_space import STARTER_MODEL
from tests.hub_server import (
    FREE_ORGANIZATION,
    FREE_TOKEN,
    FREE_USER,
    ORGANIZATION,
    USER,
    WRITE_TOKEN,
    YOUNG_TOKEN,
    YOUNG_USER,
    HubServer,
)
from tests.space_refusals import (
    CPU,
    GPU,
    GRADIO,
    NEEDS_PRO,
    NEEDS_TEAM,
    NO_PRO,
    NO_TEAM,
    NO_ZERO,
    OR_STATIC,
    OR_ZERO,
    PRIVATE,
    REFUSALS,
    STATIC,
    TOKENS,
    ZERO,
)

SPACE = "plan-space"

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def models(hub: HubServer) -> dict[str, str]:
    """Publishes a public model of tester, and a private one of each account; returns their ids."""
    files = ["pix2pix.json", "generator.onnx"]
    ids = {"public": f"{USER}/plan-model"}
    ids |= {f"private {name}": f"{name}/plan-private" for name in (USER, FREE_USER)}
    for (kind, repo_id), token in zip(
        ids.items(), (WRITE_TOKEN, WRITE_TOKEN, FREE_TOKEN), strict=True
    ):
        api = HfApi(token=token)
        api.create_repo(repo_id, private=kind != "public")
        api.upload_folder(repo_id=repo_id, folder_path=STARTER_MODEL, allow_patterns=files)
    return ids


@pytest.fixture
def deploy_to(
    hub: HubServer, models: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys
) -> Iterator[Command]:
    """Runs `pix2pix deploy`; returns its exit code, stdout and stderr. Deletes the Spaces after."""

    def run(token: str, space_id: str, *flags: str, model: str = "public") -> tuple[int, str, str]:
        monkeypatch.setenv("HF_TOKEN", token)
        command = ["--space_id", space_id, "--hub_model_id", models[model], *flags]
        try:
            code = deploy.main(command)
        except SystemExit as usage_error:
            code = usage_error.code
        output = capsys.readouterr()
        assert not any(secret in output.out + output.err for secret in TOKENS)
        return code, output.out, output.err

    before = set(hub.store.repos)
    yield run
    for repo in set(hub.store.repos) - before:
        del hub.store.repos[repo]


@pytest.mark.parametrize(
    ("token", "owner", "flags", "sdk", "hardware", "reason"),
    [
        (WRITE_TOKEN, USER, [], "gradio", "cpu-basic", "2 CPUs for all visitors, no extra cost"),
        (WRITE_TOKEN, USER, STATIC, "static", "cpu-basic", "in the visitor's browser"),
        (WRITE_TOKEN, USER, ZERO, "gradio", "zero-a10g", "visitors spend no GPU quota"),
        (WRITE_TOKEN, USER, GPU, "gradio", "t4-small", "(billed by the hour)"),
        (WRITE_TOKEN, ORGANIZATION, [], "gradio", "cpu-basic", "If the Hub refuses it for lack of"),
        (WRITE_TOKEN, FREE_ORGANIZATION, [], "static", "cpu-basic", NEEDS_TEAM),
        pytest.param(
            WRITE_TOKEN,
            FREE_ORGANIZATION,
            STATIC,
            "static",
            "cpu-basic",
            "",
            marks=pytest.mark.slow,
        ),
        (FREE_TOKEN, FREE_USER, [], "static", "cpu-basic", NEEDS_PRO),
        pytest.param(
            FREE_TOKEN, FREE_USER, STATIC, "static", "cpu-basic", "", marks=pytest.mark.slow
        ),
        (FREE_TOKEN, FREE_USER, ZERO, "gradio", "zero-a10g", "visitors spend no GPU quota"),
        pytest.param(
            FREE_TOKEN, ORGANIZATION, [], "gradio", "cpu-basic", "", marks=pytest.mark.slow
        ),
        pytest.param(
            FREE_TOKEN, ORGANIZATION, ZERO, "gradio", "zero-a10g", "", marks=pytest.mark.slow
        ),
        pytest.param(
            YOUNG_TOKEN, YOUNG_USER, [], "static", "cpu-basic", NEEDS_PRO, marks=pytest.mark.slow
        ),
    ],
)
def test_each_account_gets_the_space_that_it_may_host(
    hub: HubServer, deploy_to: Command, token: str, owner: str, flags: list[str], sdk: str,
    hardware: str, reason: str,
):  # fmt: skip
    before = set(hub.store.repos)
    code, out, err = deploy_to(token, f"{owner}/{SPACE}", *flags)
    assert (code, err) == (0, ""), err
    assert set(hub.store.repos) - before == {("space", f"{owner}/{SPACE}")}
    space = hub.store.repo("space", f"{owner}/{SPACE}")
    assert (space.sdk, space.hardware) == (sdk, hardware)
    assert ("index.html" if sdk == "static" else "app.py") in space.head.tree
    assert reason in out


@pytest.mark.parametrize(("token", "owner", "flags", "refusal"), REFUSALS)
def test_a_refusal_says_what_to_type_and_creates_nothing(
    hub: HubServer, deploy_to: Command, token: str, owner: str, flags: list[str], refusal: str
):
    before = set(hub.store.repos)
    code, _, err = deploy_to(token, f"{owner}/{SPACE}", *flags)
    assert (code, err) == (1, f"pix2pix deploy: The Space {owner}/{SPACE}: {refusal}\n")
    assert set(hub.store.repos) == before


def test_a_third_zero_gpu_space_of_a_free_account_is_refused(hub: HubServer, deploy_to: Command):
    for number in range(2):
        assert deploy_to(FREE_TOKEN, f"{FREE_USER}/zero-{number}", *ZERO)[0] == 0
    before = set(hub.store.repos)
    code, _, err = deploy_to(FREE_TOKEN, f"{FREE_USER}/{SPACE}", *ZERO)
    reason = (
        f"the Hub refuses it (402): You can't host more than 2 Spaces with ZeroGPU. {OR_STATIC}."
    )
    assert (code, err) == (1, f"pix2pix deploy: The Space {FREE_USER}/{SPACE}: {reason}\n")
    assert set(hub.store.repos) == before
    assert deploy_to(FREE_TOKEN, f"{FREE_USER}/zero-0", *ZERO)[0] == 0, "its own are updated"


KEEPS = "Leave out --space_hardware {}, and the Space keeps its hardware."
OTHER_KIND = "and a Space keeps its kind: leave out --space_sdk {}, or choose another --space_id."


@pytest.mark.parametrize(
    ("token", "owner", "sdk", "hardware", "flags", "refusal"),
    [
        (FREE_TOKEN, FREE_USER, "gradio", "cpu-basic", [], None),
        (FREE_TOKEN, FREE_USER, "gradio", "cpu-basic", CPU, None),
        (FREE_TOKEN, FREE_USER, "gradio", "zero-a10g", GRADIO, None),
        (WRITE_TOKEN, USER, "static", "cpu-basic", STATIC, None),
        (YOUNG_TOKEN, YOUNG_USER, "static", "cpu-basic", [], None),
        (FREE_TOKEN, FREE_USER, "gradio", "zero-a10g", CPU,
         ": the Hub refuses it (402): Without a PRO subscription, you can't downgrade this Space "
         f"to cpu-basic. {KEEPS.format('cpu-basic')}"),
        (FREE_TOKEN, FREE_USER, "gradio", "cpu-basic", GPU,
         f": {NO_PRO} {KEEPS.format('t4-small')}"),
        (YOUNG_TOKEN, YOUNG_USER, "gradio", "cpu-basic", ZERO,
         f": {NO_ZERO} {KEEPS.format('zero-a10g')}"),
        (WRITE_TOKEN, USER, "gradio", "cpu-basic", STATIC,
         f" exists and is a Gradio Space, {OTHER_KIND.format('static')}"),
        (WRITE_TOKEN, USER, "static", "cpu-basic", GRADIO,
         f" exists and is a static Space, {OTHER_KIND.format('gradio')}"),
        (WRITE_TOKEN, USER, "static", "cpu-basic", ZERO,
         " exists and is a static Space, which has no hardware: leave out --space_hardware "
         "zero-a10g, or choose another --space_id."),
        (WRITE_TOKEN, USER, "docker", "cpu-basic", [],
         " exists and is a Docker Space, which this program can't update: choose another "
         "--space_id."),
    ],
)  # fmt: skip
def test_an_existing_space_keeps_its_kind_and_its_hardware(
    hub: HubServer, deploy_to: Command, token: str, owner: str, sdk: str, hardware: str,
    flags: list[str], refusal: str | None,
):  # fmt: skip
    space = hub.store.create("space", f"{owner}/{SPACE}", sdk=sdk)
    space.hardware, first = hardware, space.head
    code, _, err = deploy_to(token, space.id, *flags)
    expected = f"pix2pix deploy: The Space {space.id}{refusal}\n" if refusal else ""
    assert (code, err) == (int(refusal is not None), expected)
    assert (space.sdk, space.hardware) == (sdk, hardware)
    assert (space.head == first) == (refusal is not None)


@pytest.mark.parametrize(
    ("token", "owner", "flags", "refusal"),
    [
        (FREE_TOKEN, FREE_USER, [], f"{PRIVATE} {NEEDS_PRO} Or make the model public."),
        (FREE_TOKEN, FREE_USER, GRADIO, f"{NO_PRO} Use {OR_ZERO}."),
        (WRITE_TOKEN, USER, STATIC,
         f"{PRIVATE} Make the model public, or use --space_sdk gradio, which needs a PRO "
         f"subscription (https://huggingface.co/pro), or {OR_ZERO}."),
        (WRITE_TOKEN, FREE_ORGANIZATION, [],
         f"{NO_TEAM} Make the model public, and {OR_STATIC.replace('Use', 'use')}."),
    ],
)  # fmt: skip
def test_a_static_space_of_a_private_model_is_refused(
    hub: HubServer, deploy_to: Command, token: str, owner: str, flags: list[str], refusal: str
):
    before = set(hub.store.repos)
    user = FREE_USER if token == FREE_TOKEN else USER
    code, _, err = deploy_to(token, f"{owner}/{SPACE}", *flags, model=f"private {user}")
    assert (code, err) == (1, f"pix2pix deploy: The Space {owner}/{SPACE}: {refusal}\n")
    assert set(hub.store.repos) == before


@pytest.mark.parametrize(("token", "owner"), [(WRITE_TOKEN, USER), (FREE_TOKEN, FREE_USER)])
def test_a_dry_run_of_deploy_only_prints_the_plan(
    hub: HubServer, deploy_to: Command, ort_files: Path, token: str, owner: str
):
    before = set(hub.store.repos)
    code, out, err = deploy_to(token, f"{owner}/{SPACE}", "--dry_run")
    assert (code, err) == (0, "") and set(hub.store.repos) == before
    kind = "a Gradio Space" if owner == USER else "a static Space"
    assert out.startswith(f"Space: {owner}/{SPACE}, which will be created as {kind}")
    assert out.endswith("Dry run: nothing was changed.\n")
