"""What Google's servers answer 400 to: the fields of google-genai's types, and the rules that docs and errors tell.

https://ai.google.dev/gemini-api/docs/thought-signatures
https://ai.google.dev/gemini-api/docs/function-calling
"""

from __future__ import annotations

import itertools
import re
from typing import Any

from google.genai import types
from pydantic import BaseModel, ValidationError

from tests.support.dialects.base import Refused, refuse
from tests.support.script import is_signed
from tests.support.wire import Request

Part = dict[str, Any]
Turn = tuple[str, list[Part]]

_BODY: dict[str, type[BaseModel]] = {
    "contents": types.Content,
    "systemInstruction": types.Content,
    "tools": types.Tool,
    "toolConfig": types.ToolConfig,
    "generationConfig": types.GenerationConfig,
    "safetySettings": types.SafetySetting,
}
_PLAIN = ("cachedContent", "store", "serviceTier", "model")
# "Sparingly", the docs say: for histories of other models.
NONE = (None, "skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
_DATA = (
    "text", "inlineData", "functionCall", "functionResponse", "fileData", "executableCode", "codeExecutionResult",
    "toolCall", "toolResponse",
)  # fmt: skip


def field(value: dict[str, Any], name: str) -> Any:
    """A field by its camelCase name, which may be written in snake_case as well."""
    return value.get(name, value.get(re.sub("[A-Z]", lambda found: "_" + found[0].lower(), name)))


def judge(request: Request, body: dict[str, Any], model: str) -> None:
    """Raises Refused for the first rule that the request breaks."""
    refuse(not request.get("x-goog-api-key") and "key=" not in request.target, "API key not valid.")
    for name, value in body.items():
        _known(name, value)
    contents = body.get("contents") or []
    refuse(not contents, "* GenerateContentRequest.contents: contents is not specified")
    for at, content in enumerate(contents):
        _content(f"contents[{at}]", content)
    _functions(body)
    _config(field(body, "generationConfig") or {})
    turns = _turns(contents)
    _calls_are_answered(turns)
    _calls_are_signed(turns, is_strict=not model.startswith(("gemini-1", "gemini-2")))


def _known(name: str, value: Any) -> None:
    name = re.sub("_([a-z])", lambda found: found[1].upper(), name)
    refuse(name not in _BODY and name not in _PLAIN, f'Invalid JSON payload received. Unknown name "{name}"')
    if name not in _BODY:
        return
    for at, each in enumerate(value if isinstance(value, list) else [value]):
        try:
            _BODY[name].model_validate(each)
        except ValidationError as error:
            one = error.errors(include_url=False, include_input=False)[0]
            where = ".".join([name, str(at), *map(str, one["loc"])])
            raise Refused(f"Invalid JSON payload received at '{where}': {one['msg']}") from error


def _content(where: str, content: dict[str, Any]) -> None:
    refuse(content.get("role", "user") not in ("user", "model"), "Please use a valid role: user, model.")
    refuse(not content.get("parts"), f"* GenerateContentRequest.{where}.parts: contents.parts must not be empty.")
    for number, part in enumerate(content["parts"]):
        data = [name for name in _DATA if field(part, name) is not None]
        one = f"{where}.parts[{number}].data: required oneof field 'data' must have one initialized field"
        refuse(len(data) != 1, one)


def _functions(body: dict[str, Any]) -> None:
    tools = body.get("tools") or ()
    functions = [each for tool in tools for each in field(tool, "functionDeclarations") or ()]
    names = [function["name"] for function in functions]
    refuse(len(set(names)) < len(names), "Duplicate function declaration found")
    for at, function in enumerate(functions):
        where = f"tools[0].function_declarations[{at}]"
        refuse(not _NAME.fullmatch(function["name"]), f"{where}.name: Invalid function name.")
        both = field(function, "parameters") is not None and field(function, "parametersJsonSchema") is not None
        refuse(both, f"{where}: parameters and parameters_json_schema are mutually exclusive.")
    calling = field(field(body, "toolConfig") or {}, "functionCallingConfig") or {}
    allowed = field(calling, "allowedFunctionNames") or []
    refuse(bool(allowed) and calling.get("mode") not in ("ANY", "VALIDATED"), "allowed_function_names needs mode ANY")
    refuse(bool(set(allowed) - set(names)), "allowed_function_names must be declared functions")
    refuse(bool(calling) and not names, "Function calling config is set without function_declarations.")


def _config(config: dict[str, Any]) -> None:
    refuse(len(field(config, "stopSequences") or ()) > 5, "stop_sequences: at most 5 are allowed")
    refuse(not 0 <= config.get("temperature", 1) <= 2, "temperature must be in the range [0.0, 2.0]")
    thinking = field(config, "thinkingConfig") or {}
    both = field(thinking, "thinkingBudget") is not None and field(thinking, "thinkingLevel") is not None
    refuse(both, "You can only set one of thinking budget and thinking level.")
    schemas = [name for name in ("responseSchema", "responseJsonSchema") if field(config, name) is not None]
    refuse(len(schemas) > 1, "response_schema and response_json_schema are mutually exclusive")
    kind = field(config, "responseMimeType")
    refuse(bool(schemas) and kind != "application/json", "a response schema needs response_mime_type application/json")


def _turns(contents: list[dict[str, Any]]) -> list[Turn]:
    """Several contents of one role in a row are one turn: the vendor's own packages send each chunk of a stream."""
    by_role = itertools.groupby(contents, key=lambda content: content.get("role", "user"))
    return [(role, [part for content in run for part in content["parts"]]) for role, run in by_role]


def _of(turn: Turn, name: str) -> list[dict[str, Any]]:
    return [found for part in turn[1] if (found := field(part, name)) is not None]


def _calls_are_answered(turns: list[Turn]) -> None:
    refuse(bool(_of(turns[-1], "functionCall")), "the last turn must not be a function call")
    before: list[dict[str, Any]] = []
    for at, turn in enumerate(turns):
        calls, results = _of(turn, "functionCall"), _of(turn, "functionResponse")
        after = "Please ensure that function call turn comes immediately after a user turn or after a function response"
        refuse(bool(calls) and (at == 0 or turn[0] != "model"), f"{after} turn. (turn {at})")
        count = "Please ensure that the number of function response parts is equal to the number of function call parts"
        refuse(len(results) != len(before), f"{count} of the function call turn. (turn {at})")
        names = sorted(call["name"] for call in before)
        wrong = f"turn {at}: function responses must be named like the calls: {names}"
        refuse(sorted(result["name"] for result in results) != names, wrong)
        # The vendor's own package leaves ids out, and what answers which call is told by the order.
        ids = {call["id"] for call in before if call.get("id")}
        strange = {result["id"] for result in results if result.get("id")} - ids
        refuse(bool(ids and strange), f"turn {at}: there are no function calls {sorted(strange)}")
        odd = any(not isinstance(result.get("response"), dict) for result in results)
        refuse(odd, f"turn {at}: function_response.response must be an object")
        before = calls


def _calls_are_signed(turns: list[Turn], is_strict: bool) -> None:
    last = max((at for at, turn in enumerate(turns) if _is_prompt(turn)), default=0)
    for at, turn in enumerate(turns):
        for number, part in enumerate(turn[1]):
            _signature_is_ours(f"turn {at}, part {number}", part)
        calls = [part for part in turn[1] if field(part, "functionCall")]
        if is_strict and at > last and calls and not field(calls[0], "thoughtSignature"):
            name = field(calls[0], "functionCall")["name"]
            told = "Function call is missing a thought_signature in functionCall parts. This is required for tools to"
            refuse(True, f"{told} work correctly. function call `default_api:{name}`, position {at + 1}.")


def _is_prompt(turn: Turn) -> bool:
    return turn[0] == "user" and not _of(turn, "functionResponse")


def _signature_is_ours(where: str, part: Part) -> None:
    signature = field(part, "thoughtSignature")
    if signature in NONE:
        return
    # Bytes in JSON may be written in either alphabet of base64; the vendor's own package sends the other one back.
    signature = signature.replace("-", "+").replace("_", "/")
    if call := field(part, "functionCall"):
        ours = is_signed("gemini call", [call["name"], call.get("args") or {}], signature)
    else:
        ours = is_signed("gemini text", "", signature)
    refuse(not ours, f"Corrupted thought signature. ({where})")
