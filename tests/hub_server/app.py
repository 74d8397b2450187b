"""Builds the ASGI application of the test Hub: its routes, path converters and error responses."""

from json import JSONDecodeError
from typing import Any
from urllib.parse import unquote

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from starlette.convertors import Convertor as Converter  # codespell:ignore convertors,convertor
from starlette.convertors import register_url_convertor  # codespell:ignore convertors,convertor
from starlette.exceptions import HTTPException

from .auth import HubError
from .commits import (
    BadRequest,
    Conflict,
    EntryNotFound,
    RepoNotFound,
    RevisionNotFound,
    StaleParent,
    StoreError,
)
from .store import Store


class EncodedParameter(Converter[str]):
    """A path parameter that is matched percent-encoded and decoded afterwards."""

    def __init__(self, regex: str) -> None:
        self.regex = regex

    def convert(self, value: str) -> str:
        return unquote(value)

    def to_string(self, value: str) -> str:
        return value


class RepoKind(EncodedParameter):
    """Matches models, datasets or spaces; the handlers get the singular."""

    def convert(self, value: str) -> str:
        return value.removesuffix("s")


class GitName(EncodedParameter):
    """Matches a repository name with the suffix .git; the handlers get it without."""

    def convert(self, value: str) -> str:
        return unquote(value.removesuffix(".git"))


register_url_convertor("seg", EncodedParameter("[^/]+"))
register_url_convertor("tail", EncodedParameter(".*"))
register_url_convertor("kind", RepoKind("models|datasets|spaces"))
register_url_convertor("space", RepoKind("spaces"))
register_url_convertor("git", GitName(r"[^/]+\.git"))

# The headers that the Hub lets pages of other sites read.
EXPOSED_HEADERS = (
    "X-Repo-Commit", "X-Request-Id", "X-Error-Code", "X-Error-Message", "X-Total-Count", "ETag",
    "Link", "Accept-Ranges", "Content-Range", "X-Linked-Size", "X-Linked-ETag",
)  # fmt: skip

STATUS_AND_CODE: dict[type[StoreError], tuple[int, str | None]] = {
    RepoNotFound: (404, "RepoNotFound"),
    RevisionNotFound: (404, "RevisionNotFound"),
    EntryNotFound: (404, "EntryNotFound"),
    Conflict: (409, None),
    StaleParent: (412, None),
    BadRequest: (400, None),
}


async def error_response(request: Request, error: Any) -> JSONResponse:
    """Returns an error as the Hub sends it: a JSON body, and headers for the client."""
    if isinstance(error, StoreError):
        status, code = STATUS_AND_CODE[type(error)]
        error = HubError(status, str(error), code)
    elif isinstance(error, JSONDecodeError):
        error = HubError(400, f"the body is not JSON: {error}")
    elif isinstance(error, HTTPException):
        # Without an error code, so that a route missing here is not a missing repository.
        message = f"the test Hub has no route {request.method} {request.url.path}"
        error = HubError(error.status_code, message)
    return JSONResponse({"error": error.message}, error.status, headers=error.headers)


def build_app(store: Store, endpoint: str) -> FastAPI:
    """Returns the application that serves `store`; its responses contain URLs of `endpoint`."""
    # Imported here, since the paths of the routes use the converters registered above.
    from . import buckets, files, lfs_files, repos, spaces_and_jobs

    app = FastAPI(openapi_url=None)
    app.state.store, app.state.endpoint, app.state.tickets = store, endpoint, {}
    # Pages of any site may read what is public, as on the real Hub.
    app.add_middleware(
        CORSMiddleware, allow_origins=["*"], allow_methods=["GET", "HEAD"],
        allow_headers=["*"], expose_headers=EXPOSED_HEADERS,
    )  # fmt: skip
    for module in (buckets, spaces_and_jobs, repos, files, lfs_files):
        app.include_router(module.router)
    for error in (StoreError, HubError, JSONDecodeError, 404, 405):
        app.add_exception_handler(error, error_response)
    return app
