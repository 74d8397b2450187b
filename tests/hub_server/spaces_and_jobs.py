"""Routes of Spaces (settings, runtime, hardware) and of Jobs.

Nothing is executed: a Space is RUNNING once it has an app file, a job stays SCHEDULING.
"""

import secrets
from typing import Any

from fastapi import APIRouter, Request

from .auth import Account, HubError, Readable, StoreOfHub, Writable, Writer
from .commits import BadRequest
from .store import Repo, now

router = APIRouter()
SPACE = "/api/{kind:space}/{ns:seg}/{name:seg}"
APP_FILES = {"app.py", "Dockerfile", "index.html"}
# (name, display name, CPU, memory, price per minute in micro-dollars, (GPU, GPU memory) or None)
HARDWARE = [
    ("cpu-basic", "CPU Basic", "2 vCPU", "16 GB", 167, None),
    ("cpu-upgrade", "CPU Upgrade", "8 vCPU", "32 GB", 500, None),
    ("t4-small", "Nvidia T4 - small", "4 vCPU", "15 GB", 6667, ("T4", "16 GB")),
    ("a10g-small", "Nvidia A10G - small", "4 vCPU", "15 GB", 16667, ("A10G", "24 GB")),
]


@router.get("/api/spaces/hardware")
@router.get("/api/jobs/hardware")
async def list_hardware() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "prettyName": display_name,
            "cpu": cpu,
            "ram": ram,
            "unitCostMicroUSD": price,
            "unitCostUSD": price / 1e6,
            "unitLabel": "minute",
            "accelerator": describe_gpu(*gpu) if gpu else None,
        }
        for name, display_name, cpu, ram, price, gpu in HARDWARE
    ]


def describe_gpu(model: str, memory: str) -> dict[str, str]:
    return {
        "type": "gpu", "model": model, "quantity": "1", "vram": memory, "manufacturer": "Nvidia",
    }  # fmt: skip


def check_flavor(name: str) -> str:
    """Returns the name of a known hardware flavor; raises BadRequest for another one."""
    if name not in {flavor for flavor, *_ in HARDWARE}:
        raise BadRequest(f"unknown hardware {name!r}")
    return name


def describe_runtime(repo: Repo) -> dict[str, Any]:
    stage = "RUNNING" if APP_FILES & repo.head.tree.keys() else "NO_APP_FILE"
    return {
        "stage": "PAUSED" if repo.paused else stage,
        "hardware": {"current": repo.hardware, "requested": repo.hardware},
        "gcTimeout": repo.sleep_time,
    }


@router.get(SPACE + "/runtime")
async def get_runtime(repo: Readable) -> dict[str, Any]:
    return describe_runtime(repo)


@router.post(SPACE + "/hardware")
async def set_hardware(request: Request, repo: Writable) -> dict[str, Any]:
    body = await request.json()
    repo.hardware = check_flavor(body["flavor"])
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
        "flavor": check_flavor(spec["flavor"]),
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


def require_owner(account: Account, namespace: str) -> None:
    if not account.owns(namespace):
        raise HubError(403, f"Forbidden: {account.name} may not run jobs for {namespace}")


def mask_secrets(job: dict[str, Any]) -> dict[str, Any]:
    return {**job, "secrets": dict.fromkeys(job.get("secrets", {}), "***")}
