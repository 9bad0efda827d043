// Drives OpenAI's HTTP API with the official JavaScript client; see ../../README.md for the steps and their answers.
const readline = require("node:readline");
const { OpenAI, APIError } = require("openai");

// Longest wait for an answer, so that a broken server fails the test and does not stop it.
const TIMEOUT_MILLISECONDS = 30_000;

function failure(error) {
  if (!(error instanceof APIError)) return { error: { class: error.constructor.name, message: String(error) } };
  return {
    error: {
      class: error.constructor.name,
      status: error.status ?? null,
      message: error.message,
      param: error.param ?? null,
      code: error.code ?? null,
      type: error.type ?? null,
      retry: error.headers?.get?.("x-should-retry") ?? null,
    },
  };
}

async function read(stream, leaveAfter, textOf) {
  const pieces = [];
  let finish = null;
  let usage = null;
  let chunks = 0;
  for await (const chunk of stream) {
    chunks += 1;
    for (const choice of chunk.choices) {
      if (textOf(choice)) pieces.push(textOf(choice));
      finish = choice.finish_reason ?? finish;
    }
    usage = chunk.usage ?? usage;
    // Leaving the loop aborts the request.
    if (leaveAfter !== undefined && chunks >= leaveAfter) return { left: true, pieces };
  }
  return { pieces, finish, usage, chunks };
}

async function answer(client, step) {
  const rest = step.with ?? {};
  switch (step.do) {
    case "models": {
      const models = [];
      for await (const model of client.models.list()) models.push(model.id);
      return { models };
    }
    case "model":
      return { result: await client.models.retrieve(step.id) };
    case "embed":
      return { result: await client.embeddings.create(rest) };
    case "chat": {
      const made = await client.chat.completions.create(rest);
      return rest.stream ? read(made, step.leave_after, (choice) => choice.delta.content) : { result: made };
    }
    case "complete": {
      const made = await client.completions.create(rest);
      return rest.stream ? read(made, step.leave_after, (choice) => choice.text) : { result: made };
    }
    default:
      return { error: { class: "NoSuchStep", message: step.do } };
  }
}

async function main() {
  const [baseURL, apiKey] = process.argv.slice(2);
  const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: TIMEOUT_MILLISECONDS });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const said = await answer(client, JSON.parse(line)).catch(failure);
    console.log(JSON.stringify(said));
  }
}

main();
