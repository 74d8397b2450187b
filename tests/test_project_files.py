"""The pinned versions, the citation, the changelog and the package's metadata agree."""

import re
import tomllib
from importlib.metadata import requires, version

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import pix2pix
from tests.commands import ROOT
from tests.pages import README

CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")
PINS = dict(re.findall(r"^([a-z0-9-]+)==(\S+)$", CONSTRAINTS, re.MULTILINE))
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def requirements(name: str) -> list[Requirement]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    texts = [line.partition("#")[0].strip() for line in lines]
    return [Requirement(text) for text in texts if text and not text.startswith("-")]


def test_constraints_are_exact_versions_and_nothing_else():
    lines = [line for line in CONSTRAINTS.splitlines() if not line.startswith("#")]
    assert len(lines) == len(PINS) > 100
    assert list(PINS) == sorted(PINS)


@pytest.mark.parametrize("name", sorted(path.name for path in ROOT.glob("requirements*.txt")))
def test_every_requirement_is_pinned_within_its_range(name: str):
    for requirement in requirements(name):
        pin = PINS[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin), requirement


def test_the_pins_fit_the_requirements_of_tensorflow_on_a_gpu():
    """The GPU packages are not installed here, so their pins are compared with the ranges."""
    texts = [Requirement(text) for text in requires("tensorflow") or ()]
    cuda = [r for r in texts if r.marker and r.marker.evaluate({"extra": "and-cuda"})]
    assert sum(requirement.name.startswith("nvidia-") for requirement in cuda) > 5
    for requirement in cuda:
        assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)])


def test_this_environment_has_the_pinned_versions():
    names = {requirement.name for requirement in requirements("requirements-dev.txt")}
    names |= {requirement.name for requirement in requirements("requirements.txt")}
    names |= {requirement.name for requirement in requirements("requirements-train.txt")}
    assert {name: version(name) for name in names} == {
        name: PINS[canonicalize_name(name)] for name in names
    }


def test_gradio_has_one_version_in_all_three_places():
    front_matter = yaml.safe_load(README.text.split("---")[1])
    (gradio,) = [r for r in requirements("requirements.txt") if r.name == "gradio"]
    assert str(gradio.specifier) == f"=={front_matter['sdk_version']}"
    assert PINS["gradio"] == front_matter["sdk_version"]


def test_the_supported_pythons_are_those_of_the_makefile():
    prefix = "Programming Language :: Python :: "
    versions = [c.removeprefix(prefix) for c in PROJECT["classifiers"] if c.startswith(prefix)]
    assert f">={versions[1]}" == PROJECT["requires-python"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    others = re.search(r"^PYTHONS \?= (.+)$", makefile, re.MULTILINE)[1].split()
    assert [f"python{version}" for version in versions[2:]] == others


def test_citation_and_changelog_have_the_newest_release():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    release, date = re.fullmatch(r"\[([\d.]+)\] - (\d{4}-\d\d-\d\d)", headings[1]).groups()
    assert release == CITATION["version"] == pix2pix.__version__
    assert date == str(CITATION["date-released"])
