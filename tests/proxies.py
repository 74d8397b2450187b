"""A reverse proxy on loopback that serves a Space below a prefix, as operators set one up."""

import http.client
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

PREFIX = "/maps"
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host"}


class ReverseProxy(http.server.ThreadingHTTPServer):
    """Forwards requests below PREFIX to `upstream`, a URL that is set once the Space runs.

    With `strips_prefix`, the Space gets the path without PREFIX.
    """

    daemon_threads = True

    def __init__(self, strips_prefix: bool):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.strips_prefix = strips_prefix
        self.upstream = ""

    @property
    def url(self) -> str:
        """The public URL of the Space."""
        return f"http://127.0.0.1:{self.server_port}{PREFIX}"


@contextmanager
def running_proxy(strips_prefix: bool) -> Iterator[ReverseProxy]:
    """Runs a proxy for the length of a `with` block."""
    with ReverseProxy(strips_prefix) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True).start()
        yield proxy
        proxy.shutdown()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: ReverseProxy

    def do_GET(self) -> None:
        path = self.path
        if self.server.strips_prefix and path.startswith(f"{PREFIX}/"):
            path = path.removeprefix(PREFIX)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
        headers |= {
            "X-Forwarded-Host": self.headers["Host"], "X-Forwarded-Proto": "http",
            "X-Forwarded-Prefix": PREFIX, "Connection": "close",
        }  # fmt: skip
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        upstream = http.client.HTTPConnection(urlsplit(self.server.upstream).netloc, timeout=60)
        try:
            with suppress(BrokenPipeError):  # the Space may refuse a body before its end
                upstream.request(self.command, path, body, headers)
            response = upstream.getresponse()
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            while chunk := response.read1(65536):  # events are passed on as they come
                self.wfile.write(chunk)
                self.wfile.flush()
        except OSError:
            pass  # the client or the Space has closed the connection
        finally:
            upstream.close()
            self.close_connection = True

    do_POST = do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


def request_status(url: str, method: str, path: str) -> int:
    """Returns the status of a request whose path is sent as it is, without normalization."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        connection.putheader("Content-Length", "0")
        connection.endheaders()
        return connection.getresponse().status
    finally:
        connection.close()
