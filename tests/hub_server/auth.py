"""Who is calling, what they may touch, and how a refusal looks on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from .store import Repo, Store
from .trees import RepoNotFound

WRITE_TOKEN = "hf_test_write_token"
READ_TOKEN = "hf_test_read_token"
USER = "tester"
ORGANISATION = "test-org"


class Refusal(Exception):
    """An error answer: `code` becomes X-Error-Code, from which the client picks its exception."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.headers = {"X-Error-Message": message.encode("ascii", "replace").decode()}
        if code is not None:
            self.headers["X-Error-Code"] = code
        self.headers |= headers or {}


@dataclass(frozen=True)
class Account:
    name: str
    role: str  # the token's: "read" or "write"
    organisations: tuple[str, ...] = ()

    def owns(self, namespace: str) -> bool:
        return namespace == self.name or namespace in self.organisations


ACCOUNTS = {
    WRITE_TOKEN: Account(USER, "write", (ORGANISATION,)),
    READ_TOKEN: Account(USER, "read", (ORGANISATION,)),
}


async def caller(request: Request) -> Account | None:
    """The account behind the token; a wrong token is refused even where none is needed."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return None
    if scheme.lower() != "bearer" or token not in ACCOUNTS:
        raise Refusal(401, "Invalid credentials in Authorization header")
    return ACCOUNTS[token]


Caller = Annotated[Account | None, Depends(caller)]


async def logged_in(account: Caller) -> Account:
    if account is None:
        raise Refusal(401, "Invalid username or password.")
    return account


LoggedIn = Annotated[Account, Depends(logged_in)]


async def writer(account: LoggedIn) -> Account:
    if account.role != "write":
        raise Refusal(403, "Forbidden: you must use a write token for this operation")
    return account


Writer = Annotated[Account, Depends(writer)]


async def store_of(request: Request) -> Store:
    return request.app.state.store


Stored = Annotated[Store, Depends(store_of)]


async def readable(request: Request, store: Stored, account: Caller) -> Repo:
    """The repository in the path, if the caller may know that it exists."""
    at = request.path_params
    try:
        repo = store.repo(at.get("kind", "model"), f"{at['ns']}/{at['name']}")
        if repo.private and not (account and account.owns(repo.namespace)):
            raise RepoNotFound
    except RepoNotFound:
        # Anonymous callers get 401 for missing and private alike, so that the answer does not
        # tell the two apart.
        if account is None:
            raise Refusal(401, "Invalid username or password.", "RepoNotFound") from None
        raise Refusal(404, "Repository not found", "RepoNotFound") from None
    return repo


Readable = Annotated[Repo, Depends(readable)]


async def writable(request: Request, repo: Readable, account: Caller) -> Repo:
    """The repository in the path, if the caller may change it or, with create_pr, propose to."""
    if account is None:
        # The client turns any 401 on a repository's https address into RepositoryNotFoundError;
        # over http it needs the code for that.
        raise Refusal(401, "Invalid username or password.", "RepoNotFound")
    await writer(account)
    if not account.owns(repo.namespace) and request.query_params.get("create_pr") != "1":
        raise Refusal(403, f"Forbidden: {account.name} has no write access to {repo.id}")
    return repo


Writable = Annotated[Repo, Depends(writable)]
