"""Routes that move bytes: preupload, LFS, commit and resolve."""

import base64
import binascii
import hashlib
import json
import secrets
import tempfile
from collections.abc import Iterator
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse

from . import cards
from .auth import Readable, Refusal, Stored, Writable, Writer
from .repos import REPO, address
from .store import Store
from .trees import BadRequest, Blob, Delete, Put

router = APIRouter()


@router.post(REPO + "/preupload/{rev:seg}")
async def preupload(request: Request, store: Stored, repo: Writable, rev: str) -> dict[str, Any]:
    """Which files go through LFS, and what the Hub has already (the client skips equal files)."""
    tree = repo.resolve(rev).tree
    files = []
    for file in (await request.json())["files"]:
        path = file["path"]
        mode = "lfs" if store.wants_lfs(path, file["size"]) else "regular"
        oid = known(tree[path]) if path in tree else None
        files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
    return {"files": files}


def known(blob: Blob) -> str:
    return blob.sha256 if blob.lfs else blob.git_oid


@router.post("/{ns:seg}/{name:git}/info/lfs/objects/batch")
@router.post("/{kind:kind}/{ns:seg}/{name:git}/info/lfs/objects/batch")
async def lfs_batch(
    request: Request, store: Stored, repo: Readable, account: Writer
) -> dict[str, Any]:
    """Upload tickets for the missing objects.

    Owning the repository is not needed, as a pull request may bring LFS files; the commit checks.
    """
    objects = []
    for wanted in (await request.json())["objects"]:
        answer = {"oid": wanted["oid"], "size": wanted["size"]}
        if store.lfs(wanted["oid"], wanted["size"]) is None:
            ticket = secrets.token_urlsafe(12)
            request.app.state.tickets[ticket] = answer.copy()
            href = f"{request.app.state.endpoint}/lfs-upload/{ticket}"
            answer["actions"] = {"upload": {"href": href, "header": {}}}
        objects.append(answer)
    return {"transfer": "basic", "objects": objects}


@router.put("/lfs-upload/{ticket:seg}")
async def lfs_upload(request: Request, store: Stored, ticket: str) -> dict[str, Any]:
    """Take the bytes a ticket was given for; the address is the permission, as on S3."""
    expected = request.app.state.tickets.get(ticket)
    if expected is None:
        raise Refusal(403, "Request has expired")
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=store.blobs, delete=False) as file:
        async for chunk in request.stream():
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    if (digest.hexdigest(), size) != (expected["oid"], expected["size"]):
        Path(file.name).unlink()
        raise Refusal(400, f"the bytes are not the {expected['size']} of {expected['oid']}")
    Path(file.name).replace(store.blobs / expected["oid"])
    return {}


@router.post(REPO + "/commit/{rev:seg}")
async def commit(
    request: Request, store: Stored, repo: Writable, account: Writer, rev: str
) -> dict[str, Any]:
    lines = list(ndjson(await request.body()))
    header = next((value for key, value in lines if key == "header"), None)
    if header is None or not header.get("summary"):
        raise BadRequest("a commit needs a header with a summary")
    try:
        edits = [edit(store, key, value) for key, value in lines if key != "header"]
    except (KeyError, TypeError) as error:
        raise BadRequest(f"not a commit payload: {error!r}") from None
    for change in edits:
        if isinstance(change, Put) and change.path == "README.md":
            check_card(store.read(change.blob), repo.kind)
    create_pr = request.query_params.get("create_pr") == "1"
    made, reference = repo.add(
        rev,
        edits,
        title=header["summary"],
        message=header.get("description") or "",
        author=account.name,
        parent=header.get("parentCommit"),
        pull_request=create_pr,
    )
    home = f"{request.app.state.endpoint}/{address(repo.kind, repo.id)}"
    answer = {"success": True, "commitOid": made.oid, "commitUrl": f"{home}/commit/{made.oid}"}
    if create_pr:
        answer["pullRequestUrl"] = f"{home}/discussions/{reference.rsplit('/', 1)[1]}"
    return answer


def ndjson(body: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        for line in filter(None, body.splitlines()):
            item = json.loads(line)
            yield item["key"], item["value"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadRequest(f"not a commit payload: {error}") from None


def edit(store: Store, key: str, value: dict[str, Any]) -> Put | Delete:
    """One line of a commit as an edit of the tree."""
    path = value["path"]
    if key in ("deletedFile", "deletedFolder"):
        return Delete(path, folder=key == "deletedFolder")
    if key == "lfsFile":
        blob = store.lfs(value["oid"], value["size"])
        if blob is None:
            raise BadRequest(f"LFS pointer of {path} points to an object that was never uploaded")
        return Put(path, blob)
    if key != "file":
        raise BadRequest(f"unknown operation {key!r}")
    try:
        content = base64.b64decode(value["content"], validate=True)
    except binascii.Error as error:
        raise BadRequest(f"{path} is not base64: {error}") from None
    if len(content) > store.regular_limit:
        raise BadRequest(f"{path} is too large for a regular file: use LFS")
    return Put(path, store.put(content))


def check_card(content: bytes, kind: str) -> None:
    errors, _ = cards.problems(content.decode(errors="replace"), kind)
    if errors:
        raise BadRequest("Invalid metadata in README.md. " + " ".join(errors))


@router.api_route("/{ns:seg}/{name:seg}/resolve/{rev:seg}/{path:tail}", methods=["GET", "HEAD"])
@router.api_route(
    "/{kind:kind}/{ns:seg}/{name:seg}/resolve/{rev:seg}/{path:tail}", methods=["GET", "HEAD"]
)
async def resolve(store: Stored, repo: Readable, rev: str, path: str) -> FileResponse:
    """The file itself. The real Hub redirects LFS files to a CDN; here they come directly."""
    found = repo.resolve(rev)
    headers = {"X-Repo-Commit": found.oid}
    if path not in found.tree or not store.blob_path(found.tree[path]).exists():
        # The client remembers "not there" under this commit.
        raise Refusal(404, "Entry not found", "EntryNotFound", headers)
    blob = found.tree[path]
    headers["ETag"] = f'"{known(blob)}"'
    if blob.lfs:
        headers |= {"X-Linked-ETag": headers["ETag"], "X-Linked-Size": str(blob.size)}
    media_type = guess_type(path)[0] or "application/octet-stream"
    return FileResponse(store.blob_path(blob), headers=headers, media_type=media_type)
