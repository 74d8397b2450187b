"""Routes that upload and download files: preupload, LFS, commit and resolve."""

import base64
import binascii
import hashlib
import json
import re
import secrets
import tempfile
from collections.abc import Iterator
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from . import cards
from .auth import HubError, Readable, StoreOfHub, Writable, Writer
from .commits import AddFile, BadRequest, Blob, DeletePath
from .repos import REPO, repo_path
from .store import Store

router = APIRouter()


@router.post(REPO + "/preupload/{rev:seg}")
async def preupload(
    request: Request, store: StoreOfHub, repo: Writable, rev: str
) -> dict[str, Any]:
    """Returns which files go through LFS, and the ids of files that the Hub already has."""
    tree = repo.resolve(rev).tree
    files = []
    for file in (await request.json())["files"]:
        path = file["path"]
        mode = "lfs" if store.wants_lfs(path, file["size"]) else "regular"
        oid = content_id(tree[path]) if path in tree else None
        files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
    return {"files": files}


def content_id(blob: Blob) -> str:
    """Returns the id by which a client recognizes equal content: sha256 for LFS, else git's."""
    return blob.sha256 if blob.lfs else blob.git_oid


@router.post("/{ns:seg}/{name:git}/info/lfs/objects/batch")
@router.post("/{kind:kind}/{ns:seg}/{name:git}/info/lfs/objects/batch")
async def lfs_batch(
    request: Request, store: StoreOfHub, repo: Readable, account: Writer
) -> dict[str, Any]:
    """Returns an upload URL for each object that the Hub lacks.

    The caller need not own the repository, since a pull request may add LFS files; the commit
    checks that.
    """
    objects = []
    for item in (await request.json())["objects"]:
        response = {"oid": item["oid"], "size": item["size"]}
        if store.find_lfs_blob(item["oid"], item["size"]) is None:
            ticket = secrets.token_urlsafe(12)
            request.app.state.tickets[ticket] = response.copy()
            href = f"{request.app.state.endpoint}/lfs-upload/{ticket}"
            response["actions"] = {"upload": {"href": href, "header": {}}}
        objects.append(response)
    return {"transfer": "basic", "objects": objects}


@router.put("/lfs-upload/{ticket:seg}")
async def lfs_upload(request: Request, store: StoreOfHub, ticket: str) -> dict[str, Any]:
    """Stores the uploaded bytes; the ticket in the URL is the permission, as on S3."""
    expected = request.app.state.tickets.get(ticket)
    if expected is None:
        raise HubError(403, "Request has expired")
    digest, size = hashlib.sha256(), 0
    with tempfile.NamedTemporaryFile(dir=store.blobs, delete=False) as file:
        async for chunk in request.stream():
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    if (digest.hexdigest(), size) != (expected["oid"], expected["size"]):
        Path(file.name).unlink()
        raise HubError(400, f"the content is not the {expected['size']} bytes of {expected['oid']}")
    Path(file.name).replace(store.blobs / expected["oid"])
    return {}


@router.post(REPO + "/commit/{rev:seg}")
async def commit(
    request: Request, store: StoreOfHub, repo: Writable, account: Writer, rev: str
) -> dict[str, Any]:
    lines = list(parse_commit(await request.body()))
    header = next((value for key, value in lines if key == "header"), None)
    if header is None or not header.get("summary"):
        raise BadRequest("a commit needs a header with a summary")
    try:
        edits = [parse_edit(store, key, value) for key, value in lines if key != "header"]
    except (KeyError, TypeError) as error:
        raise BadRequest(f"not a commit payload: {error!r}") from None
    for edit in edits:
        if isinstance(edit, AddFile) and edit.path == "README.md":
            require_valid_card(store.read_blob(edit.blob), repo.kind)
    create_pr = request.query_params.get("create_pr") == "1"
    new_commit, reference = repo.commit(
        rev,
        edits,
        title=header["summary"],
        message=header.get("description") or "",
        author=account.name,
        parent=header.get("parentCommit"),
        pull_request=create_pr,
    )
    home = f"{request.app.state.endpoint}/{repo_path(repo.kind, repo.id)}"
    response = {
        "success": True,
        "commitOid": new_commit.oid,
        "commitUrl": f"{home}/commit/{new_commit.oid}",
    }
    if create_pr:
        response["pullRequestUrl"] = f"{home}/discussions/{reference.rsplit('/', 1)[1]}"
    return response


def parse_commit(body: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the (key, value) of each line of a commit payload, which is NDJSON."""
    try:
        for line in filter(None, body.splitlines()):
            item = json.loads(line)
            yield item["key"], item["value"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadRequest(f"not a commit payload: {error}") from None


def parse_edit(store: Store, key: str, value: dict[str, Any]) -> AddFile | DeletePath:
    """Returns the edit of one line of a commit; stores the content of a regular file."""
    path = value["path"]
    if key in ("deletedFile", "deletedFolder"):
        return DeletePath(path, folder=key == "deletedFolder")
    if key == "lfsFile":
        # The client sends no size for a copy.
        blob = store.find_lfs_blob(value["oid"], value.get("size"))
        if blob is None:
            raise BadRequest(f"LFS pointer of {path} points to an object that was never uploaded")
        return AddFile(path, blob)
    if key != "file":
        raise BadRequest(f"unknown operation {key!r}")
    try:
        content = base64.b64decode(value["content"], validate=True)
    except binascii.Error as error:
        raise BadRequest(f"{path} is not base64: {error}") from None
    if len(content) > store.regular_limit:
        raise BadRequest(f"{path} is too large for a regular file: use LFS")
    return AddFile(path, store.write_blob(content))


def require_valid_card(content: bytes, kind: str) -> None:
    errors, _ = cards.check_card(content.decode(errors="replace"), kind)
    if errors:
        raise BadRequest("Invalid metadata in README.md. " + " ".join(errors))


@router.api_route("/{ns:seg}/{name:seg}/resolve/{rev:seg}/{path:tail}", methods=["GET", "HEAD"])
@router.api_route(
    "/{kind:kind}/{ns:seg}/{name:seg}/resolve/{rev:seg}/{path:tail}", methods=["GET", "HEAD"]
)
async def resolve(
    request: Request, store: StoreOfHub, repo: Readable, rev: str, path: str
) -> Response:
    """Returns a file, or where `store.redirects_lfs` is set a redirect to an LFS file's content."""
    commit = repo.resolve(rev)
    headers = {"X-Repo-Commit": commit.oid}
    if path not in commit.tree or not store.blob_path(commit.tree[path]).exists():
        # The client caches that the file is missing from this commit.
        raise HubError(404, "Entry not found", "EntryNotFound", headers)
    blob = commit.tree[path]
    headers["ETag"] = f'"{content_id(blob)}"'
    if blob.lfs:
        headers |= {"X-Linked-ETag": headers["ETag"], "X-Linked-Size": str(blob.size)}
    if blob.lfs and store.redirects_lfs:
        # Another host, as on the real Hub: the client takes a redirect on the same for a rename.
        host = request.app.state.endpoint.replace("127.0.0.1", "localhost")
        return RedirectResponse(f"{host}/cdn/{blob.sha256}", 302, headers)
    media_type = guess_type(path)[0] or "application/octet-stream"
    return FileResponse(store.blob_path(blob), headers=headers, media_type=media_type)


@router.api_route("/cdn/{sha256:seg}", methods=["GET", "HEAD"])
async def cdn(store: StoreOfHub, sha256: str) -> FileResponse:
    """Returns the content of an LFS file; the digest in the URL is the permission."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256) or not (store.blobs / sha256).is_file():
        raise HubError(404, "Not found")
    headers = {"ETag": f'"{sha256}"'}
    return FileResponse(store.blobs / sha256, headers=headers, media_type="binary/octet-stream")
