"""Every call to the Hugging Face Hub but for the pairs, which `datasets` streams itself.

Each failure becomes a `UserError` that says what to do; no message carries a token. The client is
imported where it is called, so that importing this costs nothing.
"""

from pix2pix.hub.checkpoints import resume, uploading
from pix2pix.hub.datasets import dataset_commit
from pix2pix.hub.models import (
    BEFORE,
    PUBLISHED,
    SERVED,
    check_can_write,
    fetch_model,
    prepare_repo,
    reachable,
)
from pix2pix.hub.publishing import aim, publish
from pix2pix.hub.session import limit_waiting

__all__ = [
    "BEFORE",
    "PUBLISHED",
    "SERVED",
    "aim",
    "check_can_write",
    "dataset_commit",
    "fetch_model",
    "limit_waiting",
    "prepare_repo",
    "publish",
    "reachable",
    "resume",
    "uploading",
]
