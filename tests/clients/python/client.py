"""Drives an MCP server with the official Python client; see ../README.md for the steps and their answers."""

import json
import ssl
import sys
from typing import Any
from urllib.parse import parse_qs, urljoin, urlparse

import anyio
import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata
from mcp_types import (
    CreateMessageResult,
    CreateMessageResultWithTools,
    ElicitResult,
    ListRootsResult,
    PaginatedRequestParams,
    PromptReference,
    ResourceTemplateReference,
    Root,
    SamplingCapability,
    SamplingToolsCapability,
    TextContent,
    ToolListChangedNotification,
    ToolUseContent,
)

# The first revision without a handshake: changes of lists arrive on a stream that the client opens.
MODERN = "2026-07-28"

# Longest wait for an answer, so that a broken server fails the test and does not stop it.
TIMEOUT_SECONDS = 30.0


def wire(model: Any) -> Any:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def failure(error: BaseException) -> dict[str, Any]:
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, MCPError):
        return {"error": {"code": error.error.code, "message": error.error.message}}
    return {"error": {"code": None, "message": f"{type(error).__name__}: {error}"}}


class Driver:
    def __init__(self) -> None:
        self.client: Client
        self.changes = 0
        self.changed = anyio.Event()
        self.messages: list[dict[str, Any]] = []
        self.notices: list[dict[str, Any]] = []
        # What the person says to a form and to a page.
        self.action = "accept"
        self.asked: list[dict[str, Any]] = []

    async def on_elicit(self, _context: Any, params: Any) -> Any:
        self.asked.append(wire(params))
        if self.action != "accept" or getattr(params, "mode", None) == "url":
            return ElicitResult(action=self.action)
        names = params.requested_schema.get("properties", {})
        return ElicitResult(action="accept", content={name: "Ada" if name == "name" else f"my {name}" for name in names})

    async def on_sample(self, _context: Any, params: Any) -> Any:
        self.asked.append(wire(params))
        if not params.tools:
            content = TextContent(type="text", text="sampled")
            return CreateMessageResult(role="assistant", model="a-model", content=content)
        use = ToolUseContent(type="tool_use", id="u1", name=params.tools[0].name, input={"at": "noon"})
        return CreateMessageResultWithTools(role="assistant", model="a-model", content=[use], stop_reason="toolUse")

    async def on_roots(self, _context: Any) -> Any:
        return ListRootsResult(roots=[Root(uri="file:///work/tides", name="tides")])

    async def on_log(self, message: Any) -> None:
        self.messages.append(wire(message))

    async def on_message(self, message: Any) -> None:
        if hasattr(message, "method"):
            self.notices.append(wire(message))
        # What belongs to a subscription comes here too; it is counted there.
        if isinstance(message, ToolListChangedNotification) and self.client.protocol_version < MODERN:
            self.count_change()

    def count_change(self) -> None:
        self.changes += 1
        self.changed.set()
        self.changed = anyio.Event()

    async def list(self, _step: dict[str, Any]) -> dict[str, Any]:
        tools: list[Any] = []
        pages = 0
        cursor = None
        while True:
            page = await self.client.session.list_tools(params=PaginatedRequestParams(cursor=cursor))
            tools.extend(wire(tool) for tool in page.tools)
            pages += 1
            cursor = page.next_cursor
            if cursor is None:
                return {"tools": tools, "pages": pages}

    async def call(self, step: dict[str, Any]) -> dict[str, Any]:
        seen: list[dict[str, Any]] = []

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            seen.append({"progress": progress, "total": total, "message": message})

        first = len(self.messages)
        cancel_after = step.get("cancel_after_ms")
        seconds = None if cancel_after is None else cancel_after / 1000
        with anyio.move_on_after(seconds) as scope:
            result = await self.client.call_tool(
                step["tool"],
                step.get("arguments", {}),
                read_timeout_seconds=step.get("timeout_ms", TIMEOUT_SECONDS * 1000) / 1000,
                progress_callback=on_progress if step.get("progress") else None,
                meta=step.get("meta"),
            )
        if scope.cancelled_caught:
            return {"cancelled": True, "progress": seen, "messages": self.messages[first:]}
        return {"result": wire(result), "progress": seen, "messages": self.messages[first:]}

    async def ping(self, _step: dict[str, Any]) -> dict[str, Any]:
        await self.client.session.send_ping()
        return {"pong": True}

    async def listen(self, _step: dict[str, Any]) -> dict[str, Any]:
        if self.client.protocol_version >= MODERN:
            await self.background.start(self.subscription)
        return {"listening": True}

    async def subscription(self, *, task_status: Any) -> None:
        async with self.client.listen(tools_list_changed=True) as events:
            task_status.started()
            async for _ in events:
                self.count_change()

    async def wait_for_changes(self, step: dict[str, Any]) -> dict[str, Any]:
        with anyio.move_on_after(step["timeout_ms"] / 1000):
            while self.changes < step["at_least"]:
                await self.changed.wait()
        return {"changes": self.changes}

    async def together(self, step: dict[str, Any]) -> dict[str, Any]:
        answers: list[Any] = [None] * len(step["steps"])

        async def one(index: int, inner: dict[str, Any]) -> None:
            answers[index] = await self.answer(inner)

        async with anyio.create_task_group() as group:
            for index, inner in enumerate(step["steps"]):
                group.start_soon(one, index, inner)
        return {"together": answers}

    async def resources(self, _step: dict[str, Any]) -> dict[str, Any]:
        resources = await self.client.list_resources(cache_mode="bypass")
        templates = await self.client.list_resource_templates(cache_mode="bypass")
        return {"resources": wire(resources), "templates": wire(templates)}

    async def read(self, step: dict[str, Any]) -> dict[str, Any]:
        return {"result": wire(await self.client.read_resource(step["uri"], meta=step.get("meta"), cache_mode="bypass"))}

    async def prompts(self, _step: dict[str, Any]) -> dict[str, Any]:
        return {"prompts": wire(await self.client.list_prompts())}

    async def prompt(self, step: dict[str, Any]) -> dict[str, Any]:
        result = await self.client.get_prompt(step["name"], step.get("arguments"), meta=step.get("meta"))
        return {"result": wire(result)}

    async def complete(self, step: dict[str, Any]) -> dict[str, Any]:
        if "prompt" in step:
            ref: Any = PromptReference(type="ref/prompt", name=step["prompt"])
        else:
            ref = ResourceTemplateReference(type="ref/resource", uri=step["template"])
        argument = {"name": step["argument"], "value": step["value"]}
        return {"result": wire(await self.client.complete(ref, argument, step.get("context")))}

    async def say(self, step: dict[str, Any]) -> dict[str, Any]:
        self.action = step["action"]
        return {"said": self.action}

    async def heard(self, _step: dict[str, Any]) -> dict[str, Any]:
        asked, self.asked = self.asked, []
        return {"asked": asked, "notices": self.notices, "instructions": self.client.instructions}

    async def answer(self, step: dict[str, Any]) -> dict[str, Any]:
        verbs = {
            "list": self.list,
            "call": self.call,
            "ping": self.ping,
            "resources": self.resources,
            "read": self.read,
            "prompts": self.prompts,
            "prompt": self.prompt,
            "complete": self.complete,
            "say": self.say,
            "heard": self.heard,
            "listen": self.listen,
            "changes": self.wait_for_changes,
            "together": self.together,
        }
        try:
            return await verbs[step["do"]](step)
        except Exception as error:  # every refusal is an answer for the test to judge
            return failure(error)

    async def run(self, mode: str, server: Any) -> None:
        async with Client(
            server,
            mode=mode,
            message_handler=self.on_message,
            logging_callback=self.on_log,
            elicitation_callback=self.on_elicit,
            sampling_callback=self.on_sample,
            sampling_capabilities=SamplingCapability(tools=SamplingToolsCapability()),
            list_roots_callback=self.on_roots,
            log_level="info",
            read_timeout_seconds=TIMEOUT_SECONDS,
        ) as self.client:
            info = self.client.server_info
            say({"connected": {
                "protocol": self.client.protocol_version,
                "server": None if info is None else wire(info),
                "capabilities": wire(self.client.server_capabilities),
            }})
            async with anyio.create_task_group() as self.background:
                async for line in anyio.wrap_file(sys.stdin):
                    if line.strip():
                        say(await self.answer(json.loads(line)))
                self.background.cancel_scope.cancel()


class Memory:
    """Keeps tokens and registration as long as the program runs."""

    def __init__(self) -> None:
        self.tokens: Any = None
        self.registration: Any = None

    async def get_tokens(self) -> Any:
        return self.tokens

    async def set_tokens(self, tokens: Any) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> Any:
        return self.registration

    async def set_client_info(self, client_info: Any) -> None:
        self.registration = client_info


class Browser:
    """Goes where it is sent, with its cookies, until it is sent back to the client."""

    BACK = "http://127.0.0.1:1/callback"

    def __init__(self) -> None:
        self.back = ""

    async def open(self, address: str) -> None:
        async with httpx2.AsyncClient(follow_redirects=False) as pages:
            for _ in range(20):
                if address.startswith(self.BACK):
                    self.back = address
                    return
                page = await pages.get(address)
                if "location" not in page.headers:
                    raise RuntimeError(f"{page.status_code} at {address}: {page.text}")
                address = urljoin(address, page.headers["location"])
        raise RuntimeError("sent around without end")

    async def result(self) -> AuthorizationCodeResult:
        said = {name: values[0] for name, values in parse_qs(urlparse(self.back).query).items()}
        if "code" not in said:
            raise RuntimeError(f"no code: {self.back}")
        return AuthorizationCodeResult(code=said["code"], state=said.get("state"), iss=said.get("iss"))


def guarded(url: str, access: dict[str, Any]) -> Any:
    """A connection that proves who it is: by a key, by its own credentials, as a person who signs in, or by its process."""
    headers = {"authorization": f"Bearer {access['key']}"} if "key" in access else {}
    auth: Any = None
    if access.get("flow") == "client-credentials":
        auth = ClientCredentialsOAuthProvider(
            url, Memory(), access["client_id"], access["client_secret"], issuer=access["issuer"]
        )
    elif access.get("flow") == "authorization-code":
        browser = Browser()
        metadata = OAuthClientMetadata(
            client_name="tidegate-tests",
            redirect_uris=[Browser.BACK],
            grant_types=["authorization_code"],
            response_types=["code"],
            token_endpoint_auth_method="none",
            application_type="native",
        )
        auth = OAuthClientProvider(url, metadata, Memory(), browser.open, browser.result)
    verify = ssl.create_default_context(cafile=access["roots"]) if "roots" in access else True
    transport = httpx2.AsyncHTTPTransport(uds=access["socket"]) if "socket" in access else None
    http = httpx2.AsyncClient(headers=headers, auth=auth, verify=verify, transport=transport, timeout=TIMEOUT_SECONDS)
    return streamable_http_client(url, http_client=http)


def say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


def main() -> int:
    mode, transport, *target = sys.argv[1:]
    try:
        server: Any
        if transport == "stdio":
            server = StdioServerParameters(command=target[0], args=target[1:])
        elif transport == "sse":
            server = sse_client(target[0])
        else:
            server = target[0] if len(target) == 1 else guarded(target[0], json.loads(target[1]))
        anyio.run(Driver().run, mode, server)
    except Exception as error:
        say(failure(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
