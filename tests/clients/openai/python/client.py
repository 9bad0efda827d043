"""Drives OpenAI's HTTP API with the official Python client; see ../../README.md for the steps and their answers."""

import json
import sys
from typing import Any

from openai import APIError, OpenAI

# Longest wait for an answer, so that a broken server fails the test and does not stop it.
TIMEOUT_SECONDS = 30.0


def failure(error: APIError) -> dict[str, Any]:
    response = getattr(error, "response", None)
    return {
        "error": {
            "class": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "message": error.message,
            "param": error.param,
            "code": error.code,
            "type": error.type,
            "retry": None if response is None else response.headers.get("x-should-retry"),
        }
    }


def read(stream: Any, leave_after: int | None, text_of: Any) -> dict[str, Any]:
    pieces: list[str] = []
    finish, usage, chunks = None, None, 0
    for chunk in stream:
        chunks += 1
        for choice in chunk.choices:
            if text_of(choice):
                pieces.append(text_of(choice))
            finish = choice.finish_reason or finish
        usage = chunk.usage.model_dump() if getattr(chunk, "usage", None) else usage
        if leave_after is not None and chunks >= leave_after:
            stream.close()
            return {"left": True, "pieces": pieces}
    return {"pieces": pieces, "finish": finish, "usage": usage, "chunks": chunks}


def answer(client: OpenAI, step: dict[str, Any]) -> dict[str, Any]:
    do, rest = step["do"], step.get("with", {})
    leave_after = step.get("leave_after")
    if do == "models":
        return {"models": [model.id for model in client.models.list()]}
    if do == "model":
        return {"result": client.models.retrieve(step["id"]).model_dump()}
    if do == "embed":
        return {"result": client.embeddings.create(**rest).model_dump()}
    if do == "chat" and rest.get("stream"):
        return read(client.chat.completions.create(**rest), leave_after, lambda choice: choice.delta.content)
    if do == "chat":
        return {"result": client.chat.completions.create(**rest).model_dump()}
    if do == "complete" and rest.get("stream"):
        return read(client.completions.create(**rest), leave_after, lambda choice: choice.text)
    if do == "complete":
        return {"result": client.completions.create(**rest).model_dump()}
    return {"error": {"class": "NoSuchStep", "message": do}}


def main() -> None:
    client = OpenAI(base_url=sys.argv[1], api_key=sys.argv[2], max_retries=0, timeout=TIMEOUT_SECONDS)
    for line in sys.stdin:
        try:
            said = answer(client, json.loads(line))
        except APIError as error:
            said = failure(error)
        except Exception as error:  # The test shows what it was.
            said = {"error": {"class": type(error).__name__, "message": str(error)}}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
