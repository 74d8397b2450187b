"""Fetches the files of ONNX Runtime for browsers, which are not part of this repository."""

import base64
import functools
import gzip
import hashlib
import http.client
import logging
import os
import re
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from filelock import FileLock

from pix2pix.environment import default_cache_dir
from pix2pix.errors import UserError
from pix2pix.files import write_atomically

VERSION = "1.30.0"
# SHA-256 of each file in the folder `dist` of onnxruntime-web, as npm has it: the build for the
# CPU, and the one that can use WebGPU.
RUNTIME_FILES = {
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.mjs": (
        "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b"
    ),
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
    "ort.webgpu.bundle.min.mjs": (
        "0730816731ce2cdfb06f273da065d4a1c7091eb9d1756a83b2916c8a89d015e2"
    ),
    "ort-wasm-simd-threaded.asyncify.mjs": (
        "3d1c85995364bb643302fc6fd877a0c3ba5ae72401815e0f24828a53d9191e28"
    ),
    "ort-wasm-simd-threaded.asyncify.wasm": (
        "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da"
    ),
}
SOURCE_VARIABLE = "PIX2PIX_ORT_URL"
PUBLIC_SOURCE = f"https://cdn.jsdelivr.net/npm/onnxruntime-web@{VERSION}/dist/"
# Not escaped in a URL; "%" is kept because a URL may be escaped already.
URL_CHARACTERS = "%/?:@!$&'()*+,;=~"
TIMEOUT_SECONDS, ATTEMPTS, PAUSE_SECONDS = 30, 3, 1
# The largest file has 27 MB; a server that sends something else is cut off here.
MAX_BYTES = 64 * 1024**2
# The package on npm has no license file, but its license asks that copies carry this notice.
LICENSE_FILE = "LICENSE.txt"
LICENSE = f"""\
The other files of this folder are those of onnxruntime-web {VERSION}
(https://github.com/microsoft/onnxruntime/tree/main/js/web), unchanged
except that the .wasm files are compressed. Notices of the libraries in them:
https://github.com/microsoft/onnxruntime/blob/v{VERSION}/ThirdPartyNotices.txt

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES
OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""

LOGGER = logging.getLogger(__name__)


def fetch_runtime() -> Path:
    """Returns a folder with the verified files of ONNX Runtime that the page loads.

    The files come from PIX2PIX_ORT_URL, a folder or a base URL, by default from a public CDN, and
    stay in the cache: a second call downloads nothing. The .wasm files are stored as .wasm.gz (27
    MB becomes 6 MB), because static hosts compress nothing. Of several processes, one downloads and
    the others wait.

    Raises:
        UserError: when a file is missing, can't be downloaded or cached, or is not the right one.
    """
    folder = default_cache_dir() / f"onnxruntime-web-{VERSION}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            missing = [name for name in RUNTIME_FILES if not _is_cached(folder, name)]
            source = os.environ.get(SOURCE_VARIABLE) or PUBLIC_SOURCE
            if missing:
                LOGGER.info(
                    "Fetching onnxruntime-web %s from %s", VERSION, _without_secrets(source)
                )
            for name in missing:
                _store(folder / _cached_name(name), _read_verified(source, name))
            if _read_or_none(folder / LICENSE_FILE) != LICENSE.encode():
                _store(folder / LICENSE_FILE, LICENSE.encode())
    except OSError as error:
        raise UserError(
            f"ONNX Runtime's files can't be cached in {folder} ({error.strerror or error}); free "
            "some space, or set XDG_CACHE_HOME to a folder that can be written."
        ) from None
    return folder


def list_runtime_files(folder: Path) -> dict[str, Path]:
    """Returns the files of a folder of `fetch_runtime` by name."""
    names = [*map(_cached_name, RUNTIME_FILES), LICENSE_FILE]
    return {name: folder / name for name in names}


def _cached_name(name: str) -> str:
    return f"{name}.gz" if name.endswith(".wasm") else name


def _is_cached(folder: Path, name: str) -> bool:
    """Returns whether the cached file has the right content.

    All six take 0.3 s to check, so a process checks a file again only if it was written since.
    """
    path = folder / _cached_name(name)
    try:
        state = path.stat()
    except FileNotFoundError:
        return False
    written = (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return _has_right_content(path, name, written)


@functools.cache
def _has_right_content(path: Path, name: str, written: tuple[int, ...]) -> bool:
    content = _read_or_none(path)
    if content is not None and name.endswith(".wasm"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            content = None
    return content is not None and hashlib.sha256(content).hexdigest() == RUNTIME_FILES[name]


def _read_or_none(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _store(path: Path, content: bytes) -> None:
    if path.suffix == ".gz":
        # Without the time in it, the same file comes out each time, so that a deployment of the
        # page uploads nothing that has not changed.
        content = gzip.compress(content, 9, mtime=0)
    write_atomically(path, lambda temporary: temporary.write_bytes(content))


def _read_verified(source: str, name: str) -> bytes:
    """Returns a file of the source. Raises `UserError` if it is missing or not the right one."""
    if _is_url(source):
        content = _download(source, name)
    elif re.match("[A-Za-z][A-Za-z0-9+.-]+:", source) and not Path(source).exists():
        raise _refuse(
            f"{SOURCE_VARIABLE} is {_without_secrets(source)!r}, which is neither a folder nor a "
            "URL that starts with https://"
        )
    else:
        content = _read_from_folder(source, name)
    digest = hashlib.sha256(content).hexdigest()
    if digest != RUNTIME_FILES[name]:
        raise _refuse(
            f"{name} from {_without_secrets(source)} is not the file of onnxruntime-web {VERSION} "
            f"(its SHA-256 starts with {digest[:12]})"
        )
    return content


def _is_url(source: str) -> bool:
    """Returns whether the source is an http:// or https:// URL with a valid host and port."""
    try:
        parts = urlsplit(source)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _read_from_folder(source: str, name: str) -> bytes:
    try:
        folder = Path(source).expanduser()
    except RuntimeError:  # no such user
        folder = Path(source)
    try:
        if not folder.is_dir():
            is_file = folder.exists()
            raise _refuse(
                f"{folder} is not a folder" if is_file else f"the folder {folder} does not exist"
            )
        return folder.joinpath(name).read_bytes()
    except OSError as error:
        raise _refuse(f"{name} can't be read in {folder} ({error.strerror})") from None


def _download(base_url: str, name: str) -> bytes:
    """Downloads a file, up to three times; the proxy variables are honored.

    The query string of the base URL, such as a signature, is sent with each request and is in no
    message.
    """
    base, query = _without_secrets(base_url), quote(urlsplit(base_url).query, safe=URL_CHARACTERS)
    url = f"{base.rstrip('/')}/{name}"
    # urllib.request.urlopen would keep the proxies of its first call.
    opener = urllib.request.build_opener()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            request = urllib.request.Request(f"{url}?{query}" if query else url)  # noqa: S310
            if account := _basic_account(base_url):
                # Not sent on to the server of a redirect.
                request.add_unredirected_header("Authorization", f"Basic {account}")
            with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                content = response.read(MAX_BYTES)
                if response.length:
                    raise ConnectionError("the connection broke")
                return content
        except (OSError, http.client.HTTPException, ValueError) as error:
            status = error.code if isinstance(error, urllib.error.HTTPError) else None
            if attempt == ATTEMPTS or isinstance(error, ValueError) or (status or 500) < 500:
                raise _refuse(f"{url} can't be downloaded ({_describe(error)})") from None
        time.sleep(attempt * PAUSE_SECONDS)
    raise AssertionError("the last attempt returns or raises")


def _describe(error: Exception) -> str:
    """Returns the reason of a failed download; the text of some errors would quote the URL."""
    if isinstance(error, urllib.error.HTTPError):
        return f"{error.code} {http.client.responses.get(error.code, '')}".rstrip()
    if isinstance(error, ValueError | http.client.InvalidURL):
        return "the URL is not valid"
    return str(getattr(error, "reason", None) or error)


def _basic_account(url: str) -> str:
    """Returns the account in a URL such as https://user:password@mirror/ in base64, or ""."""
    parts = urlsplit(url)
    if parts.password is None:
        return ""
    account = f"{unquote(parts.username or '')}:{unquote(parts.password)}"
    return base64.b64encode(account.encode()).decode()


def _without_secrets(source: str) -> str:
    """Returns the source without the account and the query string of a URL, for messages."""
    if _is_url(source):
        parts = urlsplit(source)
        host, path = parts.netloc.rpartition("@")[2], quote(parts.path, safe=URL_CHARACTERS)
        return f"{parts.scheme}://{host}{path}"
    if re.match("[A-Za-z][A-Za-z0-9+.-]+:", source) and re.search("[@?#]", source):
        return source.partition(":")[0] + ":..."
    return source


def _refuse(problem: str) -> UserError:
    return UserError(
        f"ONNX Runtime for the browser: {problem}. Set {SOURCE_VARIABLE} to a folder or base URL "
        f"with the files of onnxruntime-web {VERSION}, such as node_modules/onnxruntime-web/dist "
        f"after `npm install onnxruntime-web@{VERSION}`."
    )
