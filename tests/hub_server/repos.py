"""Routes of accounts, and of repositories: create, delete, settings, references and listings."""

from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from . import cards
from .accounts import PLANS, describe_account
from .auth import HubError, LoggedIn, Readable, StoreOfHub, Writable, Writer
from .commits import Blob, Commit, Conflict
from .hosting import check_flavor, check_may_host
from .store import Repo

router = APIRouter()
REPO = "/api/{kind:kind}/{ns:seg}/{name:seg}"


@router.get("/api/whoami-v2")
async def whoami(account: LoggedIn) -> dict[str, Any]:
    return describe_account(account)


@router.get("/api/organizations/{name:seg}/overview")
async def organization_overview(name: str) -> dict[str, Any]:
    if name not in PLANS:
        raise HubError(404, "This organization does not exist")
    plan = {"plan": PLANS[name]} if PLANS[name] else {}
    return {"name": name, "fullname": name.title(), "avatarUrl": f"/avatars/{name}.svg", **plan}


@router.post("/api/validate-yaml")
async def validate_yaml(request: Request) -> JSONResponse:
    body = await request.json()
    errors, warnings = cards.check_card(body["content"], body["repoType"])
    content = {
        "errors": [{"message": message} for message in errors],
        "warnings": [{"message": message} for message in warnings],
    }
    return JSONResponse(content, 400 if errors else 200)


@router.post("/api/repos/create")
async def create(request: Request, store: StoreOfHub, account: Writer) -> JSONResponse:
    body = await request.json()
    kind, namespace = body.get("type") or "model", body.get("organization") or account.name
    if not account.owns(namespace):
        message = f"You don't have the rights to create a {kind} under the namespace {namespace!r}"
        raise HubError(403, message)
    if kind == "space" and body.get("sdk") not in cards.SDKS:
        raise HubError(400, f'"sdk" must be one of [{", ".join(cards.SDKS)}]')
    repo_id = f"{namespace}/{body['name']}"
    hardware = check_flavor(body.get("hardware") or "cpu-basic")
    if kind == "space":
        # Before the name: the client asks on 402 whether the Space exists already.
        check_may_host(store, account, repo_id, body["sdk"], hardware)
    response = {"url": f"{request.app.state.endpoint}/{repo_path(kind, repo_id)}", "name": repo_id}
    try:
        repo = store.create(kind, repo_id, body.get("visibility") == "private", body.get("sdk"))
    except Conflict as error:
        # create_repo(exist_ok=True) reads the URL from the error response.
        return JSONResponse({**response, "error": str(error)}, 409)
    repo.hardware = hardware
    repo.sleep_time = body.get("sleepTimeSeconds")
    for name in ("variables", "secrets"):
        getattr(repo, name).update({item["key"]: item for item in body.get(name) or []})
    return JSONResponse(response)


@router.delete("/api/repos/delete")
async def delete(request: Request, store: StoreOfHub, account: Writer) -> dict[str, Any]:
    body = await request.json()
    namespace = body.get("organization") or account.name
    if not account.owns(namespace):
        raise HubError(403, f"Forbidden: {account.name} has no write access to {namespace}")
    repo = store.repo(body.get("type") or "model", f"{namespace}/{body['name']}")
    del store.repos[repo.kind, repo.id]
    return {}


@router.put(REPO + "/settings")
async def settings(request: Request, repo: Writable) -> dict[str, Any]:
    visibility = (await request.json()).get("visibility")
    repo.private = visibility == "private" if visibility else repo.private
    return {"private": repo.private}


@router.get(REPO + "/auth-check")
async def auth_check(repo: Readable) -> dict[str, Any]:
    return {}


@router.get(REPO + "/auth-check/write")
async def auth_check_write(repo: Writable) -> dict[str, Any]:
    return {}


@router.get(REPO)
@router.get(REPO + "/revision/{rev:seg}")
async def info(store: StoreOfHub, repo: Readable, rev: str = "main", blobs: bool = False) -> Any:
    commit = repo.resolve(rev)
    card = cards.read_card_data(store, commit)
    return describe_repo(repo, commit, card, blobs)


def describe_repo(
    repo: Repo, commit: Commit, card: dict[str, Any], blobs: bool = False
) -> dict[str, Any]:
    """Returns the Hub's information about a repository at a commit; `card` is its front matter."""
    siblings = [describe_sibling(path, blob, blobs) for path, blob in sorted(commit.tree.items())]
    response = {
        "id": repo.id,
        "author": repo.namespace,
        "sha": commit.oid,
        "private": repo.private,
        "gated": "auto" if repo.gated else False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "createdAt": repo.created_at,
        "lastModified": repo.head.date,
        "tags": cards.tags(card),
        "cardData": card,
        "siblings": siblings,
    }
    if repo.kind == "model":
        response |= {key: card[key] for key in ("library_name", "pipeline_tag") if key in card}
        response["model-index"] = card.get("model-index")
    if repo.kind == "space":
        response |= {key: cards.as_list(card, key) for key in ("models", "datasets")}
        response["sdk"] = repo.sdk
        response["tags"] = [repo.sdk, *response["tags"]]
    return response


def describe_sibling(path: str, blob: Blob, sizes: bool) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": path}
    if sizes:
        sibling |= {"size": blob.size, "blobId": blob.git_oid}
        if blob.lfs:
            pointer = len(blob.pointer)
            sibling["lfs"] = {"sha256": blob.sha256, "size": blob.size, "pointerSize": pointer}
    return sibling


@router.get(REPO + "/refs")
async def refs(repo: Readable) -> dict[str, Any]:
    def describe(references: dict[str, str], prefix: str) -> list[dict[str, str]]:
        return [
            {"name": name, "ref": prefix + name, "targetCommit": oid}
            for name, oid in references.items()
        ]

    return {
        "branches": describe(repo.branches, "refs/heads/"),
        "tags": describe(repo.tags, "refs/tags/"),
        "pullRequests": describe(repo.pulls, ""),
        "converts": [],
    }


@router.get(REPO + "/commits/{rev:seg}")
async def commits(repo: Readable, rev: str) -> list[dict[str, Any]]:
    return [
        {
            "id": commit.oid,
            "title": commit.title,
            "message": commit.message,
            "date": commit.date,
            "authors": [{"user": commit.author}],
        }
        for commit in repo.history(repo.resolve(rev))
    ]


@router.post(REPO + "/tag/{rev:seg}")
async def create_tag(request: Request, repo: Writable, rev: str) -> dict[str, Any]:
    repo.tag((await request.json())["tag"], rev)
    return {}


@router.delete(REPO + "/tag/{tag:seg}")
async def delete_tag(repo: Writable, tag: str) -> dict[str, Any]:
    if repo.tags.pop(tag, None) is None:
        raise HubError(404, f"Tag {tag} not found", "RevisionNotFound")
    return {}


@router.post(REPO + "/branch/{branch:seg}")
async def create_branch(request: Request, repo: Writable, branch: str) -> dict[str, Any]:
    repo.branch(branch, (await request.json()).get("startingPoint") or "main")
    return {}


@router.delete(REPO + "/branch/{branch:seg}")
async def delete_branch(repo: Writable, branch: str) -> dict[str, Any]:
    if branch == "main":
        raise HubError(403, "Forbidden: main is a protected branch")
    if repo.branches.pop(branch, None) is None:
        raise HubError(404, f"Branch {branch} not found", "RevisionNotFound")
    return {}


@router.post(REPO + "/super-squash/{branch:seg}")
async def squash(request: Request, repo: Writable, account: Writer, branch: str) -> dict[str, Any]:
    repo.squash(branch, (await request.json())["message"], account.name)
    return {}


@router.get(REPO + "/tree/{rev:seg}")
@router.get(REPO + "/tree/{rev:seg}/{path:tail}")
async def tree(
    repo: Readable, rev: str, path: str = "", recursive: bool = False, expand: bool = False
) -> list[dict[str, Any]]:
    commit = repo.resolve(rev)
    directories = commit.directories()
    if path and path not in directories:
        raise HubError(404, f"{path} does not exist on {rev}", "EntryNotFound")
    prefix = path + "/" if path else ""
    return [
        describe_path(repo, commit, item, expand)
        for item in sorted([*commit.tree, *directories])
        if item.startswith(prefix) and (recursive or "/" not in item[len(prefix) :])
    ]


@router.post(REPO + "/paths-info/{rev:seg}")
async def paths_info(request: Request, repo: Readable, rev: str) -> list[dict[str, Any]]:
    commit = repo.resolve(rev)
    form = parse_qs((await request.body()).decode())
    expand = form.get("expand", ["false"])[0].lower() == "true"
    paths = [path.strip("/") for path in form.get("paths", [])]
    return [describe_path(repo, commit, path, expand) for path in paths if commit.entry_id(path)]


def describe_path(repo: Repo, commit: Commit, path: str, expand: bool) -> dict[str, Any]:
    """Returns what tree and paths-info send for one file or folder."""
    blob = commit.tree.get(path)
    kind = "directory" if blob is None else "file"
    entry: dict[str, Any] = {"type": kind, "path": path, "size": 0, "oid": commit.entry_id(path)}
    if blob is not None:
        entry["size"] = blob.size
        if blob.lfs:
            pointer = len(blob.pointer)
            entry["lfs"] = {"oid": blob.sha256, "size": blob.size, "pointerSize": pointer}
    if expand:
        last = repo.last_change(commit, path)
        entry["lastCommit"] = {"id": last.oid, "title": last.title, "date": last.date}
    return entry


def repo_path(kind: str, repo_id: str) -> str:
    """Returns the path of the repository's page on the Hub; models have no prefix."""
    return repo_id if kind == "model" else f"{kind}s/{repo_id}"
