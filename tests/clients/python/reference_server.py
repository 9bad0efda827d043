"""A server made with the official SDK, to try the client programs against: PROGRAM http PORT, or PROGRAM stdio."""

import sys

import anyio
from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("reference", version="1.0.0")


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
async def count(to: int, context: Context) -> str:
    """Counts, with progress."""
    for step in range(1, to + 1):
        await context.report_progress(step, to, f"step {step}")
        # The TypeScript libraries drop progress that arrives in one piece with the result.
        await anyio.sleep(0.1)
    return "done"


@server.tool()
async def sleep(seconds: float) -> str:
    """Sleeps."""
    await anyio.sleep(seconds)
    return "woke"


@server.tool()
async def grow(context: Context) -> str:
    """Says that the list of tools changed."""
    await context.notify_tools_changed()
    await context.request_context.session.send_tool_list_changed()
    return "grown"


@server.tool()
def fail() -> str:
    """Fails."""
    raise ValueError("it fails")


if sys.argv[1] == "http":
    server.run("streamable-http", port=int(sys.argv[2]))
else:
    server.run("stdio")
