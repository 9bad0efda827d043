// Drives an MCP server with @modelcontextprotocol/sdk, the library's first generation; see ../README.md.
"use strict";

const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");
const { SSEClientTransport } = require("@modelcontextprotocol/sdk/client/sse.js");
const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");
const {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  LoggingMessageNotificationSchema,
  ToolListChangedNotificationSchema,
} = require("@modelcontextprotocol/sdk/types.js");
const { Driver, TIMEOUT_MS, main } = require("./steps.cjs");

main(async (mode, transport, target) => {
  if (!["legacy", "answering"].includes(mode)) throw new Error(`this library knows no mode ${mode}`);
  const answers = mode === "answering" || transport === "sse";
  const capabilities = answers ? { elicitation: {}, sampling: {} } : {};
  const client = new Client({ name: "tidegate-tests", version: "1.0.0" }, { capabilities });
  let wire;
  const driver = new Driver({
    // Over stdio this generation does not say which revision it agreed on.
    protocol: () => wire.protocolVersion,
    server: () => client.getServerVersion(),
    capabilities: () => client.getServerCapabilities(),
    page: (cursor) => client.listTools(cursor === undefined ? {} : { cursor }),
    call: (params, options) => client.callTool(params, undefined, options),
    task: async (params, ttl) => {
      const told = [];
      const stream = client.experimental.tasks.callToolStream(params, CallToolResultSchema, { task: { ttl } });
      for await (const message of stream) {
        told.push(message.type === "error" ? { type: "error", message: message.error.message } : message);
      }
      return told;
    },
    tasks: async () => (await client.experimental.tasks.listTasks()).tasks,
    taskOf: (id) => client.experimental.tasks.getTask(id),
    resultOf: (id) => client.experimental.tasks.getTaskResult(id, CallToolResultSchema),
    cancelTask: (id) => client.experimental.tasks.cancelTask(id),
    ping: () => client.ping({ timeout: TIMEOUT_MS }),
    listen: async () => {},
    close: () => client.close(),
  });
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => driver.countChange());
  client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => driver.keepMessage(params));
  if (answers) {
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      const names = Object.keys(params.requestedSchema.properties);
      return { action: "accept", content: Object.fromEntries(names.map((name) => [name, `my ${name}`])) };
    });
    client.setRequestHandler(CreateMessageRequestSchema, () => ({
      role: "assistant",
      content: { type: "text", text: "sampled" },
      model: "none",
    }));
  }
  const address = transport === "stdio" ? undefined : new URL(target[0]);
  wire = transport === "sse"
    ? new SSEClientTransport(address)
    : address
      ? new StreamableHTTPClientTransport(address)
      : new StdioClientTransport({ command: target[0], args: target.slice(1) });
  await client.connect(wire, { timeout: TIMEOUT_MS });
  return driver;
});
