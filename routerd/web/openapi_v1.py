"""The data plane in `/openapi.json`: its paths, and the fields that routerd itself looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_REF = "#/components/schemas/"


@dataclass(frozen=True, slots=True)
class _Row:
    """One method of a path. `asked` and `streams` are None where there is no body, and no stream."""

    method: str
    path: str
    about: str
    asked: str | None = None
    error: str = "OpenAIError"
    streams: str | None = None


_SSE = "text/event-stream"
_GEMINI = "GeminiError"
_ANTHROPIC = "AnthropicError"
_ROWS = (
    _Row("post", "/v1/chat/completions", "OpenAI chat completions", "ChatCompletion", streams=_SSE),
    _Row("post", "/v1/messages", "Anthropic Messages", "Messages", _ANTHROPIC, _SSE),
    _Row("post", "/v1/messages/count_tokens", "How many tokens a Messages request has", "Messages", _ANTHROPIC),
    _Row("get", "/v1/models", "What can be asked for: routes first, then the models of each provider"),
    _Row("get", "/v1/models/{model}", "One of them"),
    _Row("post", "/v1beta/models/{model}:generateContent", "Gemini", "Contents", _GEMINI),
    _Row("post", "/v1beta/models/{model}:streamGenerateContent", "Gemini, streamed", "Contents", _GEMINI, _SSE),
    _Row("post", "/v1beta/models/{model}:countTokens", "How many tokens there are", "Contents", _GEMINI),
    _Row("get", "/v1beta/models", "What can be asked for, in Gemini's shape", error=_GEMINI),
    _Row("get", "/v1beta/models/{model}", "One of them, in Gemini's shape", error=_GEMINI),
)
_MODEL = {"type": "string", "description": "A route, `ROUTE/HINT`, `PROVIDER/MODEL`, or a model that a provider lists."}
_STREAM = {
    "type": ["boolean", "null"],
    "default": False,
    "description": "Whether the reply comes as server-sent events.",
}
_LISTED = {"type": "array"}
_CHAT: dict[str, Any] = {
    "model": "llm-auto-route",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Hello, how are you?"},
    ],
    "temperature": 0.7,
    "max_tokens": 150,
    "stream": False,
}
_CONTENTS: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "Hello, how are you?"}]}]}
_EXAMPLES = {"ChatCompletion": _CHAT, "Messages": _CHAT | {"messages": _CHAT["messages"][1:]}, "Contents": _CONTENTS}
_TEXT = {"type": "string"}
_MAYBE = {"type": ["string", "null"]}
_OPEN = "The rest is as the vendor's API has it; docs/fidelity.md says what becomes of each field."


def paths() -> dict[str, Any]:
    """The paths of the data plane."""
    found: dict[str, Any] = {}
    for row in _ROWS:
        found.setdefault(row.path, {})[row.method] = _operation(row)
    return found


def shapes() -> dict[str, Any]:
    """The components that they refer to."""
    return {
        "ChatCompletion": _body(["model", "messages"], model=_MODEL, messages=_LISTED, stream=_STREAM),
        "Messages": _body(["model", "messages"], model=_MODEL, messages=_LISTED, stream=_STREAM),
        "Contents": _body(["contents"], contents={"type": ["array", "object", "string"]}),
        "OpenAIError": _error({"message": _TEXT, "type": _TEXT, "param": _MAYBE, "code": _MAYBE}),
        "AnthropicError": _error({"type": _TEXT, "message": _TEXT}, type={"const": "error"}, request_id=_MAYBE),
        "GeminiError": _error(
            {"code": {"type": "integer"}, "message": _TEXT, "status": _TEXT}, {"details": {"type": "array"}}
        ),
    }


def _body(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "description": _OPEN, "required": required, "properties": properties}


def _error(fields: dict[str, Any], others: dict[str, Any] | None = None, **beside: Any) -> dict[str, Any]:
    error = {"type": "object", "required": [*fields], "properties": fields | (others or {})}
    required = ["error", *(name for name in beside if name != "request_id")]
    return {
        "type": "object",
        "description": "An error.",
        "required": required,
        "properties": {"error": error, **beside},
    }


def _operation(row: _Row) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": _name(row),
        "tags": ["Data plane"],
        "summary": row.about,
        "security": [{"token": []}, {}],
        "responses": _answers(row),
    }
    if "{model}" in row.path:
        schema = {"type": "string", "minLength": 1}
        told["parameters"] = [{"name": "model", "in": "path", "required": True, "schema": schema}]
    if row.asked is not None:
        content = {"schema": {"$ref": f"{_REF}{row.asked}"}, "example": _EXAMPLES[row.asked]}
        told["requestBody"] = {"required": True, "content": {"application/json": content}}
    return told


def _name(row: _Row) -> str:
    """`post_v1beta_generateContent`."""
    words = row.path.replace("/models/{model}:", "_").replace("{", "").replace("}", "").strip("/").replace("/", "_")
    return f"{row.method}_{words}"


def _answers(row: _Row) -> dict[str, Any]:
    whole: dict[str, Any] = {"application/json": {"schema": {"type": ["object", "array"]}}}
    if row.streams is not None:
        whole[row.streams] = {"schema": {"description": "Events as the vendor's API has them."}}
    error = {"application/json": {"schema": {"$ref": f"{_REF}{row.error}"}}}
    about = "An error in the dialect of the path; docs/errors.md has all of them."
    return {"200": {"description": "OK", "content": whole}, "default": {"description": about, "content": error}}
