"""How long a request to the Hub may take: the client's own requests may wait for ever."""

import os

from pix2pix.errors import UserError

VARIABLE, SECONDS = "PIX2PIX_HUB_TIMEOUT", "120"


def limit_waiting() -> None:
    """Every request of this process gives up once the Hub was silent for PIX2PIX_HUB_TIMEOUT
    seconds, unless the client sets a limit of its own. For programs, not for libraries: the
    client's sessions are the whole process's.

    Raises `UserError` when the variable is no number of seconds.
    """
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    value = os.environ.get(VARIABLE, SECONDS)
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UserError(f"{VARIABLE} is {value!r}; it must be a number of seconds above 0.")

    def limit(request) -> None:
        # Many calls say "no limit" themselves, so the session's own would not do.
        limits = request.extensions["timeout"].items()
        request.extensions["timeout"] = {k: seconds if v is None else v for k, v in limits}

    def limited():
        client = default_client_factory()
        client.event_hooks = {"request": [*client.event_hooks["request"], limit]}
        return client

    set_client_factory(limited)
