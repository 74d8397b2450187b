"""Limits how much of its input an error message repeats, in messages of all libraries.

An agent that sends a picture as text would otherwise get megabytes of that text back.
"""

import json
import re
from typing import Any

# Characters of the input that a message may repeat, and of a message of this package in all.
MAX_QUOTED, MAX_MESSAGE = 200, 500
LONG_WORD = re.compile(rf"\S{{{MAX_QUOTED},}}")

WRONG_ARGUMENTS = "The arguments don't have the form that the API page of this Space describes."


def shorten(text: str, limit: int = MAX_QUOTED) -> str:
    """Returns a text of at most `limit` characters; a longer one ends with three dots."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def limit_quotes(text: str) -> str:
    """Returns a message of this package, whose own sentences may be longer than a quotation."""
    return shorten(LONG_WORD.sub(lambda word: shorten(word[0], MAX_QUOTED - 1), text), MAX_MESSAGE)


def limit_error_body(body: bytes, is_json: bool) -> bytes:
    """Returns the body of an error response with all its texts shortened."""
    if len(body) <= MAX_QUOTED:
        return body
    text = body.decode("utf-8", "replace")
    if not is_json:
        return shorten(text).encode()
    try:
        return json.dumps(_limit_json(json.loads(text))).encode()
    except (ValueError, RecursionError):
        return shorten(text).encode()


def _limit_json(content: Any, is_message: bool = False) -> Any:
    if isinstance(content, str):  # Gradio puts the messages of this package under "error"
        return limit_quotes(content) if is_message else shorten(content)
    if isinstance(content, dict) and all(len(key) <= MAX_QUOTED for key in content):
        return {key: _limit_json(value, key == "error") for key, value in content.items()}
    # For example the list in which FastAPI repeats the whole request that it refuses.
    is_long = len(json.dumps(content)) > MAX_QUOTED
    return WRONG_ARGUMENTS if is_long else content
