"""The MCP server of the Space: what agents may send, and how long its error messages are."""

from collections.abc import Awaitable, Callable
from typing import Any

import gradio.mcp
from mcp import McpError, types
from mcp.server import Server

from pix2pix.errors import UserError
from pix2pix.space.security.messages import WRONG_ARGUMENTS, limit_quotes, shorten

# How the MCP package begins a message that repeats a whole argument.
VALIDATION_ERROR = "Input validation error"


class SecureMCPServer(gradio.mcp.GradioMCPServer):
    """Gradio's MCP server, which otherwise repeats whole arguments in its error messages."""

    def create_mcp_server(self) -> Server:
        """Returns the server, with all error messages shortened."""
        server = super().create_mcp_server()
        for request, handler in server.request_handlers.items():
            server.request_handlers[request] = _shorten_errors(handler)
        return server

    def convert_strings_to_filedata(self, value: Any, filedata_positions: Any) -> Any:
        """Returns `value` unchanged, since the components accept files as text and as URLs."""
        return value

    def _prepare_tool_call_args(self, name: str, arguments: dict[str, Any]) -> Any:
        """Returns what Gradio's method does, with a short message for unknown names."""
        try:
            return super()._prepare_tool_call_args(name, arguments)
        except Exception as error:
            raise UserError(shorten(str(error))) from None


def replace_mcp_server() -> None:
    """Makes Gradio launch `SecureMCPServer` in this process."""
    gradio.mcp.GradioMCPServer = SecureMCPServer  # type: ignore[misc]


Handler = Callable[[Any], Awaitable[types.ServerResult]]


def _shorten_errors(handler: Handler) -> Handler:
    async def handle(request: Any) -> types.ServerResult:
        try:
            response = await handler(request)
        except McpError:
            raise
        except Exception as error:  # the package would send its text as it is
            raise McpError(types.ErrorData(code=0, message=shorten(str(error)))) from None
        result = response.root
        if isinstance(result, types.CallToolResult) and result.isError:
            for part in result.content:
                if isinstance(part, types.TextContent):
                    part.text = _limit(part.text)
        return response

    return handle


def _limit(text: str) -> str:
    if text.startswith(VALIDATION_ERROR):
        return f"{WRONG_ARGUMENTS} ({shorten(text, 150)})"
    return limit_quotes(text)
