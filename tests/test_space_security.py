"""The Space refuses to start without Gradio's hooks, turns errors into sentences, deletes files."""

import ast
import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from pix2pix.errors import UserError
from pix2pix.space import security
from pix2pix.space.security import hooks, sweep
from pix2pix.space.security.calls import INTERNAL_ERROR, SecureBlocks
from tests.commands import ROOT

SOURCES = [ROOT / "app.py", *(ROOT / "pix2pix" / "space").rglob("*.py")]
PRIVATE_PACKAGES = ("gradio", "gradio_client", "safehttpx")
# What Gradio documents for its users.
PUBLIC_MODULES = ("gradio", "gradio.processing_utils", "gradio.component_meta")

RENAME_IN_GRADIO = """
from gradio import processing_utils
processing_utils.ssrf_get = processing_utils.async_ssrf_protected_get
del processing_utils.async_ssrf_protected_get
import runpy
runpy.run_path("app.py", run_name="__main__")
"""


def owner_and_attribute(hook: hooks.Hook) -> tuple[object, str]:
    path, _, attribute = hook.name.rpartition(".")
    return hooks._resolve(hook.module, path) if path else sys.modules[hook.module], attribute


def test_this_version_of_gradio_has_every_hook():
    hooks.check_hooks()


@pytest.mark.parametrize("hook", hooks.HOOKS, ids=str)
def test_a_renamed_hook_is_refused(hook: hooks.Hook, monkeypatch: pytest.MonkeyPatch):
    owner, attribute = owner_and_attribute(hook)
    target = getattr(owner, attribute)
    for cls in owner.__mro__ if isinstance(owner, type) else [owner]:
        if attribute in vars(cls):
            monkeypatch.delattr(cls, attribute)
    monkeypatch.setattr(owner, f"{attribute}_renamed", target, raising=False)
    with pytest.raises(UserError, match=f"relies on .*{attribute}, which .*sdk_version"):
        hooks.check_hooks()


@pytest.mark.parametrize(
    "hook", [hook for hook in hooks.HOOKS if hook.parameters], ids=str
)  # fmt: skip
def test_a_hook_with_other_parameters_is_refused(hook: hooks.Hook, monkeypatch: pytest.MonkeyPatch):
    def other(unknown: object) -> None: ...

    monkeypatch.setattr(*owner_and_attribute(hook), other)
    with pytest.raises(UserError, match="which does not accept"):
        hooks.check_hooks()


@pytest.mark.parametrize("hook", [hook for hook in hooks.HOOKS if hook.user], ids=str)
def test_a_hook_that_gradio_no_longer_uses_is_refused(
    hook: hooks.Hook, monkeypatch: pytest.MonkeyPatch
):
    def other(*_: object) -> None: ...

    user = hooks.Hook(hook.user_module or hook.module, hook.user)
    monkeypatch.setattr(*owner_and_attribute(user), other)
    with pytest.raises(UserError):
        hooks.check_hooks()


def private_imports(source: Path) -> set[str]:
    """Returns the names that a module uses from inside Gradio, as `module.name`."""
    names = set()
    tree = ast.parse(source.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in (
            PRIVATE_PACKAGES
        ):
            imported = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= imported - set(PUBLIC_MODULES)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = f"gradio.{node.value.id}"
            if module in PUBLIC_MODULES:
                names.add(f"{module}.{node.attr}")
    return names


def test_every_private_name_that_the_space_uses_is_a_hook():
    used = set().union(*map(private_imports, SOURCES))
    assert "gradio.processing_utils.async_ssrf_protected_get" in used
    assert used <= {str(hook) for hook in hooks.HOOKS}


@pytest.mark.slow
def test_the_program_stops_with_one_sentence_where_a_hook_is_missing():
    result = subprocess.run(
        [sys.executable, "-c", RENAME_IN_GRADIO], cwd=ROOT, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr.strip().splitlines() == [
        "The Space does not start, because it relies on "
        "gradio.processing_utils.async_ssrf_protected_get, which does not exist in this version of "
        "Gradio; install the version that is named as sdk_version in README.md."
    ]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UserError("The picture is too large."), "The picture is too large."),
        (gr.Error("Gradio's own sentence."), "Gradio's own sentence."),
        (ZeroDivisionError("division by zero"), INTERNAL_ERROR),
    ],
    ids=["user", "gradio", "unexpected"],
)
@pytest.mark.parametrize("place", ["preprocess", "function", "postprocess"])
def test_every_error_of_a_call_becomes_a_sentence(error: Exception, message: str, place: str):
    def fail(*_: object) -> None:
        raise error

    class Field(gr.Textbox):
        is_template = True
        preprocess = fail if place == "preprocess" else gr.Textbox.preprocess
        postprocess = fail if place == "postprocess" else gr.Textbox.postprocess

    with SecureBlocks() as space:
        # The output has no value yet, so that only a call runs `postprocess`.
        source = gr.Textbox() if place == "postprocess" else Field()
        result = gr.Textbox()
        gr.Button().click(fail if place == "function" else str, source, result)
    if place == "postprocess":
        result.postprocess = fail
    with pytest.raises(gr.Error) as raised:
        asyncio.run(space.process_api(0, ["text"]))
    assert raised.value.message == message
    assert raised.value.print_exception is False


def test_old_files_are_deleted_and_new_ones_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def sweep_at(now: float) -> None:
        # The clock is set, since no program can set the time when a file was created.
        monkeypatch.setattr(security, "time", SimpleNamespace(time=lambda: now))
        sweep(tmp_path, age=3600)

    (tmp_path / "a" / "b").mkdir(parents=True)
    old = [tmp_path / "a" / "b" / "photo.png", tmp_path / "a" / "upload.tmp", tmp_path / "loose"]
    for path in old:
        path.write_bytes(b"x")
        # A copy has the modification time of its source, which does not count.
        os.utime(path, (time.time() + 9000,) * 2)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    last_old = (tmp_path / "empty").lstat().st_ctime
    new = tmp_path / "new.png"
    new.write_bytes(b"x")
    while new.lstat().st_ctime <= last_old:  # the file system's clock has steps of milliseconds
        new.write_bytes(b"x")
    sweep_at(last_old + 3590)
    assert all(path.exists() for path in old)
    sweep_at((last_old + new.lstat().st_ctime) / 2 + 3600)
    # The folders stay: deleting what was in them made them new.
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert left == {"a", "a/b", "new.png"}
    sweep_at(time.time() + 3610)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_swept_without_an_error(tmp_path: Path):
    sweep(tmp_path / "missing", age=1)
    assert not (tmp_path / "missing").exists()
