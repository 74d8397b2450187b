"""Where ONNX Runtime's files for browsers come from, and their cache."""

import gzip
import hashlib
from pathlib import Path

import pytest

from pix2pix.browser import fetch_runtime
from pix2pix.browser import ort_files as ort_files_module
from pix2pix.browser.ort_files import LICENSE_FILE, RUNTIME_FILES, SOURCE_VARIABLE
from pix2pix.errors import UserError
from tests.ort_mirror import Mirror

SMALL = "ort-wasm-simd-threaded.mjs"


NO_SOURCE = "which is neither a folder nor a URL that starts with https://"


def content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.mark.slow
def test_of_two_processes_one_downloads_each_file(fetched_twice):
    cache, requests = fetched_twice
    assert requests == {f"/{name}": 1 for name in RUNTIME_FILES}
    paths = {path.name: path for path in cache.glob("pix2pix/*/*")}
    stored = {f"{name}.gz" if name.endswith(".wasm") else name for name in RUNTIME_FILES}
    assert paths.keys() == stored | {LICENSE_FILE}
    for name, digest in RUNTIME_FILES.items():
        path = paths.get(name) or paths[f"{name}.gz"]
        assert hashlib.sha256(content(path)).hexdigest() == digest
    assert "Copyright (c) Microsoft" in paths[LICENSE_FILE].read_text()


def test_the_compressed_file_has_no_time_in_it(ort_cache: Path):
    compressed = (ort_cache / "ort-wasm-simd-threaded.wasm.gz").read_bytes()
    assert compressed[4:8] == bytes(4) and len(compressed) < 4e6


def test_a_complete_cache_needs_no_source(ort_cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(SOURCE_VARIABLE, "/no/such/folder")
    assert fetch_runtime() == ort_cache


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ort_files_module, "PAUSE_SECONDS", 0.01)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (SMALL, "cut"), (SMALL, "changed"), (SMALL, "gone"), (LICENSE_FILE, "gone"),
        (LICENSE_FILE, "changed"), ("ort-wasm-simd-threaded.wasm.gz", "cut"),
        ("ort-wasm-simd-threaded.wasm.gz", "changed"),
    ],
)  # fmt: skip
def test_a_damaged_cached_file_is_fetched_again(ort_cache: Path, ort_files: Path, name, damage):
    intact = (ort_cache / name).read_bytes()
    if damage == "gone":
        (ort_cache / name).unlink()
    else:
        middle = len(intact) // 2
        changed = intact[:middle] + bytes([intact[middle] ^ 1]) + intact[middle + 1 :]
        (ort_cache / name).write_bytes(intact[:middle] if damage == "cut" else changed)
    fetch_runtime()
    assert (ort_cache / name).read_bytes() == intact
    assert not list(ort_cache.glob(".*"))


def test_a_broken_download_is_tried_again(ort_cache: Path, ort_mirror: Mirror, monkeypatch):
    (ort_cache / SMALL).unlink()
    ort_mirror.broken = 1
    monkeypatch.setenv(SOURCE_VARIABLE, f"{ort_mirror.url}/npm/dist/")
    fetch_runtime()
    assert ort_mirror.requests == {f"/npm/dist/{SMALL}": 2}


def test_the_proxy_variables_are_honored(ort_cache: Path, ort_mirror: Mirror, monkeypatch):
    (ort_cache / SMALL).unlink()
    monkeypatch.setenv("http_proxy", ort_mirror.url)
    monkeypatch.setenv(SOURCE_VARIABLE, "http://mirror.invalid/dist")
    fetch_runtime()
    assert ort_mirror.requests == {f"http://mirror.invalid/dist/{SMALL}": 1}


def test_the_account_of_a_mirror_is_sent_and_not_shown(
    ort_cache: Path, ort_mirror: Mirror, monkeypatch
):
    (ort_cache / SMALL).unlink()
    monkeypatch.setenv(SOURCE_VARIABLE, ort_mirror.url.replace("//", "//user:pass%20word@"))
    fetch_runtime()
    assert ort_mirror.accounts == {"Basic dXNlcjpwYXNzIHdvcmQ="}
    (ort_cache / SMALL).unlink()
    ort_mirror.folder = ort_cache
    with pytest.raises(UserError, match="404 Not Found") as failure:
        fetch_runtime()
    assert "pass" not in str(failure.value)


def test_the_query_of_a_mirror_is_sent_and_not_shown(
    ort_cache: Path, ort_mirror: Mirror, monkeypatch, caplog
):
    (ort_cache / SMALL).unlink()
    caplog.set_level("INFO")
    source = ort_mirror.url.replace("http", "HTTP")
    monkeypatch.setenv(SOURCE_VARIABLE, f"{source}/dist/?sig=a%2Fb&key=secret")
    # The mirror takes the end of the request for the name of a file, and has none with a query.
    with pytest.raises(UserError, match="404 Not Found") as failure:
        fetch_runtime()
    assert ort_mirror.requests == {f"/dist/{SMALL}?sig=a%2Fb&key=secret": 1}
    assert "secret" not in str(failure.value) + caplog.text and "Fetching" in caplog.text


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("/no/such/folder", "the folder /no/such/folder does not exist"),
        (__file__, f"{__file__} is not a folder"),
        (str(Path(__file__).parent), f"{SMALL} can't be read in {Path(__file__).parent} (No such"),
        ("ftp://mirror.example/dist", f"is 'ftp://mirror.example/dist', {NO_SOURCE}"),
        ("http://", f"is 'http://', {NO_SOURCE}"),
        ("https:/cdn", f"is 'https:/cdn', {NO_SOURCE}"),
        ("htps://me:secret@cdn/dist", f"is 'htps:...', {NO_SOURCE}"),
        ("https:/cdn?sig=secret", f"is 'https:...', {NO_SOURCE}"),
        ("http://127.0.0.1:9/a b?sig=secret c", f"http://127.0.0.1:9/a%20b/{SMALL} can't be"),
        ("HTTP://me:se@cret@127.0.0.1:9?sig=secret", f"http://127.0.0.1:9/{SMALL} can't be"),
        # Nothing listens on the discard port.
        ("http://127.0.0.1:9/", f"http://127.0.0.1:9/{SMALL} can't be downloaded ([Errno 111]"),
        ("http://no.such.host.invalid/", "can't be downloaded ("),
        ("http://[::1/", f"is 'http://[::1/', {NO_SOURCE}"),
    ],
)
def test_a_source_that_has_no_files_gets_one_sentence(
    ort_cache: Path, monkeypatch, source, problem
):
    (ort_cache / SMALL).unlink()
    monkeypatch.setenv(SOURCE_VARIABLE, source)
    with pytest.raises(UserError) as failure:
        fetch_runtime()
    message = str(failure.value)
    assert problem in message and "\n" not in message
    assert f". Set {SOURCE_VARIABLE} to a folder or base URL with the files" in message
    assert "secret" not in message and "cret@" not in message and message.count(". ") == 1


def test_another_file_is_refused_with_its_digest(ort_cache: Path, tmp_path: Path, monkeypatch):
    (ort_cache / SMALL).unlink()
    (tmp_path / SMALL).write_bytes(b"export default {}")
    monkeypatch.setenv(SOURCE_VARIABLE, str(tmp_path))
    wrong = hashlib.sha256(b"export default {}").hexdigest()[:12]
    problem = rf"{SMALL} from .* \(its SHA-256 starts with {wrong}\)\. Set"
    with pytest.raises(UserError, match=problem):
        fetch_runtime()
    assert not (ort_cache / SMALL).exists()


def test_a_cache_that_cannot_be_written_gets_one_sentence(tmp_path: Path, monkeypatch):
    (tmp_path / "pix2pix").write_text("a file in the place of the folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(UserError, match="can't be cached in .*set XDG_CACHE_HOME"):
        fetch_runtime()
