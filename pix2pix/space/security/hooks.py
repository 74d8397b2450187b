"""Lists the names inside Gradio that the Space relies on, and checks that they exist.

The Space replaces or overrides some of Gradio's own functions. If a release of Gradio renamed one
of them, the replacement would never be called: URLs of private networks would be fetched, and
files of any size would be read. With the check, the Space does not start in that case.
"""

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from types import CodeType
from typing import Any

from pix2pix.errors import UserError


@dataclass(frozen=True)
class Hook:
    """A name inside Gradio, or inside a package that Gradio depends on.

    Attributes:
        module: dotted name of the module.
        name: dotted name of the function, class or method in the module.
        parameters: parameters that it must accept, in any order; empty where that does not matter.
        user: dotted name, in `user_module`, of Gradio's function that must use the last part of
            `name`; None where the Space alone uses it. A name that is still there, but that Gradio
            itself no longer uses, is as bad as a missing one.
        user_module: dotted name of the module of `user`; None for `module`.
    """

    module: str
    name: str
    parameters: tuple[str, ...] = ()
    user: str | None = None
    user_module: str | None = None

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


BLOCKS, PROCESSING, CLIENT = "gradio.blocks", "gradio.processing_utils", "gradio_client.utils"
MCP = "gradio.mcp"
CONFIG = "BlocksConfig.config_for_block"
HOOKS = (
    # Fetching URLs: `security.calls` replaces the first one.
    Hook(PROCESSING, "async_ssrf_protected_get", ("url",), "async_ssrf_protected_download"),
    Hook(
        PROCESSING, "async_ssrf_protected_download", ("url", "cache_dir"),
        "Block.async_move_resource_to_block_cache", BLOCKS,
    ),
    Hook("safehttpx", "AsyncSecureTransport", ("verified_ip",)),
    # Calls: `SecureBlocks` overrides the first one; Gradio refuses paths that were not uploaded.
    Hook(
        BLOCKS, "Blocks.process_api", ("block_fn", "inputs"),
        "call_process_api", "gradio.route_utils",
    ),
    Hook(
        PROCESSING, "async_move_files_to_cache", ("data", "block", "check_in_upload_folder"),
        "Blocks.preprocess_data", BLOCKS,
    ),
    Hook(BLOCKS, "Blocks.fns"),
    Hook("gradio.exceptions", "InvalidPathError"),
    Hook("gradio.exceptions", "ComponentProcessingError", (), "Blocks.preprocess_data", BLOCKS),
    Hook(CLIENT, "is_file_obj"),
    Hook(CLIENT, "traverse", ("json_obj", "func", "is_root")),
    # Requests: the middleware, and the limits that Gradio enforces itself.
    Hook("gradio.route_utils", "API_PREFIX"),
    Hook("gradio.route_utils", "get_root_url", ("request", "route_path", "root_path")),
    Hook(
        BLOCKS, "Blocks.launch",
        ("app_kwargs", "max_file_size", "run_history", "enable_monitoring", "show_error",
         "server_port", "root_path", "num_workers", "ssr_mode", "_frontend"),
    ),
    # The page: `previews` replaces a part of its template.
    Hook("gradio.routes", "templates"),
    # Agents: `security.agents` replaces the first one and overrides the others.
    Hook(MCP, "GradioMCPServer", ("blocks",), "App.setup_mcp_server", "gradio.routes"),
    Hook(MCP, "GradioMCPServer.create_mcp_server", (), "GradioMCPServer.__init__"),
    Hook(
        MCP, "GradioMCPServer._prepare_tool_call_args", ("name", "arguments"),
        "GradioMCPServer.create_mcp_server",
    ),
    Hook(
        MCP, "GradioMCPServer.convert_strings_to_filedata", ("value", "filedata_positions"),
        "GradioMCPServer._prepare_tool_call_args",
    ),
    # Files: where uploads and results are kept, and under which names.
    Hook("gradio.utils", "get_upload_folder", (), "Block.__init__", BLOCKS),
    Hook(PROCESSING, "hash_bytes", ("bytes",)),
    Hook(CLIENT, "is_file_obj_with_meta"),
    Hook(CLIENT, "is_http_url_like"),
    Hook(CLIENT, "get_mimetype"),
    # Components: what the subclasses override, which Gradio must call.
    Hook("gradio.component_meta", "create_or_modify_pyi", (), "ComponentMeta.__new__"),
    Hook("gradio.data_classes", "ImageData", ("path", "url", "orig_name")),
    Hook("gradio.data_classes", "JsonData", ("root",)),
    Hook("gradio.components", "Image.preprocess", ("payload",), "Blocks.preprocess_data", BLOCKS),
    Hook("gradio.components", "File.preprocess", ("payload",), "Blocks.preprocess_data", BLOCKS),
    Hook("gradio.components", "Radio.preprocess", ("payload",), "Blocks.preprocess_data", BLOCKS),
    Hook("gradio.components", "JSON.postprocess", ("value",), "Blocks.postprocess_data", BLOCKS),
    Hook("gradio.components", "File.api_info", (), CONFIG, BLOCKS),
    Hook("gradio.components", "Image.get_config", ("cls",), CONFIG, BLOCKS),
    Hook("gradio.components", "File.get_config", ("cls",), CONFIG, BLOCKS),
    Hook("gradio.components", "Image.example_payload"),
    Hook("gradio.components", "File.example_payload"),
    Hook("gradio.blocks", "Block.get_block_name", (), CONFIG),
)  # fmt: skip


def check_hooks() -> None:
    """Raises `UserError` unless Gradio has everything in HOOKS. Imports Gradio."""
    for find_fault in (_find_missing, _find_unused):
        for hook in HOOKS:
            if fault := find_fault(hook):
                raise UserError(
                    f"The Space does not start, because it relies on {hook}, which {fault} in this "
                    "version of Gradio; install the version that is named as sdk_version in "
                    "README.md."
                )


def _find_missing(hook: Hook) -> str | None:
    """Returns the end of a sentence about a hook that does not exist or changed, or None."""
    try:
        target = _resolve(hook.module, hook.name)
    except (ImportError, AttributeError):
        return "does not exist"
    if hook.parameters and (lacking := set(hook.parameters) - _parameters(target)):
        return f"does not accept {', '.join(sorted(lacking))}"
    return None


def _find_unused(hook: Hook) -> str | None:
    """Returns the end of a sentence about a hook that Gradio does not use, or None."""
    if not hook.user:
        return None
    try:
        user = _resolve(hook.user_module or hook.module, hook.user)
    except (ImportError, AttributeError):
        return f"is not used by {hook.user}"
    code = getattr(inspect.unwrap(user), "__code__", None)
    if code is None or hook.name.rpartition(".")[2] not in _names(code):
        return f"is not used by {hook.user}"
    return None


def _resolve(module: str, name: str) -> Any:
    return reduce(getattr, name.split("."), importlib.import_module(module))


def _parameters(target: Any) -> set[str]:
    try:
        return set(inspect.signature(target).parameters)
    except (TypeError, ValueError):
        return set()


def _names(code: CodeType) -> Iterator[str]:
    """Yields every global and attribute that a function uses, inner functions included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
        elif isinstance(constant, str):  # getattr and hasattr
            yield constant
