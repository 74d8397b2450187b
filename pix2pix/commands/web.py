"""Serves the browser Space on this machine: the page that translates without a server.

    pix2pix web
    pix2pix web --model <user>/pix2pix-maps@v1.0

The page loads a public model from the Hub itself, as a static Space does. A private model is
downloaded with your token and served from this machine.
"""

import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2pix import console, preflight
from pix2pix.artifacts import REQUIRED
from pix2pix.browser import list_model_files, list_site_files
from pix2pix.browser.server import SiteServer
from pix2pix.errors import UserError
from pix2pix.fields import check_settings, setting
from pix2pix.flags import parse_as
from pix2pix.names import check_model_name

PROGRAM = "pix2pix web"
STARTER, LOCAL_FOLDER = {"folder": "starter_model"}, "model"
MAX_PORT = 65_535


@dataclass(frozen=True)
class WebSettings:
    """Names the model and the port. Raises `UserError` for a wrong value."""

    model: str | None = setting(
        None, "folder, Hub id, or id@revision", default_help="the starter models", may_be_path=True
    )
    port: int = setting(7861, "port on 127.0.0.1; 0: any free one", at_least=0, below=MAX_PORT + 1)

    def __post_init__(self) -> None:
        check_settings(self)
        if self.model == "":
            raise UserError("--model is empty: name a folder or an id, or leave it out.")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    (settings,) = parse_as((WebSettings,), __doc__ or "", arguments, PROGRAM)
    return console.run_command(PROGRAM, lambda: run(settings))


def run(settings: WebSettings) -> None:
    """Serves the page until Ctrl-C or SIGTERM."""
    model = _choose_model(settings.model)
    files = list_site_files(model.settings, endpoint=_hub_endpoint()) | model.files
    with SiteServer(files, settings.port) as server:
        print(f"The model: {model.title}")
        print(f"The page: {server.url} (Ctrl-C ends it)", flush=True)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


@dataclass(frozen=True)
class _Model:
    """The model of the page: a title, the settings of the page, and the files served here."""

    title: str
    settings: dict[str, Any]
    files: dict[str, Path | bytes]


def _choose_model(name: str | None) -> _Model:
    if name is None:
        return _Model("both starter models; choose one on the page", STARTER, {})
    check_model_name(name)
    if not Path(name).is_dir():
        return _choose_hub_model(*name.split("@", 1))
    for required in REQUIRED:
        if not (Path(name) / required).is_file():
            raise UserError(f"{name} is not a pix2pix model: it has no {required}.")
    return _serve_folder(f"the folder {name if name.isprintable() else repr(name)}", Path(name))


def _serve_folder(title: str, folder: Path) -> _Model:
    return _Model(title, {"folder": LOCAL_FOLDER}, list_model_files(folder, LOCAL_FOLDER))


def _choose_hub_model(repo_id: str, revision: str | None = None) -> _Model:
    """Does what `_choose_model` does, for a model of the Hub, at the commit of `revision`."""
    preflight.prepare_hub()
    from huggingface_hub import get_token

    from pix2pix import hub
    from pix2pix.hub.deployed_model import read_model

    if "/" not in repo_id and not get_token():
        raise UserError(f"There is no folder {repo_id}, and an id looks like <user>/<name>.")
    model = read_model(repo_id, revision)
    title = f"{model.id} at commit {model.revision[:12]}"
    if model.restriction:
        return _serve_folder(title, hub.fetch_model(model.id, model.revision)[0])
    if model.missing:
        raise UserError(f"{model.id} is not a pix2pix model: it has no {model.missing}.")
    settings = {"id": model.id, "revision": model.revision, "sha256": model.graph_sha256}
    return _Model(title, {key: value for key, value in settings.items() if value}, {})


def _hub_endpoint() -> str:
    from huggingface_hub import constants

    return constants.ENDPOINT
