"""Routes of buckets, whose contents the client uploads to Xet storage.

hf_xet has a storage for a folder of this machine, at URLs that start with `local://`, so the test
Hub needs no Xet server. A bucket keeps the Xet hash of each path.
"""

import json
from typing import Any

from fastapi import APIRouter, Request

from .auth import Caller, HubError, StoreOfHub, Writer
from .commits import Conflict
from .store import Store, now

router = APIRouter()
BUCKET = "/api/buckets/{ns:seg}/{name:seg}"
EXPIRES = 4_102_444_800  # in 2100


@router.post(BUCKET)
async def create_bucket(
    request: Request, store: StoreOfHub, account: Writer, ns: str, name: str
) -> dict[str, Any]:
    if not account.owns(ns):
        raise HubError(403, f"Forbidden: {account.name} may not create buckets for {ns}")
    bucket_id = f"{ns}/{name}"
    if bucket_id in store.buckets:
        raise Conflict("You already created this bucket")
    store.buckets[bucket_id] = {}
    return {"url": f"{request.app.state.endpoint}/buckets/{bucket_id}"}


@router.get(BUCKET)
async def get_bucket(store: StoreOfHub, _: Caller, ns: str, name: str) -> dict[str, Any]:
    files = find_bucket(store, ns, name)
    return {
        "id": f"{ns}/{name}", "private": False, "createdAt": now(), "size": 0,
        "totalFiles": len(files),
    }  # fmt: skip


@router.get(BUCKET + "/xet-write-token")
async def get_token(store: StoreOfHub, account: Writer, ns: str, name: str) -> dict[str, Any]:
    find_bucket(store, ns, name)
    require_owner_of_bucket(account.owns(ns))
    folder = store.root / "xet"
    folder.mkdir(exist_ok=True)
    return {"casUrl": f"local://{folder}", "accessToken": "local", "exp": EXPIRES}


@router.post(BUCKET + "/batch")
async def change_files(
    request: Request, store: StoreOfHub, account: Writer, ns: str, name: str
) -> dict[str, Any]:
    """Adds and deletes files; each line of the body is one operation."""
    files = find_bucket(store, ns, name)
    require_owner_of_bucket(account.owns(ns))
    for line in (await request.body()).splitlines():
        operation = json.loads(line)
        if operation["type"] == "addFile":
            files[operation["path"]] = operation["xetHash"]
        else:
            files.pop(operation["path"], None)
    return {"success": True, "failed": []}


def find_bucket(store: Store, namespace: str, name: str) -> dict[str, str]:
    """Returns the Xet hash of each path in a bucket."""
    try:
        return store.buckets[f"{namespace}/{name}"]
    except KeyError:
        raise HubError(404, "Bucket not found", "RepoNotFound") from None


def require_owner_of_bucket(is_owner: bool) -> None:
    if not is_owner:
        raise HubError(403, "Forbidden: you may not write to this bucket")
