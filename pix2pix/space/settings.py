"""What the operator sets by environment variables. A wrong value never stops the Space."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Limits and names, read once when the Space starts.

    Attributes:
        models: what to serve, the default first; empty for the starter model.
        max_file_mb: largest upload. max_megapixels: largest picture. max_batch: files a batch.
        queue: visitors that may wait. concurrency: translations at a time.
        notices: what was wrong with the variables, one sentence each.
    """

    models: tuple[str, ...] = ()
    max_file_mb: int = 20
    max_megapixels: int = 64
    max_batch: int = 32
    queue: int = 128
    concurrency: int = 2
    notices: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Reads PIX2PIX_MODELS, PIX2PIX_MODEL, PIX2PIX_MAX_FILE_MB and so on."""
        names = [environ.get("PIX2PIX_MODEL", ""), *environ.get("PIX2PIX_MODELS", "").split(",")]
        models = dict.fromkeys(name.strip() for name in names if name.strip())
        return cls(models=tuple(models))
