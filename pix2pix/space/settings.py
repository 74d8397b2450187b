"""What the operator sets by environment variables. A wrong value never stops the Space."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

# The least and the most that each number may be; its variable is PIX2PIX_ and its name.
RANGES = {
    "threads": (0, 1024),
    "max_file_mb": (1, 2000),
    "max_megapixels": (1, 1000),
    "max_batch": (1, 1000),
    "queue": (1, 100_000),
    "concurrency": (1, 64),
}


@dataclass(frozen=True)
class Settings:
    """Limits and names, read once when the Space starts.

    Attributes:
        models: what to serve, the default first; empty for the starter model.
        threads: processor threads a translation, 0 for all cores; `Translator` reads it itself.
        max_file_mb: largest upload. max_megapixels: largest picture. max_batch: files a batch.
        queue: visitors that may wait. concurrency: translations at a time.
        notices: what was wrong with the variables, one sentence each.
    """

    models: tuple[str, ...] = ()
    threads: int = 0
    max_file_mb: int = 20
    max_megapixels: int = 64
    max_batch: int = 32
    queue: int = 128
    concurrency: int = 2
    notices: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Reads PIX2PIX_MODEL, PIX2PIX_MODELS, and the numbers in RANGES."""
        given = [environ.get("PIX2PIX_MODEL", ""), *environ.get("PIX2PIX_MODELS", "").split(",")]
        models = tuple(dict.fromkeys(name.strip() for name in given if name.strip()))
        numbers, notices = {}, []
        for field, (least, most) in RANGES.items():
            variable = f"PIX2PIX_{field.upper()}"
            text = environ.get(variable)
            if text is None:
                continue
            numbers[field] = _number(text, least, most)
            if numbers[field] is None:
                numbers[field] = getattr(cls, field)
                notices.append(
                    f"{variable} is {text[:40]!r}, which is no whole number from {least} to "
                    f"{most}: {numbers[field]} is used."
                )
        set_to_nothing = {"PIX2PIX_MODEL", "PIX2PIX_MODELS"} & environ.keys()
        if set_to_nothing and not models:
            names = " and ".join(sorted(set_to_nothing))
            notices.append(f"{names} names no model: the starter model is served.")
        return cls(models=models, notices=tuple(notices), **numbers)


def _number(text: str, least: int, most: int) -> int | None:
    try:
        number = int(text)
    except ValueError:
        return None
    return number if least <= number <= most else None
