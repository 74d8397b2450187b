"""Authentication and permissions of the test Hub, as FastAPI dependencies."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request

from .accounts import ACCOUNTS, Account
from .commits import RepoNotFound
from .store import Repo, Store


class HubError(Exception):
    """An error response; the client picks its exception by `code`, sent as X-Error-Code."""

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


async def get_caller(request: Request) -> Account | None:
    """Returns the account of the token, or None; a wrong token is an error on every route."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return None
    if scheme.lower() != "bearer" or token not in ACCOUNTS:
        raise HubError(401, "Invalid credentials in Authorization header")
    return ACCOUNTS[token]


Caller = Annotated[Account | None, Depends(get_caller)]


async def require_login(account: Caller) -> Account:
    if account is None:
        raise HubError(401, "Invalid username or password.")
    return account


LoggedIn = Annotated[Account, Depends(require_login)]


async def require_write_token(account: LoggedIn) -> Account:
    if account.role != "write":
        raise HubError(403, "Forbidden: you must use a write token for this operation")
    return account


Writer = Annotated[Account, Depends(require_write_token)]


async def get_store(request: Request) -> Store:
    return request.app.state.store


StoreOfHub = Annotated[Store, Depends(get_store)]


async def get_readable_repo(request: Request, store: StoreOfHub, account: Caller) -> Repo:
    """Returns the repository of the path, if the caller may read it."""
    parameters = request.path_params
    repo_id = f"{parameters['ns']}/{parameters['name']}"
    try:
        repo = store.repo(parameters.get("kind", "model"), repo_id)
        if repo.private and not (account and account.owns(repo.namespace)):
            raise RepoNotFound
    except RepoNotFound:
        # An anonymous caller gets 401 for missing and for private repositories, so that the
        # response does not reveal which of them exist.
        if account is None:
            raise HubError(401, "Invalid username or password.", "RepoNotFound") from None
        raise HubError(404, "Repository not found", "RepoNotFound") from None
    return repo


Readable = Annotated[Repo, Depends(get_readable_repo)]


async def get_writable_repo(request: Request, repo: Readable, account: Caller) -> Repo:
    """Returns the repository of the path, if the caller may write to it or opens a pull request."""
    if account is None:
        # The client turns any 401 on an https URL of a repository into RepositoryNotFoundError;
        # over http it does so only with this code.
        raise HubError(401, "Invalid username or password.", "RepoNotFound")
    await require_write_token(account)
    if not account.owns(repo.namespace) and request.query_params.get("create_pr") != "1":
        raise HubError(403, f"Forbidden: {account.name} has no write access to {repo.id}")
    return repo


Writable = Annotated[Repo, Depends(get_writable_repo)]
