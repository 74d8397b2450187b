"""Reads where the Space listens, and checks that it can, before Gradio reads the same variables."""

import os
import socket
from collections.abc import Mapping

from pix2pix.errors import UserError

# Gradio converts these to numbers when it is imported or launched. The range of each:
NUMBERS = {
    "GRADIO_SERVER_PORT": (1, 65535),
    "GRADIO_NODE_SERVER_PORT": (1, 65535),
    "GRADIO_NUM_PORTS": (1, 65535),
    "GRADIO_NUM_WORKERS": (0, 1024),
}


def check_numbers(environ: Mapping[str, str] = os.environ) -> None:
    """Raises `UserError` when a variable in NUMBERS is not a whole number in its range."""
    for name, limits in NUMBERS.items():
        _read_number(environ, name, limits)


def read_port(environ: Mapping[str, str] = os.environ) -> int | None:
    """Returns GRADIO_SERVER_PORT; None where Gradio looks for a free port from 7860."""
    return _read_number(environ, "GRADIO_SERVER_PORT", NUMBERS["GRADIO_SERVER_PORT"])


def _read_number(environ: Mapping[str, str], name: str, limits: tuple[int, int]) -> int | None:
    text = environ.get(name)
    if text is None:
        return None
    try:
        number = int(text)
    except ValueError:
        number = limits[0] - 1
    if not limits[0] <= number <= limits[1]:
        raise UserError(
            f"{name} is {text[:40]!r}, which is not a whole number from {limits[0]} to "
            f"{limits[1]}; correct it or remove it."
        )
    return number


def check_address(port: int | None, environ: Mapping[str, str] = os.environ) -> None:
    """Raises `UserError` unless a server can listen on GRADIO_SERVER_NAME and `port`."""
    name = environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            name.strip("[]"), port or 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        socket.create_server(address[:2], family=family).close()
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None) or 0  # negative for a name that can't be resolved
        # Python adds the address to the system's message.
        reason = os.strerror(number) if number > 0 else getattr(error, "strerror", None) or error
        raise UserError(
            f"The Space can't listen on {name}{f':{port}' if port else ''} ({reason}); stop the "
            "program that uses this address, or change GRADIO_SERVER_NAME and GRADIO_SERVER_PORT."
        ) from None


def read_root_path(environ: Mapping[str, str] = os.environ) -> str:
    """Returns GRADIO_ROOT_PATH in the form that Gradio expects: `/maps`, a full URL, or nothing."""
    path = environ.get("GRADIO_ROOT_PATH", "").strip().rstrip("/")
    if not path or path.startswith(("http://", "https://")):
        return path
    return f"/{path.lstrip('/')}"
