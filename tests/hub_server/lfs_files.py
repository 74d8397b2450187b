"""Routes that list the LFS files of a repository and delete them permanently."""

from typing import Any

from fastapi import APIRouter, Request

from .auth import StoreOfHub, Writable, Writer
from .commits import BadRequest
from .repos import REPO

router = APIRouter()


@router.get(REPO + "/lfs-files")
async def lfs_files(repo: Writable) -> list[dict[str, Any]]:
    """Returns each LFS object once, by its first path, even if no commit points to it anymore."""
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
    request: Request, store: StoreOfHub, repo: Writable, account: Writer
) -> dict[str, Any]:
    """Deletes the bytes even if a commit points to them, as the real Hub does with a warning."""
    deletions = (await request.json())["deletions"]
    if deletions["rewriteHistory"]:
        raise BadRequest("the test Hub does not rewrite history")
    for sha256 in deletions["sha"]:
        store.delete_lfs(repo, sha256)
    return {}
