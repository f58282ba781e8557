"""Anthropic's Messages API: a request as its models take it.

https://platform.claude.com/docs/en/api/messages/create
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from routerd.adapters import searching
from routerd.adapters.anthropic_models import Abilities, abilities
from routerd.adapters.anthropic_schema import Strictness, as_object, fitted, is_enforceable, reading
from routerd.adapters.anthropic_turns import NOT_IN_NAMES, Block, Marks, Turns, is_plain
from routerd.adapters.anthropic_words import NAME, PATH, REPLY_TOOL
from routerd.adapters.base import Call, Losses, put
from routerd.adapters.reading import refuse
from routerd.adapters.thinking import BUDGET_OF, LEAST, effort_of
from routerd.chat.parts import ToolCall, ToolResult
from routerd.chat.request import ChatRequest, Reasoning, ResponseFormat, Tool

MOST_MARKS = 4
"""How many `cache_control` marks a request may bear."""

_LONGEST_USER = 256  # characters of metadata.user_id
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_JSON_ONLY = "Reply with one JSON object and nothing else."
_FORCED = ("any", "tool")
_THOUGHTS = ("thinking", "redacted_thinking")


def render_request(request: ChatRequest, model: str, quirks: Mapping[str, Any]) -> tuple[Call, Losses]:
    """The call for `model`, and what it can't be told. Raises RouterError(invalid_request)."""
    rendering = _Rendering(request, model)
    return Call(PATH, rendering.body()), rendering.losses


class _Rendering:
    """One request on its way; each method says one thing, and relies on those before it in `body`."""

    def __init__(self, request: ChatRequest, model: str) -> None:
        self.request = request
        self.model = model
        self.is_own = request.dialect == NAME
        self.able: Abilities = abilities(model, request.dialect)
        self.losses = Losses()
        self._body: dict[str, Any] = {"model": model}
        self._strictness = Strictness()
        self._tool_marks = Marks(self.losses)
        self._turns = Turns(self.losses, request.dialect, has_system_turns=self.able.system_turns)

    def body(self) -> dict[str, Any]:
        """The whole body."""
        self._refuse_choices()
        self._turns.take(self.request.messages)
        self._tools()
        self._tool_choice()
        self._format()
        self._limit()
        self._thinking()
        self._messages()
        self._sampling()
        self._options()
        self._extra()
        self._marks()
        return self._body

    def _pointer(self, name: str) -> str:
        return self.request.pointer(name)

    def _refuse(self, name: str, message: str) -> NoReturn:
        refuse(self._pointer(name), message)

    def _refuse_choices(self) -> None:
        if (self.request.n or 1) > 1:
            self._refuse("n", f"is {self.request.n}, and Anthropic gives one answer: ask several times")

    # Tools

    def _tools(self) -> None:
        request = self.request
        wanted, choice = request.tools, request.tool_choice
        if choice is not None and choice.names and (choice.mode == "auto" or len(choice.names) > 1):
            wanted = [tool for tool in wanted if tool.name in choice.names]  # the others may not be called
        tools = [block for tool in wanted if (block := self._tool(tool)) is not None]
        search = None if self.is_own else searching.asked(request)
        if search is not None:
            tools.append(self._search(search))
        if tools:
            self._body["tools"] = tools

    def _search(self, search: searching.Search) -> Block:
        """Anthropic's own search of the web."""
        search.lose(self.losses, has_place=True)
        block: Block = {"type": "web_search_20250305", "name": "web_search"}
        return block | ({"user_location": {"type": "approximate", **search.place}} if search.place is not None else {})

    def _tool(self, tool: Tool) -> Block | None:
        if tool.raw is not None:
            if not self.is_own and searching.is_search(tool):
                return None
            if not self.is_own:
                self.losses.add(tool.at)
                return None
            block = {name: value for name, value in tool.raw.items() if name != "cache_control"}
        else:
            block = self._function(tool)
        self._tool_marks.put(block, tool.cache, tool.at)
        return block

    def _function(self, tool: Tool) -> Block:
        if self.is_own:
            described = {"description": tool.description, "input_schema": tool.schema, "strict": tool.strict}
            return {
                "name": tool.name, **{name: each for name, each in described.items() if each is not None}, **tool.extra
            }  # fmt: skip
        if not _TOOL_NAME.fullmatch(tool.name):
            refuse(tool.at, f"is called {tool.name!r}: Anthropic takes letters, digits, - and _, at most 128")
        self.losses.extra(tool.at, tool.extra)
        with reading(tool.at + _SCHEMA_AT.get(self.request.dialect, "")):
            block: Block = {"name": tool.name, "input_schema": self._schema(tool)}
            if tool.description:
                block["description"] = tool.description
            if tool.strict:
                self._enforce(tool, block)
            return block

    def _schema(self, tool: Tool) -> Block:
        schema, lost = as_object(tool.schema)
        if schema is None:
            refuse(tool.at, "has parameters that are no object: make an object with one property of them")
        self._lose_keywords(lost, tool.at + _SCHEMA_AT.get(self.request.dialect, ""))
        return schema

    def _lose_keywords(self, names: list[str], at: str) -> None:
        """Declare keywords lost of the root of a schema."""
        self.losses.add(*(f"{at}/{_SPELT.get((self.request.dialect, name), name)}" for name in names))

    def _enforce(self, tool: Tool, block: Block) -> None:
        if self.able.formats and self._strictness.takes(block["input_schema"]):
            block["strict"] = True
        else:
            self.losses.add(tool.at + _STRICT_AT.get(self.request.dialect, "/strict"))

    def _tool_choice(self) -> None:
        choice, parallel = self.request.tool_choice, self.request.parallel_tool_calls
        if "tools" not in self._body:
            return self._without_tools()
        if choice is None and parallel is None:
            return
        said: Block = {"type": "auto"}
        if choice is not None and choice.mode == "none":
            said = {"type": "none"}
        elif choice is not None and choice.mode == "required":
            said = self._forced(choice.names)
        if said["type"] != "none" and parallel is not None and (self.is_own or not parallel):
            said["disable_parallel_tool_use"] = not parallel
        self._body["tool_choice"] = said

    def _forced(self, names: list[str]) -> Block:
        """Some tool has to be called; models that can't be forced are asked as usual."""
        if not self.able.forces:
            self.losses.add(self._pointer("tool_choice"))
            return {"type": "auto"}
        return {"type": "tool", "name": names[0]} if len(names) == 1 else {"type": "any"}

    def _without_tools(self) -> None:
        """No tool can be called; those that the history names have to be declared all the same."""
        choice = self.request.tool_choice
        if choice is not None and choice.mode == "required":
            self._refuse("tool_choice", "wants a tool to be called, and there are none that Anthropic could be told")
        names = None if self.is_own else _called(self.request)
        if names is not None:
            self._body["tools"] = [_stub(name) for name in names or ["unknown"]]
            self._body["tool_choice"] = {"type": "none"}

    # The reply's format

    def _format(self) -> None:
        form = self.request.response_format
        if form is None or form.kind == "text":
            return
        if self.is_own:
            return self._enforced(form.schema or {})
        with reading(self._pointer("response_format")):
            self._foreign_format(form)

    def _foreign_format(self, form: ResponseFormat) -> None:
        if form.schema and self.able.formats and is_enforceable(form.schema):
            self._enforced(fitted(self._titled(form)))
        elif self.able.forces and not self.request.tools:
            self._reply_tool(form)
        elif form.schema:
            self._refuse("response_format", f"can't be enforced by {self.model}: {self._cure()}")
        else:
            self.losses.add(self._pointer("response_format"))
            self._turns.system.append({"type": "text", "text": _JSON_ONLY})

    def _cure(self) -> str:
        if self.able.formats:
            return "the schema has objects of free keys, or refers to itself; name every property"
        return "leave out the tools, or choose a newer model"

    def _enforced(self, schema: Block) -> None:
        self._body.setdefault("output_config", {})["format"] = {"type": "json_schema", "schema": schema}

    def _titled(self, form: ResponseFormat) -> Block:
        """The schema, with the format's name for a title."""
        schema = dict(form.schema or {})
        at = f"{self._pointer('response_format')}/json_schema"
        for name, value, told in (("title", form.name, "name"), ("description", form.description, "description")):
            if value and schema.setdefault(name, value) != value:
                self.losses.add(f"{at}/{told}")
        return schema

    def _reply_tool(self, form: ResponseFormat) -> None:
        """The reply is the input of a tool that has to be called; whoever parses it makes a text of that again."""
        schema, lost = as_object(self._titled(form) if form.kind == "schema" else {})
        if schema is None:
            self._refuse("response_format", "has a schema that is no object: make an object with one property of it")
        self._lose_keywords(lost, self._pointer("response_format") + _FORMAT_AT.get(self.request.dialect, ""))
        tool = {"name": REPLY_TOOL, "description": "Gives the reply.", "input_schema": schema}
        self._body["tools"] = [*self._body.get("tools", ()), tool]
        self._body["tool_choice"] = {"type": "tool", "name": REPLY_TOOL, "disable_parallel_tool_use": True}

    # Thinking and length

    def _limit(self) -> None:
        wanted = self.request.max_tokens
        self._body["max_tokens"] = min(self.able.default if wanted is None else wanted, self.able.most)

    @property
    def _is_forced(self) -> bool:
        return self._body.get("tool_choice", {}).get("type") in _FORCED

    @property
    def _thinks(self) -> bool:
        return self._body.get("thinking", {}).get("type") in ("adaptive", "enabled")

    def _thinking(self) -> None:
        wanted = self.request.reasoning
        if wanted is None:
            return
        if wanted.is_on is False or wanted.effort == "none" or wanted.budget == 0:
            return self._think_not(wanted)
        if not _wants_thinking(wanted, is_own=self.is_own):
            return self._effort(wanted.effort)
        if not self.able.thinks:
            self.losses.add(self._pointer("reasoning"))
            return self._effort(wanted.effort)
        self._think(wanted)

    def _think(self, wanted: Reasoning) -> None:
        is_budgeted = "enabled" in self.able.thinks and (
            "adaptive" not in self.able.thinks or (self.is_own and wanted.budget is not None)
        )
        budget = wanted.budget
        if is_budgeted and (self._is_forced or not self._is_signed()):
            self.losses.add(self._pointer("reasoning"))
            self._body["thinking"] = {"type": "disabled"}
            return
        if is_budgeted:
            self._body["thinking"] = {"type": "enabled", "budget_tokens": self._budget(wanted)}
            self._effort(wanted.effort if self.is_own and not wanted.is_adaptive else None)
        else:
            self._body["thinking"] = {"type": "adaptive"}
            self._effort(effort_of(budget) if wanted.effort is None and budget and budget > 0 else wanted.effort)
        self._display(wanted.is_visible)

    def _display(self, is_visible: bool | None) -> None:
        """Whether thoughts come back: callers of other dialects expect them where nobody has said."""
        if is_visible is None and not self.is_own and self.able.hides_thoughts:
            is_visible = True
        if is_visible is not None:
            self._body["thinking"]["display"] = "summarized" if is_visible else "omitted"

    def _effort(self, wanted: str | None) -> None:
        if wanted is None:
            return
        effort = self.able.effort(wanted)
        if effort is not None:
            self._body.setdefault("output_config", {})["effort"] = effort
        elif self.is_own:
            self.losses.add("/output_config/effort")

    def _think_not(self, wanted: Reasoning) -> None:
        """Thinking is forbidden. Where it can't be, the least is thought."""
        effort = None if wanted.effort == "none" else wanted.effort
        if self.able.thinks and self.able.off is None:
            self.losses.add(self._pointer("reasoning"))
            effort = effort or "low"
        elif self.able.thinks:
            self._body["thinking"] = {"type": self.able.off}
            if self.able.calm_off and effort in ("xhigh", "max"):
                self.losses.add("/output_config/effort" if self.is_own else self._pointer("reasoning"))
                effort = "high"
        self._effort(effort)

    def _budget(self, wanted: Reasoning) -> int:
        """Tokens to think with: at least 1,024, and less than the whole reply may have."""
        told = wanted.budget if wanted.budget and wanted.budget > 0 else None
        budget, limit = max(told or BUDGET_OF[wanted.effort or "medium"], LEAST), self._body["max_tokens"]
        if budget >= limit and self.request.max_tokens is None:
            limit = min(self.able.most, budget + self.able.default)
        elif limit <= LEAST:
            self.losses.add(self._pointer("max_tokens"))
            budget, limit = LEAST, limit + LEAST
        self._body["max_tokens"] = limit
        return budget if budget < limit and told else min(budget, max(LEAST, limit * 4 // 5))  # the rest is the answer

    def _is_signed(self) -> bool:
        """Whether the turn under way starts with thinking that Anthropic has signed, as a budget makes it demand.

        A turn is under way while tools are being called. Else nothing is demanded.
        """
        first: list[Block] | None = None
        for turn in reversed(self._turns.all):
            if turn.role == "user" and not turn.results:
                break
            first = turn.blocks if turn.role == "assistant" else first
        return first is None or (bool(first) and first[0]["type"] in _THOUGHTS)

    # Messages

    def _messages(self) -> None:
        turns = self._turns
        self._prefill()
        said = [turn.render() for turn in turns.all]
        if not said:
            refuse("/messages", "must hold something to reply to")
        if turns.system:
            is_string = len(turns.system) == 1 and is_plain(self.request.messages[0])
            is_string = is_string and turns.system[0].keys() == {"type", "text"}
            self._body["system"] = turns.system[0]["text"] if is_string else turns.system
        self._body["messages"] = said

    def _prefill(self) -> None:
        """The start of the reply, where the assistant speaks last."""
        turns = self._turns.all
        if not turns or turns[-1].role != "assistant":
            return
        blocks = turns[-1].blocks
        if not self.is_own and not self.able.prefills:
            refuse(turns[-1].at, f"is the assistant's, and {self.model} continues no reply: end with the user")
        if not self._thinks and self._body.get("thinking"):
            kept = [block for block in blocks if block["type"] not in _THOUGHTS]
            if len(kept) < len(blocks):
                self.losses.add(turns[-1].at)
                blocks[:] = kept
        if blocks and blocks[-1]["type"] == "text":
            blocks[-1]["text"] = blocks[-1]["text"].rstrip()

    # The rest

    def _sampling(self) -> None:
        temperature, top_p, top_k = self.request.temperature, self.request.top_p, self.request.top_k
        if temperature is not None and self._may_sample("temperature", is_default=temperature == 1):
            self._body["temperature"] = min(temperature, 1)
            if temperature > 1:
                self.losses.add(self._pointer("temperature"))
        is_high = top_p is not None and 0.95 <= top_p <= 1
        if top_p is not None and self._may_sample("top_p", is_default=top_p == 1, is_fine=is_high):
            if "temperature" not in self._body or self.able.samples_both:
                self._body["top_p"] = top_p
            elif top_p != 1:
                self.losses.add(self._pointer("top_p"))
        if top_k is not None and self._may_sample("top_k"):
            self._body["top_k"] = top_k

    def _may_sample(self, name: str, *, is_default: bool = False, is_fine: bool = False) -> bool:
        """Whether a sampling parameter may be said: some models refuse all, and thinking most."""
        if self.able.samples and (is_fine or not self._thinks):
            return True
        if not is_default:
            self.losses.add(self._pointer(name))
        return False

    def _options(self) -> None:
        request, losses = self.request, self.losses
        stops = [each for each in request.stop if each.strip()]
        if stops:
            self._body["stop_sequences"] = stops
        if len(stops) < len(request.stop):
            losses.add(*self._blank_stops())
        if request.user is not None and len(request.user) <= _LONGEST_USER:
            self._body["metadata"] = {"user_id": request.user}
        elif request.user is not None:
            losses.add(self._pointer("user"))
        self._tier()
        if request.is_stream:
            self._body["stream"] = True
        names = ("logprobs", "top_logprobs", "logit_bias", "presence_penalty", "frequency_penalty", "metadata")
        losses.fields(request, *names)
        if request.seed is not None:
            losses.add(self._pointer("seed"))

    def _blank_stops(self) -> Iterator[str]:
        """Stop sequences that are white space, which Anthropic refuses. OpenAI's `stop` may be a string by itself."""
        stop, at = self.request.stop, self._pointer("stop")
        if len(stop) == 1:
            yield at
            return
        yield from (f"{at}/{index}" for index, each in enumerate(stop) if not each.strip())

    def _tier(self) -> None:
        tier = self.request.service_tier
        tier = tier if self.is_own else _TIERS.get(tier or "")
        if tier is not None:
            self._body["service_tier"] = tier
        elif self.request.service_tier is not None:
            self.losses.add(self._pointer("service_tier"))

    def _extra(self) -> None:
        for pointer, value in self.request.extra.items():
            if self.is_own and self._has_place(pointer):
                put(self._body, pointer, value)
            elif pointer != searching.OPTIONS or self.is_own:
                self.losses.add(pointer)

    def _has_place(self, pointer: str) -> bool:
        """What stands beside thinking is refused without it."""
        at = self._pointer("reasoning")
        return not pointer.startswith("/thinking/") or ("thinking" in self._body and at not in set(self.losses))

    def _marks(self) -> None:
        """Anthropic takes four marks: the last ones cover most, so the first ones go."""
        turns = self._turns
        marks = self._tool_marks.all + turns.system_marks.all + turns.marks.all
        room = MOST_MARKS - ("cache_control" in self._body)
        for block, pointer in marks[: max(0, len(marks) - room)]:
            del block["cache_control"]
            self.losses.add(pointer)


_TIERS = {"auto": "auto", "default": "standard_only"}
_SCHEMA_AT = {"openai": "/function/parameters", "gemini": "/parameters"}
_FORMAT_AT = {"openai": "/json_schema/schema"}
_SPELT = {("gemini", "type"): "nullable"}
_STRICT_AT = {"openai": "/function/strict"}


def _wants_thinking(wanted: Reasoning, *, is_own: bool) -> bool:
    """Whether thinking is asked for. Elsewhere an effort asks for it; here effort is about the whole reply."""
    if wanted.is_on or wanted.is_adaptive or wanted.budget is not None:
        return True
    return not is_own and (wanted.effort is not None or bool(wanted.is_visible))


def _called(request: ChatRequest) -> list[str] | None:
    """The names of the tools in the history, each once; None where it has no calls and no results."""
    parts = [part for message in request.messages for part in message.parts]
    if not any(isinstance(part, ToolCall | ToolResult) for part in parts):
        return None
    return list(dict.fromkeys(part.name for part in parts if isinstance(part, ToolCall)))


def _stub(name: str) -> Block:
    name = NOT_IN_NAMES.sub("_", name)
    return {"name": name, "description": "Not available any more.", "input_schema": {"type": "object"}}
