"""The application: all routes, path convertors, and errors as the Hub words them."""

from json import JSONDecodeError
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException

from .auth import Refusal
from .store import Store
from .trees import (
    BadRequest,
    Conflict,
    EntryNotFound,
    RepoNotFound,
    RevisionNotFound,
    StaleParent,
    StoreError,
)


class Encoded(Convertor[str]):
    """A parameter that is matched as it was sent and decoded afterwards."""

    def __init__(self, regex: str) -> None:
        self.regex = regex

    def convert(self, value: str) -> str:
        return unquote(value)

    def to_string(self, value: str) -> str:
        return value


class Kind(Encoded):
    """models, datasets or spaces; the handlers see the singular."""

    def convert(self, value: str) -> str:
        return value.removesuffix("s")


class Git(Encoded):
    """A repository's name with .git behind it."""

    def convert(self, value: str) -> str:
        return unquote(value.removesuffix(".git"))


register_url_convertor("seg", Encoded("[^/]+"))
register_url_convertor("tail", Encoded(".*"))
register_url_convertor("kind", Kind("models|datasets|spaces"))
register_url_convertor("space", Kind("spaces"))
register_url_convertor("git", Git(r"[^/]+\.git"))

STATUS: dict[type[StoreError], tuple[int, str | None]] = {
    RepoNotFound: (404, "RepoNotFound"),
    RevisionNotFound: (404, "RevisionNotFound"),
    EntryNotFound: (404, "EntryNotFound"),
    Conflict: (409, None),
    StaleParent: (412, None),
    BadRequest: (400, None),
}


async def refused(request: Request, error: Any) -> JSONResponse:
    """The error as the Hub sends it: a JSON body, and headers for the client's exceptions."""
    if isinstance(error, StoreError):
        status, code = STATUS[type(error)]
        error = Refusal(status, str(error), code)
    elif isinstance(error, JSONDecodeError):
        error = Refusal(400, f"not JSON: {error}")
    elif isinstance(error, HTTPException):
        # No error code: a route that is missing here must not pass for a missing repository.
        message = f"the test Hub does not answer {request.method} {request.url.path}"
        error = Refusal(error.status_code, message)
    return JSONResponse({"error": error.message}, error.status, headers=error.headers)


def build_app(store: Store, endpoint: str) -> FastAPI:
    """The routes over `store`; `endpoint` is the address that answers will point to."""
    # Imported late: the routes' paths use the convertors registered above.
    from . import files, lfs_files, repos, spaces

    app = FastAPI(openapi_url=None)
    app.state.store, app.state.endpoint, app.state.tickets = store, endpoint, {}
    for module in (spaces, repos, files, lfs_files):
        app.include_router(module.router)
    for error in (StoreError, Refusal, JSONDecodeError, 404, 405):
        app.add_exception_handler(error, refused)
    return app
