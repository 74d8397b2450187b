"""Routes about a repository's LFS files as such: what it stores, and deleting that for good."""

from typing import Any

from fastapi import APIRouter, Request

from .auth import Stored, Writable, Writer
from .repos import REPO
from .trees import BadRequest

router = APIRouter()


@router.get(REPO + "/lfs-files")
async def lfs_files(repo: Writable) -> list[dict[str, Any]]:
    """Each object once, under the first name it was committed by, whatever still points to it."""
    return [
        {
            "fileOid": file.sha256,
            "filename": file.path,
            "oid": file.git_oid,
            "pushedAt": file.pushed_at,
            "ref": file.reference,
            "size": file.size,
        }
        for file in repo.lfs_files.values()
    ]


@router.post(REPO + "/lfs-files/batch")
async def delete_lfs_files(
    request: Request, store: Stored, repo: Writable, account: Writer
) -> dict[str, Any]:
    """Deletes the bytes even where a commit points to them, as the real Hub warns that it does."""
    deletions = (await request.json())["deletions"]
    if deletions["rewriteHistory"]:
        raise BadRequest("the test Hub does not rewrite history")
    for sha256 in deletions["sha"]:
        store.delete_lfs(repo, sha256)
    return {}
