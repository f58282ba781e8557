"""What a provider with OpenAI's API answers 400 to: the package's types, and the rules that its errors tell.

https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

import copy
import re
from functools import cache
from typing import Any

from openai.types.chat.completion_create_params import CompletionCreateParams
from pydantic import TypeAdapter

from tests.support.dialects.base import is_object, refuse
from tests.support.dialects.types import conforms
from tests.support.wire import Request

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_EXTENSIONS = ("reasoning_content", "reasoning_details")  # on assistant messages, beside what the package has
_LONGEST_ID = 40


@cache
def types() -> TypeAdapter[Any]:
    """The package's type of a request."""
    return TypeAdapter(CompletionCreateParams)


def judge(request: Request, body: dict[str, Any], needs_thoughts: bool) -> None:
    """Raises Refused for the first rule that the request breaks."""
    refuse(not request.get("authorization"), "You didn't provide an API key.")
    conforms(types(), _without_extensions(body))
    names = [tool["function"]["name"] for tool in body.get("tools") or ()]
    refuse(any(not _NAME.fullmatch(name) for name in names), "Invalid 'tools[].function.name'")
    refuse(len(set(names)) < len(names), "Invalid 'tools': function names must be unique")
    refuse("tools" in body and not names, "Invalid 'tools': empty array.")
    for field in ("tool_choice", "parallel_tool_calls"):
        refuse(bool(body.get(field)) and not names, f"'{field}' is only allowed when 'tools' are specified.")
    options = body.get("stream_options") and not body.get("stream")
    refuse(bool(options), "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
    messages = body["messages"]
    refuse(not messages, "Invalid 'messages': empty array.")
    for at, message in enumerate(messages):
        _message(f"messages[{at}]", message)
    _calls_are_answered(messages)
    if needs_thoughts:
        _thoughts_come_back(messages)


def _without_extensions(body: dict[str, Any]) -> dict[str, Any]:
    bare = copy.deepcopy(body)
    for message in bare.get("messages") or ():
        if message.get("role") == "assistant":
            for name in _EXTENSIONS:
                message.pop(name, None)
            for call in message.get("tool_calls") or ():
                call.pop("extra_content", None)
    return bare


def _message(where: str, message: dict[str, Any]) -> None:
    content, role = message.get("content"), message["role"]
    calls = message.get("tool_calls")
    refuse(calls == [], f"Invalid '{where}.tool_calls': empty array.")
    refuse(content == [], f"Invalid '{where}.content': empty array.")
    empty = content is None and not (role == "assistant" and (calls or message.get("reasoning_content")))
    refuse(empty, f"Invalid value for '{where}.content': expected a string, got null.")
    for call in calls or ():
        function = call["function"]
        refuse(not _NAME.fullmatch(function["name"]), f"Invalid '{where}.tool_calls[].function.name'")
        refuse(len(call["id"]) > _LONGEST_ID, f"Invalid '{where}.tool_calls[].id': string too long.")
        refuse(not is_object(function["arguments"]), f"Invalid '{where}.tool_calls[].function.arguments'")


def _calls_are_answered(messages: list[dict[str, Any]]) -> None:
    waiting: list[str] = []
    seen: set[str] = set()
    for at, message in enumerate(messages):
        if message["role"] == "tool":
            id = message["tool_call_id"]
            alone = f"messages[{at}]: messages with role 'tool' must be a response to a preceding message with "
            refuse(id not in waiting, f"{alone}'tool_calls': {id}")
            waiting.remove(id)
            continue
        missing = f"messages[{at}]: The following tool_call_ids did not have response messages: {waiting}"
        refuse(bool(waiting), missing)
        waiting = [call["id"] for call in message.get("tool_calls") or ()]
        refuse(bool(seen & set(waiting)) or len(set(waiting)) < len(waiting), f"messages[{at}]: duplicate call ids")
        seen |= set(waiting)
    refuse(bool(waiting), f"The following tool_call_ids did not have response messages: {waiting}")


def _thoughts_come_back(messages: list[dict[str, Any]]) -> None:
    last = max((at for at, message in enumerate(messages) if message["role"] == "user"), default=0)
    lacking = [
        message for message in messages[last:] if message.get("tool_calls") and not message.get("reasoning_content")
    ]
    refuse(bool(lacking), "The `reasoning_content` in the thinking mode must be passed back to the API.")
