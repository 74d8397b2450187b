"""Routes of Spaces (settings, runtime, hardware) and of Jobs.

Nothing is executed: a Space is RUNNING once it has an app file, a job stays SCHEDULING.
"""

import secrets
from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import QueryParams

from . import cards
from .accounts import Account
from .auth import Caller, HubError, Readable, StoreOfHub, Writable, Writer
from .commits import BadRequest
from .hosting import HARDWARE, NO_DOWNGRADE, ZERO_GPU, check_flavor, check_may_host
from .repos import describe_repo
from .store import Repo, now

router = APIRouter()
SPACE = "/api/{kind:space}/{ns:seg}/{name:seg}"
APP_FILES = {"app.py", "Dockerfile", "index.html"}


@router.get("/api/spaces")
async def list_spaces(
    request: Request, store: StoreOfHub, account: Caller, author: str = "", search: str = ""
) -> list[dict[str, Any]]:
    """Returns the readable Spaces of an author that name all the given models and datasets."""
    query = request.query_params
    responses = []
    for (kind, _), repo in store.repos.items():
        readable = not repo.private or (account is not None and account.owns(repo.namespace))
        if kind != "space" or not readable or author not in ("", repo.namespace):
            continue
        space = describe_repo(repo, repo.head, cards.read_card_data(store, repo.head))
        named = (("models", "models"), ("datasets", "datasets"), ("filter", "tags"))
        if search in repo.id and all(
            set(query.getlist(key)) <= set(space[field]) for key, field in named
        ):
            responses.append(select_fields(space, query))
    return responses[: int(query.get("limit", len(responses)))]


def select_fields(space: dict[str, Any], query: QueryParams) -> dict[str, Any]:
    """Returns the fields of a listed Space that the client asks for."""
    if "expand" in query:
        return {"id": space["id"], **{key: space[key] for key in query.getlist("expand")}}
    extra = set() if query.get("full", "").lower() == "true" else {"cardData", "siblings", "sha"}
    return {key: value for key, value in space.items() if key not in extra}


@router.get("/api/spaces/hardware")
async def list_space_hardware() -> list[dict[str, Any]]:
    return [describe_hardware(*flavor) for flavor in HARDWARE]


@router.get("/api/jobs/hardware")
async def list_job_hardware() -> list[dict[str, Any]]:
    return [describe_hardware(*flavor) for flavor in HARDWARE if flavor[0] != ZERO_GPU]


def describe_hardware(
    name: str, display_name: str, cpu: str, ram: str, price: int, gpu: tuple[str, str] | None
) -> dict[str, Any]:
    return {
        "name": name,
        "prettyName": display_name,
        "cpu": cpu,
        "ram": ram,
        "unitCostMicroUSD": price,
        "unitCostUSD": price / 1e6,
        "unitLabel": "minute",
        "accelerator": describe_gpu(*gpu) if gpu else None,
    }


def describe_gpu(model: str, memory: str) -> dict[str, str]:
    return {
        "type": "gpu", "model": model, "quantity": "1", "vram": memory, "manufacturer": "Nvidia",
    }  # fmt: skip


def describe_runtime(repo: Repo) -> dict[str, Any]:
    stage = "RUNNING" if APP_FILES & repo.head.tree.keys() else "NO_APP_FILE"
    hardware = None if repo.sdk == "static" else repo.hardware
    return {
        "stage": "PAUSED" if repo.paused else stage,
        "hardware": {"current": hardware, "requested": hardware},
        "gcTimeout": repo.sleep_time,
    }


@router.get(SPACE + "/runtime")
async def get_runtime(repo: Readable) -> dict[str, Any]:
    return describe_runtime(repo)


@router.post(SPACE + "/hardware")
async def set_hardware(
    request: Request, store: StoreOfHub, repo: Writable, account: Writer
) -> dict[str, Any]:
    body = await request.json()
    flavor = check_flavor(body["flavor"])
    if repo.sdk == "static":
        raise BadRequest("a static Space has no hardware")
    if flavor == "cpu-basic" != repo.hardware and not account.has_plan(repo.namespace):
        raise HubError(402, NO_DOWNGRADE)
    if flavor != repo.hardware:
        check_may_host(store, account, repo.id, repo.sdk, flavor)
    repo.hardware = flavor
    repo.sleep_time = body.get("sleepTimeSeconds", repo.sleep_time)
    return describe_runtime(repo)


@router.post(SPACE + "/sleeptime")
async def set_sleep_time(request: Request, repo: Writable) -> dict[str, Any]:
    repo.sleep_time = (await request.json())["seconds"]
    return describe_runtime(repo)


@router.post(SPACE + "/pause")
async def pause(repo: Writable) -> dict[str, Any]:
    repo.paused = True
    return describe_runtime(repo)


@router.post(SPACE + "/restart")
async def restart(repo: Writable) -> dict[str, Any]:
    repo.paused = False
    return describe_runtime(repo)


@router.get(SPACE + "/variables")
async def get_variables(repo: Readable) -> dict[str, Any]:
    return repo.variables


@router.post(SPACE + "/variables")
async def set_variable(request: Request, repo: Writable) -> dict[str, Any]:
    body = await request.json()
    repo.variables[body["key"]] = {**body, "updatedAt": now()}
    return repo.variables


@router.delete(SPACE + "/variables")
async def delete_variable(request: Request, repo: Writable) -> dict[str, Any]:
    repo.variables.pop((await request.json())["key"], None)
    return repo.variables


@router.get(SPACE + "/secrets")
async def get_secrets(repo: Writable) -> dict[str, Any]:
    """Returns the secrets without their values, which only `repo.secrets` has."""
    return {
        key: {name: value for name, value in secret.items() if name != "value"}
        for key, secret in repo.secrets.items()
    }


@router.post(SPACE + "/secrets")
async def set_secret(request: Request, repo: Writable) -> dict[str, Any]:
    body = await request.json()
    repo.secrets[body["key"]] = {**body, "updatedAt": now()}
    return {}


@router.delete(SPACE + "/secrets")
async def delete_secret(request: Request, repo: Writable) -> dict[str, Any]:
    repo.secrets.pop((await request.json())["key"], None)
    return {}


@router.post("/api/jobs/{ns:seg}")
async def run_job(request: Request, store: StoreOfHub, account: Writer, ns: str) -> dict[str, Any]:
    """Records a job in `store.jobs`, with its secrets; the response masks them."""
    require_owner(account, ns)
    spec = await request.json()
    job = {
        **spec,
        "id": secrets.token_hex(12),
        "createdAt": now(),
        "flavor": check_job_flavor(spec["flavor"]),
        "status": {"stage": "SCHEDULING", "message": None},
        "owner": {"id": ns, "name": ns, "type": "user" if ns == account.name else "org"},
    }
    store.jobs.append(job)
    return mask_secrets(job)


@router.get("/api/jobs/{ns:seg}")
async def list_jobs(store: StoreOfHub, account: Writer, ns: str) -> list[dict[str, Any]]:
    require_owner(account, ns)
    return [mask_secrets(job) for job in store.jobs if job["owner"]["name"] == ns]


@router.get("/api/jobs/{ns:seg}/{job:seg}")
async def inspect_job(store: StoreOfHub, account: Writer, ns: str, job: str) -> dict[str, Any]:
    require_owner(account, ns)
    for record in store.jobs:
        if record["id"] == job:
            return mask_secrets(record)
    raise HubError(404, "Job not found")


def check_job_flavor(name: str) -> str:
    """Returns the name of hardware that jobs run on; raises BadRequest for any other."""
    if name == ZERO_GPU:
        raise BadRequest("ZeroGPU is available for Spaces only")
    return check_flavor(name)


def require_owner(account: Account, namespace: str) -> None:
    if not account.owns(namespace):
        raise HubError(403, f"Forbidden: {account.name} may not run jobs for {namespace}")


def mask_secrets(job: dict[str, Any]) -> dict[str, Any]:
    return {**job, "secrets": dict.fromkeys(job.get("secrets", {}), "***")}
