"""Sends all requests to the Hugging Face Hub, except for the pairs that `datasets` streams.

Each failure is a `UserError` that says what to do, and no message contains a token. The client is
imported where it is called, so that importing this package is cheap.
"""

from pix2pix.hub.background_upload import upload_checkpoints
from pix2pix.hub.model_weights import fetch_weights, graph_commit, weights_commit
from pix2pix.hub.publishing import check_can_publish, page, plan_publish, publish
from pix2pix.hub.repositories import (
    NOTHING_DONE_HINT,
    dataset_commit,
    fetch_model,
    is_reachable,
    prepare_repository,
    read_dataset_card,
    set_request_timeout,
)
from pix2pix.hub.resuming import resume_from_hub

__all__ = [
    "NOTHING_DONE_HINT",
    "check_can_publish",
    "dataset_commit",
    "fetch_model",
    "fetch_weights",
    "graph_commit",
    "is_reachable",
    "page",
    "plan_publish",
    "prepare_repository",
    "publish",
    "read_dataset_card",
    "resume_from_hub",
    "set_request_timeout",
    "upload_checkpoints",
    "weights_commit",
]
