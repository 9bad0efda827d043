// The steps that ../README.md lists, over either generation of the TypeScript library.
"use strict";

const readline = require("node:readline");

// Longest wait for an answer, so that a broken server fails the test and does not stop it.
const TIMEOUT_MS = 30_000;

function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

function failure(error) {
  const code = typeof error?.code === "number" ? error.code : null;
  return { error: { code, message: String(error?.message ?? error) } };
}

class Driver {
  // `library` has: protocol(), server(), capabilities(), page(cursor), call(params, options), ping(), listen(), close(),
  // and perhaps meta(): members that every call has.
  constructor(library) {
    this.library = library;
    this.changes = 0;
    this.waiting = [];
    this.messages = [];
  }

  keepMessage(message) {
    this.messages.push(message);
  }

  countChange() {
    this.changes += 1;
    for (const wake of this.waiting.splice(0)) wake();
  }

  async list() {
    const tools = [];
    let pages = 0;
    let cursor = "";
    do {
      const page = await this.library.page(cursor === "" ? undefined : cursor);
      tools.push(...page.tools);
      pages += 1;
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return { tools, pages };
  }

  async call(step) {
    const progress = [];
    const first = this.messages.length;
    const heard = () => ({ progress, messages: this.messages.slice(first) });
    const options = { timeout: step.timeout_ms ?? TIMEOUT_MS };
    if (step.progress) {
      options.onprogress = ({ progress: done, total = null, message = null }) =>
        progress.push({ progress: done, total, message });
    }
    let cancelled = false;
    let timer;
    if (step.cancel_after_ms !== undefined) {
      const controller = new AbortController();
      options.signal = controller.signal;
      timer = setTimeout(() => {
        cancelled = true;
        controller.abort("the test cancels");
      }, step.cancel_after_ms);
    }
    try {
      const params = { name: step.tool, arguments: step.arguments ?? {}, ...this.library.meta?.() };
      const result = await this.library.call(params, options);
      return { result, ...heard() };
    } catch (error) {
      if (cancelled) return { cancelled: true, ...heard() };
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async ping() {
    await this.library.ping();
    return { pong: true };
  }

  async listen() {
    await this.library.listen();
    return { listening: true };
  }

  async waitForChanges(step) {
    const end = Date.now() + step.timeout_ms;
    while (this.changes < step.at_least && Date.now() < end) {
      await new Promise((wake) => {
        const timer = setTimeout(wake, end - Date.now());
        this.waiting.push(() => {
          clearTimeout(timer);
          wake();
        });
      });
    }
    return { changes: this.changes };
  }

  async together(step) {
    return { together: await Promise.all(step.steps.map((inner) => this.answer(inner))) };
  }

  async answer(step) {
    try {
      switch (step.do) {
        case "list": return await this.list();
        case "call": return await this.call(step);
        case "ping": return await this.ping();
        case "listen": return await this.listen();
        case "changes": return await this.waitForChanges(step);
        case "task": return { told: await this.library.task({ name: step.tool, arguments: step.arguments ?? {} }, step.ttl) };
        case "tasks": return { tasks: await this.library.tasks() };
        case "task-status": return { task: await this.library.taskOf(step.id) };
        case "task-result": return { result: await this.library.resultOf(step.id) };
        case "task-cancel": return { task: await this.library.cancelTask(step.id) };
        case "together": return await this.together(step);
        default: throw new Error(`there is no step ${step.do}`);
      }
    } catch (error) {
      return failure(error);
    }
  }

  async run() {
    say({
      connected: {
        protocol: this.library.protocol() ?? null,
        server: this.library.server() ?? null,
        capabilities: this.library.capabilities() ?? null,
      },
    });
    for await (const line of readline.createInterface({ input: process.stdin })) {
      if (line.trim() !== "") say(await this.answer(JSON.parse(line)));
    }
    await this.library.close();
  }
}

// Runs `connect(mode, transport, target)`, which answers a driver, then its steps, and ends the process.
async function main(connect) {
  const [mode, transport, ...target] = process.argv.slice(2);
  try {
    const driver = await connect(mode, transport, target);
    await driver.run();
    process.exit(0);
  } catch (error) {
    say(failure(error));
    process.exit(1);
  }
}

module.exports = { Driver, TIMEOUT_MS, main };
