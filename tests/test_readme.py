"""Every command and snippet of the README runs, with the test Hub in the place of the Hub."""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from pix2pix import cli
from pix2pix.space.settings import RANGES, Settings
from tests.commands import ROOT, run_train_hub
from tests.hub_server import USER, WRITE_TOKEN, HubServer
from tests.loop import MODEL, TINY, Published

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
SNIPPETS = [code for language, code in BLOCKS if language == "python"]
COMMANDS = [line for language, code in BLOCKS if language == "bash" for line in code.splitlines()]
CALLS = [line for line in COMMANDS if line.startswith("python train_hub.py")]
JOBS = [line for line in CALLS if "--hf_job" in line]
PUSHES = [line for line in CALLS if "--push_only" in line]
TRAININGS = [line for line in CALLS if line not in JOBS + PUSHES]
EVALUATIONS = [line for line in COMMANDS if line.startswith("python -m pix2pix.evaluation")]


def test_every_block_is_of_a_kind_that_is_run_here():
    assert {language for language, _ in BLOCKS} == {"bash", "python", "mermaid", "bibtex"}
    others = [line for line in COMMANDS if line not in CALLS + EVALUATIONS]
    assert others == ["make app", "make test"]


@pytest.mark.parametrize(
    "target", sorted(set(re.findall(r"(?:`|^)make ([a-z-]+)", README, re.MULTILINE)))
)
def test_make_targets_exist(target: str):
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("code", SNIPPETS, ids=lambda code: code.strip().splitlines()[-1][:40])
def test_snippets_run(code: str, published: Published, space: str, tmp_path: Path):
    code = code.replace("<user>/pix2pix-maps", MODEL).replace("<user>/<space>", space)
    assert "<user>" not in code
    (tmp_path / "aerial.jpg").write_bytes(published.photo.read_bytes())
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, timeout=120
    )
    if "map.png" in code:
        assert (tmp_path / "map.png").stat().st_size > 0


@pytest.mark.parametrize("line", TRAININGS)
def test_trainings_run(line: str, published: Published, tmp_path: Path):
    """As written, but for sizes that suit a test: a flag given again overrides the first."""
    command = shlex.split(line.replace("<user>", USER))[2:]
    cli.parse("", command)
    small = [*TINY, "--max_train_steps", "2", "--max_train_samples", "4"]
    small += ["--output_dir", str(tmp_path / "run"), "--cache_dir", str(tmp_path / "cache")]
    if "--push_to_hub" in command:
        small += ["--hub_model_id", f"{USER}/from-the-readme"]
    run_train_hub(*command, *small, token=WRITE_TOKEN)
    assert (tmp_path / "run" / "samples.png").exists()


@pytest.mark.parametrize("line", PUSHES)
def test_a_finished_run_is_published_with_its_space(line: str, hub: HubServer, tmp_path: Path):
    """As written, but for the run: the starter model's in the place of the demo's."""
    command = shlex.split(line.replace("<user>", USER))[2:]
    shutil.copytree(ROOT / "assets" / "starter_model", tmp_path / "run")
    ids = ["--hub_model_id", f"{USER}/readme-push", "--space_id", f"{USER}/readme-space"]
    run_train_hub(*command, "--output_dir", str(tmp_path / "run"), *ids, token=WRITE_TOKEN)
    value = hub.store.repo("space", f"{USER}/readme-space").variables["PIX2PIX_MODEL"]["value"]
    assert value.startswith(f"{USER}/readme-push@")


@pytest.mark.parametrize("line", JOBS)
def test_a_job_is_submitted(line: str, hub: HubServer, published: Published):
    command = shlex.split(line.replace("<user>", USER))[2:]
    ids = ["--hub_model_id", f"{USER}/readme-job", "--space_id", f"{USER}/readme-job"]
    output = run_train_hub(*command, *ids, token=WRITE_TOKEN)
    assert hub.store.jobs[-1]["id"] in output


@pytest.mark.parametrize("line", EVALUATIONS)
def test_evaluations_reproduce_the_card(line: str, tmp_path: Path):
    command = [sys.executable, *shlex.split(line)[1:], "--cache_dir", str(tmp_path)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr
    assert "\nReproduced: the model's own figures, within 1 %" in found.stdout


@pytest.mark.parametrize("path", re.findall(r"\]\(((?!http|#)[^)]+)\)", README))
def test_links_and_pictures_lead_somewhere(path: str):
    assert (ROOT / path).exists()


def test_front_matter_is_the_spaces():
    front = yaml.safe_load(README.split("---")[1])
    assert front["sdk"] == "gradio"
    assert front["sdk_version"] == version("gradio")
    assert tuple(map(int, front["python_version"].split("."))) >= (3, 11)
    assert (ROOT / front["app_file"]).is_file()
    assert len(front["short_description"]) <= 60


def section(title: str) -> str:
    return README.partition(f"\n## {title}")[2].partition("\n## ")[0]


def heading_anchors() -> set[str]:
    """As GitHub and the Hub make them."""
    titles = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_links_within_the_page_lead_to_a_heading():
    linked = set(re.findall(r"\]\(#([^)]+)\)", README))
    assert linked and linked <= heading_anchors()


def test_the_results_are_those_on_the_card():
    card = (ROOT / "assets" / "starter_model" / "README.md").read_text(encoding="utf-8")
    rows = [line for line in card.splitlines() if line.startswith("|") and "this model" in line]
    (head,) = rows
    table = card[card.index(head) :].partition("\n\n")[0]
    assert len(table.splitlines()) == 10
    assert table in README


def sources() -> list[str]:
    """Every string of the package; the values in an f-string are NULs."""
    found = []
    for path in (ROOT / "pix2pix").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else "\0" for p in node.values)
                found.append("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


def test_the_messages_that_are_explained_are_those_that_are_said():
    messages = re.findall(r'^\| "(.+?)"', section("When something goes wrong"), re.MULTILINE)
    assert len(messages) > 4
    said = sources()
    filled = [re.compile(re.escape(text).replace("\0", ".+")) for text in said if "\0" in text]
    for message in messages:
        pieces = [piece.strip() for piece in message.split("...") if piece.strip()]
        as_it_stands = any(all(piece in text for piece in pieces) for text in said)
        assert as_it_stands or any(form.fullmatch(message) for form in filled), message


def test_the_settings_and_their_defaults_are_the_spaces():
    rows = re.findall(r"^\| `PIX2PIX_(\w+)` \|.*\| (\d+) \|$", section("Settings of"), re.MULTILINE)
    defaults = Settings()
    assert {name.lower() for name, _ in rows} == RANGES.keys()
    assert all(getattr(defaults, name.lower()) == int(value) for name, value in rows)
