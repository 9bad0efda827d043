// Drives an MCP server with @modelcontextprotocol/client; see ../README.md.
"use strict";

const { Client, ClientCredentialsProvider, StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");
const { StdioClientTransport } = require("@modelcontextprotocol/client/stdio");
const { Driver, TIMEOUT_MS, main } = require("./steps.cjs");

// The first revision without a handshake: changes of lists arrive on a stream that the client opens.
const MODERN = "2026-07-28";

// How the client proves who it is: a key, or a token that it gets for its own credentials.
function access(text) {
  if (text === undefined) return {};
  const { key, issuer, client_id: clientId, client_secret: clientSecret } = JSON.parse(text);
  if (key !== undefined) return { requestInit: { headers: { authorization: `Bearer ${key}` } } };
  return { authProvider: new ClientCredentialsProvider({ clientId, clientSecret, expectedIssuer: issuer }) };
}

main(async (mode, transport, target) => {
  const negotiation = mode === "auto" || mode === "legacy" ? mode : { pin: mode };
  const client = new Client({ name: "tidegate-tests", version: "1.0.0" }, { versionNegotiation: { mode: negotiation } });
  const driver = new Driver({
    protocol: () => client.getNegotiatedProtocolVersion(),
    server: () => client.getServerVersion(),
    capabilities: () => client.getServerCapabilities(),
    // Through the bare request: `listTools()` would gather the pages itself.
    page: (cursor) => client.request({ method: "tools/list", params: cursor === undefined ? {} : { cursor } }),
    call: (params, options) => client.callTool(params, options),
    // Without a level in the request, a modern server sends no messages.
    meta: () =>
      client.getNegotiatedProtocolVersion() >= MODERN
        ? { _meta: { "io.modelcontextprotocol/logLevel": "info" } }
        : {},
    ping: () => client.ping({ timeout: TIMEOUT_MS }),
    listen: async () => {
      if (client.getNegotiatedProtocolVersion() >= MODERN) await client.listen({ toolsListChanged: true });
    },
    close: () => client.close(),
  });
  client.setNotificationHandler("notifications/tools/list_changed", () => driver.countChange());
  client.setNotificationHandler("notifications/message", ({ params }) => driver.keepMessage(params));
  const wire =
    transport === "http"
      ? new StreamableHTTPClientTransport(new URL(target[0]), access(target[1]))
      : new StdioClientTransport({ command: target[0], args: target.slice(1) });
  await client.connect(wire, { timeout: TIMEOUT_MS });
  return driver;
});
