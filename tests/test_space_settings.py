"""What the operator sets: a wrong value keeps the default and is said, and nothing stops."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from pix2pix import Translator
from pix2pix.space.models import STARTER_MODEL, load_models
from pix2pix.space.settings import RANGES, Settings
from tests.commands import ROOT

DEFAULTS = {
    "threads": 0, "max_file_mb": 20, "max_megapixels": 64, "max_batch": 32, "queue": 128,
    "concurrency": 2,
}  # fmt: skip


def read(**variables: str) -> Settings:
    return Settings.from_environment(variables)


def test_without_variables_there_are_defaults_and_no_notice():
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
def test_a_wrong_number_keeps_the_default_and_is_said(name: str, value: str):
    variable = f"PIX2PIX_{name.upper()}"
    settings = read(**{variable: value})
    assert getattr(settings, name) == DEFAULTS[name]
    (notice,) = settings.notices
    assert notice.startswith(f"{variable} is ") and str(DEFAULTS[name]) in notice
    assert len(notice) < 200 and notice.endswith(".") and "\n" not in notice


def test_every_wrong_variable_is_said():
    settings = read(PIX2PIX_QUEUE="none", PIX2PIX_CONCURRENCY="-2", PIX2PIX_MAX_BATCH="5")
    assert [notice.split()[0] for notice in settings.notices] == [
        "PIX2PIX_QUEUE", "PIX2PIX_CONCURRENCY",
    ]  # fmt: skip
    assert settings.max_batch == 5


@pytest.mark.parametrize("value", ["abc", "-1", "", "²", "1.5", "99999999999"])
def test_wrong_threads_stop_neither_the_translator_nor_the_space(
    monkeypatch: pytest.MonkeyPatch, value: str
):
    monkeypatch.setenv("PIX2PIX_THREADS", value)
    picture = Image.new("RGB", (64, 64), "green")
    assert Translator.from_pretrained(STARTER_MODEL)(picture).size == (64, 64)
    models = load_models(Settings.from_environment())
    assert len(models.banners) == 1 and "PIX2PIX_THREADS" in models.banners[0]


def test_threads_are_never_more_than_cores(monkeypatch: pytest.MonkeyPatch):
    picture = Image.new("RGB", (64, 64), "green")
    expected = Translator.from_pretrained(STARTER_MODEL)(picture)
    monkeypatch.setenv("PIX2PIX_THREADS", "1000")
    many = Translator.from_pretrained(STARTER_MODEL)
    assert many._session.get_session_options().intra_op_num_threads == os.cpu_count()
    np.testing.assert_array_equal(many(picture), expected)


def test_nothing_that_only_training_needs_is_imported():
    modules = sorted(path.stem for path in (ROOT / "pix2pix" / "space").glob("[!_]*.py"))
    assert {"settings", "models", "photos", "guard", "calls", "fetching"} <= set(modules)
    imports = ", ".join(["app", "pix2pix.translate", *(f"pix2pix.space.{m}" for m in modules)])
    code = f"import sys, {imports}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"tensorflow", "keras", "datasets", "matplotlib"} & set(done.stdout.split())


def test_models_are_listed_once_the_default_first():
    listed = read(PIX2PIX_MODEL=" a/b@v1 ", PIX2PIX_MODELS="c/d, a/b@v1,, ,c/d,e ")
    assert listed.models == ("a/b@v1", "c/d", "e") and listed.notices == ()
    assert read(PIX2PIX_MODELS="c/d,a/b").models == ("c/d", "a/b")


@pytest.mark.parametrize("variable", ["PIX2PIX_MODEL", "PIX2PIX_MODELS"])
def test_an_empty_list_of_models_is_said(variable: str):
    settings = read(**{variable: " , " if variable.endswith("S") else " "})
    assert settings.models == ()
    (notice,) = settings.notices
    assert variable in notice and "starter model" in notice
