"""Environment variables of the Space: a wrong value is reported and the default is kept."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2pix import Translator
from pix2pix.space.served_models import load_models
from pix2pix.space.settings import RANGES, Settings
from pix2pix.translate import STARTER_MODEL
from tests.commands import ROOT

DEFAULTS = {
    "threads": 0, "max_file_mb": 20, "max_megapixels": 64, "max_batch": 32, "queue": 128,
    "concurrency": 2,
}  # fmt: skip


def read(**variables: str) -> Settings:
    return Settings.from_environment(variables)


def test_without_variables_the_settings_have_their_defaults():
    settings = read()
    assert settings.models == () and settings.notices == ()
    assert {name: getattr(settings, name) for name in RANGES} == DEFAULTS


@pytest.mark.parametrize("name", RANGES)
def test_each_number_is_read(name: str):
    settings = read(**{f"PIX2PIX_{name.upper()}": " 7 "})
    expected = DEFAULTS | {name: 7}
    assert {key: getattr(settings, key) for key in RANGES} == expected
    assert settings.notices == ()


@pytest.mark.parametrize("value", ["abc", "-1", "0", "", "1.5", "1e9", "²", "9" * 5000, "5; 6"])
@pytest.mark.parametrize("name", [name for name in RANGES if name != "threads"])
def test_a_wrong_number_is_reported_and_the_default_is_kept(name: str, value: str):
    variable = f"PIX2PIX_{name.upper()}"
    settings = read(**{variable: value})
    assert getattr(settings, name) == DEFAULTS[name]
    (notice,) = settings.notices
    assert notice.startswith(f"{variable} is ") and str(DEFAULTS[name]) in notice
    assert len(notice) < 200 and notice.endswith(".") and "\n" not in notice


def test_every_wrong_variable_is_reported():
    settings = read(PIX2PIX_QUEUE="none", PIX2PIX_CONCURRENCY="-2", PIX2PIX_MAX_BATCH="5")
    assert [notice.split()[0] for notice in settings.notices] == [
        "PIX2PIX_QUEUE", "PIX2PIX_CONCURRENCY",
    ]  # fmt: skip
    assert settings.max_batch == 5


@pytest.mark.parametrize("value", ["abc", "-1", "", "²", "1.5", "99999999999"])
def test_with_a_wrong_number_of_threads_the_translator_and_the_space_work(
    monkeypatch: pytest.MonkeyPatch, value: str
):
    monkeypatch.setenv("PIX2PIX_THREADS", value)
    picture = Image.new("RGB", (64, 64), "green")
    assert Translator.from_pretrained(STARTER_MODEL)(picture).size == (64, 64)
    models = load_models(Settings.from_environment())
    assert len(models.banners) == 1 and "PIX2PIX_THREADS" in models.banners[0]


def test_there_are_never_more_threads_than_cores(monkeypatch: pytest.MonkeyPatch):
    picture = Image.new("RGB", (64, 64), "green")
    expected = Translator.from_pretrained(STARTER_MODEL)(picture)
    monkeypatch.setenv("PIX2PIX_THREADS", "1000")
    translator = Translator.from_pretrained(STARTER_MODEL)
    assert translator._session.get_session_options().intra_op_num_threads == os.cpu_count()
    np.testing.assert_array_equal(translator(picture), expected)


@pytest.mark.slow
def test_the_space_imports_no_training_packages():
    files = (ROOT / "pix2pix" / "space").rglob("[!_]*.py")
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    assert {"pix2pix.space.settings", "pix2pix.space.security.calls"} <= set(modules)
    imports = ", ".join(["app", "pix2pix.translate", *modules])
    code = f"import sys, {imports}; print(*sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"tensorflow", "keras", "datasets", "matplotlib"} & set(process.stdout.split())


def test_each_model_is_listed_once_and_the_default_first():
    settings = read(PIX2PIX_MODEL=" a/b@v1 ", PIX2PIX_MODELS="c/d, a/b@v1,, ,c/d,e ")
    assert settings.models == ("a/b@v1", "c/d", "e") and settings.notices == ()
    assert read(PIX2PIX_MODELS="c/d,a/b").models == ("c/d", "a/b")


def test_a_tilde_stands_for_the_home_folder():
    home = Path.home()
    settings = read(PIX2PIX_MODEL=" ~/run", PIX2PIX_MODELS="a/b,~/x~y")
    assert settings.models == (f"{home}/run", "a/b", f"{home}/x~y")


@pytest.mark.parametrize("variable", ["PIX2PIX_MODEL", "PIX2PIX_MODELS"])
def test_an_empty_list_of_models_is_reported(variable: str):
    settings = read(**{variable: " , " if variable.endswith("S") else " "})
    assert settings.models == ()
    (notice,) = settings.notices
    assert notice.startswith(variable) and notice.endswith("the starter models are served.")


@pytest.mark.parametrize(
    ("value", "url"),
    [
        (" me/maps-web ", "https://huggingface.co/spaces/me/maps-web"),
        ("https://me-maps.static.hf.space", "https://me-maps.static.hf.space"),
        ("https://host.example:8443/a/b?model=me/x", "https://host.example:8443/a/b?model=me/x"),
        ("", None),
        (" ", None),
    ],
)
def test_the_browser_space_is_an_id_or_an_https_url(value: str, url: str | None):
    settings = read(PIX2PIX_BROWSER_SPACE=value)
    assert (settings.browser_space, settings.notices) == (url, ())


def test_the_id_of_a_browser_space_is_of_the_same_hub():
    settings = read(PIX2PIX_BROWSER_SPACE="me/maps", HF_ENDPOINT="https://hub.example")
    assert settings.browser_space == "https://hub.example/spaces/me/maps"
    assert read().browser_space is None


@pytest.mark.parametrize(
    "value",
    [
        "maps", "me/maps/x", "/maps", "me/maps@main", "mé/maps", "me /maps", "http://host/x",
        "javascript:alert(1)", "https://", "https://user@host/x", "https://host/\"onclick=", "../x",
        "x" * 999,
        "https://host/<b>", "https://host/a b", "https://host\n/x", "//host/x", "data:text/html,x",
    ],
)  # fmt: skip
def test_any_other_browser_space_is_reported_and_not_linked(value: str):
    settings = read(PIX2PIX_BROWSER_SPACE=value)
    assert settings.browser_space is None
    (notice,) = settings.notices
    assert notice.startswith("PIX2PIX_BROWSER_SPACE is ") and "owner/name" in notice
    assert len(notice) < 260 and "\n" not in notice
