"""Every command and Python block of README.md and docs/ runs, with the test Hub as the Hub."""

import ast
import importlib.util
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import yaml
from PIL import Image
from playwright.sync_api import Browser

from pix2pix.evaluation.palette import read_names
from pix2pix.space.settings import RANGES, Settings
from tests.browser import needs_chromium
from tests.commands import ROOT
from tests.faulty_pairs import write_photos
from tests.hub_server import USER, WRITE_TOKEN, HubServer
from tests.pages import GUIDES, PAGES, README, Page
from tests.published_run import MODEL, TINY_FLAGS, PublishedRun
from tests.web_pages import CORS, FileServer, new_page, site_files

DOCS = ROOT / "docs"
# Its Python blocks need what its commands write, so that one test runs all of them.
EXPORTS_PAGE = Page(DOCS / "exports.md")
SNIPPETS = [snippet for page in GUIDES if page != EXPORTS_PAGE for snippet in page.snippets]
COMMANDS = [command for page in GUIDES for command in page.commands]
MAKE = [line for line in COMMANDS if line.startswith("make ")]
TRAIN_HUB = [line for line in COMMANDS if line.startswith("python train_hub.py ")]
JOBS = [line for line in TRAIN_HUB if "--hf_job" in line]
TRAININGS = [line for line in TRAIN_HUB if line not in JOBS]
TRANSLATES = [line for line in COMMANDS if line.startswith("pix2pix translate ")]
DATASETS = [line for line in TRANSLATES if "--dataset_name" in line]
TRANSLATIONS = [line for line in TRANSLATES if line not in DATASETS]
PUBLISHES = [line for line in COMMANDS if line.startswith("pix2pix publish ")]
DEPLOYS = [line for line in COMMANDS if line.startswith("pix2pix deploy ")]
WEBS = [line for line in COMMANDS if line.startswith("pix2pix web")]
PAIRS = [line for line in COMMANDS if line.startswith("pix2pix pairs ")]
SCRIPTS = [text for page in GUIDES for kind, text in page.blocks if kind == "html"]
EVALUATIONS = [line for line in COMMANDS if line.startswith("pix2pix evaluate ")]
EXPORTS = [line for line in COMMANDS if line.startswith("pix2pix export ")]


def run(line: str, *more: str, cwd: Path = ROOT, token: str = "") -> str:
    """Runs a documented command with `more` flags; returns stdout. It must succeed.

    A flag that is given twice has its last value.
    """
    words = shlex.split(line.replace("<user>", USER))
    words = ["-m", *words] if words[0] == "pix2pix" else words[1:]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | ({"HF_TOKEN": token} if token else {})
    process = subprocess.run(
        [sys.executable, *words, *more], cwd=cwd, env=environment, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_every_block_is_run_by_a_test_of_this_module():
    languages = {language for page in GUIDES for language, _ in page.blocks}
    assert languages == {"bash", "python", "html", "yaml", "bibtex"}
    assert MAKE == ["make app", "make test"]
    tested = [*MAKE, *TRAININGS, *JOBS, *TRANSLATIONS, *PUBLISHES, *DEPLOYS, *WEBS]
    tested += [*EVALUATIONS, *PAIRS, *DATASETS, *EXPORTS]
    assert set(EXPORTS) == set(EXPORTS_PAGE.commands)
    assert sorted(tested) == sorted(COMMANDS)
    assert all(
        [TRAININGS, JOBS, TRANSLATIONS, PUBLISHES, DEPLOYS, WEBS, EVALUATIONS, PAIRS, SNIPPETS]
    )
    assert len(SCRIPTS) == 1


@pytest.mark.parametrize(
    "snippet",
    [
        pytest.param(
            code,
            id=code.strip().splitlines()[-1][:40],
            # Importing Keras takes seconds, and tests/test_end_to_end.py loads the same file.
            marks=pytest.mark.slow if "keras" in code else (),
        )
        for code in SNIPPETS
    ],
)
def test_python_blocks_run(
    snippet: str,
    published_run: PublishedRun,
    published_space: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
):
    if "fetch_runtime" in snippet:
        request.getfixturevalue("ort_cache")
    code = snippet.replace("<user>/pix2pix-maps", MODEL).replace("<user>/<space>", published_space)
    assert "<user>" not in code
    (tmp_path / "aerial.jpg").write_bytes(published_run.photo.read_bytes())
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, timeout=120
    )
    maps = {path.name for path in tmp_path.glob("*.png")}
    assert maps == set(re.findall(r'\.save\("(.+?)"\)', code))


@pytest.mark.slow
def test_exports_are_written_and_used(published_run: PublishedRun, tmp_path: Path):
    shutil.copy(published_run.photo, tmp_path / "aerial.jpg")
    for line in EXPORTS:
        run(line.replace("<user>/pix2pix-maps", MODEL), cwd=tmp_path)
    for snippet in EXPORTS_PAGE.snippets:
        subprocess.run([sys.executable, "-c", snippet], cwd=tmp_path, check=True, timeout=120)
        assert (tmp_path / re.search(r'\.save\("(.+?)"\)', snippet)[1]).is_file()


def test_the_documented_palette_is_one_that_a_run_reads():
    (text,) = (text for page in GUIDES for language, text in page.blocks if language == "yaml")
    names = read_names(yaml.safe_load(text)["palettes"]["imageC"])
    assert list(names.values()) == ["forest", "deep sea"]


@pytest.mark.parametrize("line", TRANSLATIONS)
def test_translations_run(line: str, published_run: PublishedRun, tmp_path: Path):
    (tmp_path / "photos" / "north").mkdir(parents=True)
    shutil.copy(published_run.photo, tmp_path / "photos")
    shutil.copy(published_run.photo, tmp_path / "photos" / "north")
    run(line, cwd=tmp_path)
    maps = {path.relative_to(tmp_path / "maps") for path in tmp_path.glob("maps/**/*.png")}
    assert maps == {Path("aerial.png"), Path("north/aerial.png")}


@pytest.mark.parametrize("line", DATASETS)
def test_datasets_are_translated(line: str, hub: HubServer, published_run: PublishedRun):
    output = run(line, "--max_samples", "3", token=WRITE_TOKEN)
    assert output.endswith(f": {hub.endpoint}/datasets/{USER}/my-maps\n")
    tree = hub.store.repo("dataset", f"{USER}/my-maps").head.tree
    assert "data/train/train-00000-of-00001.parquet" in tree


@pytest.mark.parametrize("line", PAIRS)
def test_datasets_of_pairs_are_made(line: str, hub: HubServer, tmp_path: Path):
    write_photos(tmp_path / "photos", 3, 48)
    for photo in (tmp_path / "photos").iterdir():
        (tmp_path / "maps").mkdir(exist_ok=True)
        Image.open(photo).rotate(90).save(tmp_path / "maps" / photo.name)
    output = run(line, cwd=tmp_path, token=WRITE_TOKEN)
    assert "3 pairs (2 train, 1 validation)" in output
    if "--push_to_hub" in line:
        assert ("dataset", f"{USER}/edges2photos") in hub.store.repos


@needs_chromium
def test_the_engine_runs_on_another_page(
    hub: HubServer, published_run: PublishedRun, browser: Browser, ort_files: Path
):
    source = {"id": MODEL, "endpoint": hub.endpoint}
    with FileServer(site_files(ort_files), CORS) as site, FileServer({}, {}) as own:
        script = SCRIPTS[0].replace("https://<user>-<space>.static.hf.space", site.url)
        name = json.dumps(source)
        script = script.replace('loadModel("<user>/pix2pix-maps"', f"loadModel({name}")
        assert "<user>" not in script
        own.files["index.html"] = script.encode()
        with new_page(browser, own.url) as page:
            page.wait_for_function("document.querySelector('#photo').onchange !== null")
            page.locator("#photo").set_input_files(published_run.photo)
            page.wait_for_function("document.querySelector('img').naturalWidth > 0")
            size = page.eval_on_selector("img", "img => [img.naturalWidth, img.naturalHeight]")
    assert tuple(size) == Image.open(published_run.photo).size


@pytest.mark.parametrize("line", WEBS)
def test_the_page_is_served(line: str, ort_cache: Path):
    words = [sys.executable, "-m", *shlex.split(line), "--port", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for output in process.stdout:
            if match := re.match(r"The page: (\S+)", output):
                break
        assert match, "the command ended"
        assert b"<!doctype html>" in urllib.request.urlopen(match[1]).read()
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("line", TRAININGS)
def test_trainings_run(line: str, published_run: PublishedRun, tmp_path: Path):
    small = [*TINY_FLAGS, "--max_train_steps", "2", "--max_train_samples", "4"]
    small += ["--output_dir", str(tmp_path / "run"), "--cache_dir", str(tmp_path / "cache")]
    if "--push_to_hub" in line:
        small += ["--hub_model_id", f"{USER}/from-the-docs"]
    if "--validation_steps" in line:
        small += ["--selection_samples", "1"]
    run(line.replace("<yours>", "assets/sample_maps"), *small, token=WRITE_TOKEN)
    assert (tmp_path / "run" / "samples.png").exists()


@pytest.mark.parametrize("line", PUBLISHES)
def test_a_finished_run_is_published_with_its_space(line: str, hub: HubServer, tmp_path: Path):
    shutil.copytree(ROOT / "assets" / "starter_model", tmp_path / "run")
    ids = ["--hub_model_id", f"{USER}/docs-model", "--space_id", f"{USER}/docs-space"]
    run(line, "--output_dir", str(tmp_path / "run"), *ids, token=WRITE_TOKEN)
    value = hub.store.repo("space", f"{USER}/docs-space").variables["PIX2PIX_MODEL"]["value"]
    assert value.startswith(f"{USER}/docs-model@")


@pytest.mark.parametrize("line", DEPLOYS)
def test_a_published_model_gets_a_space(
    line: str, hub: HubServer, published_run: PublishedRun, ort_files: Path
):
    is_static = "--space_sdk static" in line
    space_id = f"{USER}/docs-{'page' if is_static else 'deployed'}"
    run(line, "--space_id", space_id, token=WRITE_TOKEN)
    space, commit = hub.store.repo("space", space_id), hub.store.repo("model", MODEL).head.oid
    if is_static:
        settings = json.loads(hub.store.read_blob(space.head.tree["model.json"]))
        assert (settings["id"], settings["revision"]) == (MODEL, commit)
    else:
        assert space.variables["PIX2PIX_MODEL"]["value"] == f"{MODEL}@{commit}"


@pytest.mark.parametrize("line", JOBS)
def test_a_job_is_submitted(line: str, hub: HubServer, published_run: PublishedRun):
    ids = ["--hub_model_id", f"{USER}/docs-job", "--space_id", f"{USER}/docs-job"]
    output = run(line, *ids, token=WRITE_TOKEN)
    assert hub.store.jobs[-1]["id"] in output


@pytest.mark.slow
@pytest.mark.parametrize("line", EVALUATIONS)
def test_evaluations_reproduce_the_card(line: str, tmp_path: Path):
    output = run(line, "--cache_dir", str(tmp_path))
    assert "\nReproduced: " in output
    assert "within 1 %" in output


def test_make_setup_installs_the_command():
    """The editable install of `make setup` puts `pix2pix` beside the environment's Python."""
    command = Path(sys.executable).with_name("pix2pix")
    done = subprocess.run(
        [command, "translate", "--help"], check=True, capture_output=True, text=True
    )
    assert "--output" in done.stdout


def test_the_readme_has_at_most_250_lines():
    assert len(README.text.splitlines()) <= 250


def test_every_guide_is_linked_from_the_readme():
    linked = {target.partition("#")[0] for target in README.links}
    assert {f"docs/{path.name}" for path in DOCS.glob("*.md")} <= linked


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_to_files_and_headings(page: Page):
    for target in page.links:
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        linked = (page.path.parent / name).resolve() if name else page.path
        assert linked.exists(), target
        assert not anchor or anchor in Page(linked).anchors, target


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_make_targets_exist(page: Page):
    named = [*page.commands, *page.code_spans]
    targets = {match[1] for text in named if (match := re.fullmatch(r"make ([a-z-]+)", text))}
    for target in targets:
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("page", [page for page in PAGES if page.path.stem != "CHANGELOG"], ids=str)
def test_files_and_modules_exist(page: Page):
    folders = "pix2pix|tests|tools|benchmarks|assets|notebooks|docs"
    for span in [*page.code_spans, *page.commands]:
        for path in re.findall(rf"(?:^|(?<=\s))(?:{folders})/[\w./-]*", span):
            assert (ROOT / path).exists(), path
        for module in re.findall(r"python -m ((?:benchmarks|tools|pix2pix)[\w.]*)", span):
            assert importlib.util.find_spec(module), module


def test_the_style_examples_are_the_code():
    """Each "After" example of CONTRIBUTING.md is in the file that it names."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    examples = re.findall(r"After \(`([^`]+)`\):\n\n```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 3
    for path, code in examples:
        source = [line.strip() for line in (ROOT / path).read_text(encoding="utf-8").splitlines()]
        assert "\n".join(line.strip() for line in code.splitlines()) in "\n".join(source), path


@pytest.fixture(scope="module")
def known_flags() -> set[str]:
    """The flags of all commands, as their --help lists them."""
    programs = [["train_hub.py"], ["-m", "pix2pix.evaluation"]]
    names = ("train", "evaluate", "translate", "publish", "deploy", "job", "dry-run", "web")
    programs += [["-m", "pix2pix", name] for name in (*names, "pairs", "export")]
    text = ""
    for program in programs:
        text += subprocess.check_output([sys.executable, *program, "--help"], cwd=ROOT, text=True)
    return set(re.findall(r"--[a-z_0-9]+", text))


def test_flags_exist(known_flags: set[str]):
    for page in GUIDES:
        for text in [*page.commands, *page.code_spans]:
            if not re.match(r"(pip|hf|curl|docker|apt-get|python -m (benchmarks|tools)) ?", text):
                named = set(re.findall(r"(?:^|(?<=\s))--[a-z_0-9]+", text))
                assert named <= known_flags, f"{page}: {named - known_flags}"


def test_the_front_matter_is_that_of_a_gradio_space():
    front_matter = yaml.safe_load(README.text.split("---")[1])
    assert front_matter["sdk"] == "gradio"
    assert tuple(map(int, front_matter["python_version"].split("."))) >= (3, 11)
    assert (ROOT / front_matter["app_file"]).is_file()
    assert len(front_matter["short_description"]) <= 60


def test_the_results_are_those_of_the_model_card():
    folder = ROOT / "assets" / "starter_model"
    card, report = (
        Page(folder / "README.md").text,
        json.loads((folder / "metrics.json").read_text()),
    )
    header = re.search(r"^\|.*this model.*$", card, re.MULTILINE)
    table = card[header.start() :].partition("\n\n")[0]
    assert len(table.splitlines()) == len(report["metrics"]) + 2
    assert table in README.text


def test_the_ratios_are_those_of_the_benchmark_results():
    """The table of docs/speed.md has the figures of benchmarks/RESULTS.md, in this order."""
    results = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    patterns = [
        r"\| Translator \| \S+ \| ([\d.]+) ",
        r"\| ours \| \S+ \| ([\d.]+) ",
        r"our peak is ([\d.]+) \w+ the sum",
        r"([\d.]+) times as much",
        r"([\d.]+) \w+ the bare network's pixels",
        r"the dataset in one process \| \S+ \| ([\d.]+) ",
        r"the Space +\S+ s +([\d.]+) times",
        r"starter model, 1 thread \|[^\n]*\| ([\d.]+) \|\n",
        r"full size, 1 thread \|[^\n]*\| ([\d.]+) \|\n",
    ]
    measured = [re.search(pattern, results)[1] for pattern in patterns]
    table = Page(DOCS / "speed.md").text
    assert re.findall(r"\| ([\d.]+) \|$", table, re.MULTILINE) == measured
    megabytes = re.search(r"First visit of the starter model: ([\d.]+) MB", results)[1]
    assert f"downloads {megabytes} MB" in table


def package_strings() -> list[str]:
    """Returns every string in the package; NUL stands for the values of f-strings."""
    strings = []
    for path in (ROOT / "pix2pix").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else "\0" for p in node.values)
                strings.append("".join(parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                strings.append(node.value)
    return strings


def test_the_explained_messages_exist_in_the_package():
    text = Page(DOCS / "troubleshooting.md").text
    messages = re.findall(r'^\| "(.+?)"', text, re.MULTILINE)
    assert len(messages) > 4
    strings = package_strings()
    templates = [re.compile(re.escape(s).replace("\0", ".+")) for s in strings if "\0" in s]
    for message in messages:
        pieces = [piece.strip() for piece in message.split("...") if piece.strip()]
        is_literal = any(all(piece in string for piece in pieces) for string in strings)
        assert is_literal or any(t.fullmatch(message) for t in templates), message


def test_the_settings_and_their_defaults_are_those_of_the_space():
    section = Page(DOCS / "space.md").section("Settings")
    rows = re.findall(r"^\| `PIX2PIX_(\w+)` \|.*\| (\d+) \|$", section, re.MULTILINE)
    defaults = Settings()
    assert {name.lower() for name, _ in rows} == RANGES.keys()
    names = {name.lower() for name in re.findall(r"^\| `PIX2PIX_(\w+)` ", section, re.MULTILINE)}
    assert names - RANGES.keys() == {"model", "models", "browser_space"}
    assert all(getattr(defaults, name.lower()) == int(value) for name, value in rows)
