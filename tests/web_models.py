"""Tiny models for the browser Space, whose translations are known without a network."""

import hashlib
import json
from typing import Any

import numpy as np
import onnx
from huggingface_hub import HfApi
from onnx import TensorProto, helper, numpy_helper

from tests.hub_clients import add_file

SIDE = 64
Files = dict[str, bytes]


def build_graph(*operations: str, padding: int = 0, scale: float = 1.0) -> bytes:
    """Returns a graph that applies elementwise operations, such as "Neg", to `scale` * image.

    `padding` adds so many bytes that don't matter.
    """
    names = ["scaled", *(f"step{number}" for number in range(len(operations)))]
    nodes = [helper.make_node("Mul", ["image", "scale"], ["scaled"])]
    nodes += [
        helper.make_node(operation, [source], [target])
        for operation, source, target in zip(operations, names, names[1:], strict=False)
    ]
    nodes += [
        helper.make_node("Mul", ["padding", "zero"], ["nothing"]),
        helper.make_node("ReduceSum", ["nothing"], ["sum"], keepdims=0),
        helper.make_node("Add", [names[-1], "sum"], ["translation"]),
    ]
    noise = np.random.default_rng(0).random(padding // 4 + 1, dtype=np.float32)
    constants = [
        numpy_helper.from_array(np.array(scale, np.float32), "scale"),
        numpy_helper.from_array(np.array(0, np.float32), "zero"),
        numpy_helper.from_array(noise, "padding"),
    ]
    return _save_graph(nodes, constants)


def _save_graph(nodes: list[onnx.NodeProto], constants: list[TensorProto]) -> bytes:
    shape: list[str | int | None] = ["batch", "height", "width", 3]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name in ("image", "translation")
    ]
    graph = helper.make_graph(nodes, "tiny", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def build_hungry_graph() -> bytes:
    """Returns a graph that needs 24 GB of memory; WebAssembly has at most 4."""
    repeats = numpy_helper.from_array(np.array([1, 700, 700, 1], np.int64), "repeats")
    nodes = [
        helper.make_node("Tile", ["image", "repeats"], ["large"]),
        helper.make_node("ReduceMax", ["large"], ["largest"], keepdims=0),
        helper.make_node("Add", ["image", "largest"], ["translation"]),
    ]
    return _save_graph(nodes, [repeats])


def build_model(graph: bytes | None = None, side: int = SIDE, **changes: Any) -> Files:
    """Returns the files of a model; by default its translation is the negative.

    `changes` replace keys of pix2pix.json.
    """
    graph = build_graph("Neg") if graph is None else graph
    description = {
        "config": {"image_size": side, "direction": "a_to_b", "aspect": "squash"},
        "size_multiple": side,
        "sha256": {"generator.onnx": hashlib.sha256(graph).hexdigest()},
    }
    return {
        "pix2pix.json": json.dumps(description | changes).encode(),
        "generator.onnx": graph,
        "metrics.json": b'{"metrics": {"l1": 1.5}}',
    }


def publish(api: HfApi, repo_id: str, files: Files, **options: Any) -> str:
    """Creates a repository with these files; returns the commit."""
    api.create_repo(repo_id, exist_ok=True, **options)
    operations = [add_file(path, content) for path, content in files.items()]
    return api.create_commit(repo_id, operations, commit_message="model").oid
