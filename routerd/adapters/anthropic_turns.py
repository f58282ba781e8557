"""Anthropic's Messages API: a conversation as its models accept one.

User and assistant take turns; the results of a turn's tool calls stand together at the start of the next, each
answering one call (https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls). System messages
between them follow the user and precede the assistant
(https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from routerd.adapters import citations
from routerd.adapters.anthropic_words import FAMILY, NAME
from routerd.adapters.base import UNANSWERED, UNASKED, Losses
from routerd.adapters.media import image_type
from routerd.adapters.reading import refuse
from routerd.chat.parts import Media, Opaque, Part, Refusal, Signature, Text, Thinking, ToolCall, ToolResult
from routerd.chat.request import Message

Block = dict[str, Any]

OPENING = "."
"""What the user is made to say where a conversation begins with the assistant."""

NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
"""What ids and names of tools can't hold."""


_IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})


class Marks:
    """The `cache_control` marks in one stretch of the prompt, in order: the block that bears each, and its pointer."""

    def __init__(self, losses: Losses) -> None:
        self.all: list[tuple[Block, str]] = []
        self._losses = losses

    def put(self, block: Block, cache: Any, at: str) -> None:
        """Mark a block, if there is a mark."""
        pointer = f"{at}/cache_control"
        if isinstance(cache, dict) and block.get("type") not in ("thinking", "redacted_thinking"):
            block["cache_control"] = cache
            self.all.append((block, pointer))
        elif cache is not None:
            self._losses.add(pointer)


class Turn:
    """One message to be. `results` come before the other blocks; `plain`: it may be said as a string."""

    def __init__(self, role: str, message: Message) -> None:
        self.role = role
        self.at = message.at
        self.results: list[Block] = []
        self.blocks: list[Block] = []
        self.extra: dict[str, Any] = {}
        self.plain = is_plain(message)

    def render(self) -> dict[str, Any]:
        """The message."""
        blocks = self.results + self.blocks
        is_string = self.plain and len(blocks) == 1 and blocks[0].keys() == {"type", "text"}
        return {**self.extra, "role": self.role, "content": blocks[0]["text"] if is_string else blocks}


def is_plain(message: Message) -> bool:
    """Whether the message was one string in the caller's body."""
    return len(message.parts) == 1 and message.parts[0].at in (message.at, f"{message.at}/content")


class _Ids:
    """Ids of tool calls as Anthropic takes them, unique over the conversation, and the calls that wait for a result."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._waiting: dict[str, deque[str]] = {}

    def call(self, given: str) -> str:
        """The id of a new call."""
        plain = unique = NOT_IN_NAMES.sub("_", given) or "call"
        count = 1
        while unique in self._used:
            count += 1
            unique = f"{plain}_{count}"
        self._used.add(unique)
        self._waiting.setdefault(given, deque()).append(unique)
        return unique

    def answer(self, given: str) -> str | None:
        """The id of the call that a result answers; None when none waits for it. Twins are answered in order."""
        waiting = self._waiting.get(given)
        return waiting.popleft() if waiting else None

    def unanswered(self) -> list[str]:
        """The ids that nothing has answered; none waits any longer."""
        rest = [unique for waiting in self._waiting.values() for unique in waiting]
        self._waiting.clear()
        return rest


class Turns:
    """Takes messages in, one after the other, and makes turns of them."""

    def __init__(self, losses: Losses, dialect: str, *, has_system_turns: bool) -> None:
        self.all: list[Turn] = []
        self.system: list[Block] = []
        self.system_marks, self.marks = Marks(losses), Marks(losses)
        self.losses = losses
        self.dialect = dialect  # the caller's
        self.is_own = dialect == NAME
        self._has_system_turns = has_system_turns
        self._ids = _Ids()

    def take(self, messages: list[Message]) -> None:
        """Take the whole conversation in."""
        speaking = next((index for index, each in enumerate(messages) if each.role != "system"), None)
        for index, message in enumerate(messages):
            if message.role != "system":
                self._spoken(message)
            elif speaking is None or index < speaking:
                self._lead(message)
            else:
                self._interject(message)
        self._settle()
        self._open(messages)

    def _note_extra(self, message: Message, turn: Turn | None = None) -> None:
        if message.name is not None:
            self.losses.add(f"{message.at}/name")
        if self.is_own and turn is not None:
            turn.extra.update(message.extra)
        else:
            self.losses.extra(message.at, {name: each for name, each in message.extra.items() if name != "role"})

    # System messages

    def _lead(self, message: Message) -> None:
        """Before anyone has spoken: part of the system prompt."""
        self._note_extra(message)
        self.system += self._texts(message, self.system_marks)

    def _texts(self, message: Message, marks: Marks) -> list[Block]:
        return [block for part in message.parts if (block := self._block(part, "system", marks)) is not None]

    def _interject(self, message: Message) -> None:
        """In the middle: a system turn where the model takes one at this place, else words of the user."""
        turn = Turn("system", message)
        is_directive = self.is_own and not message.parts and bool(message.extra)
        follows_user = bool(self.all) and self.all[-1].role != "assistant"
        if self._has_system_turns and (is_directive or follows_user):
            self._note_extra(message, turn)
            turn.blocks = self._texts(message, self.marks)
            if turn.blocks or is_directive:
                self.all.append(turn)
            return
        self._note_extra(message)
        blocks = self._texts(message, self.marks)
        if blocks:
            self._demote(turn)
            self._turn("user", message).blocks += blocks

    def _demote(self, turn: Turn) -> None:
        self.losses.add(f"{turn.at}/role")
        self.losses.extra(turn.at, turn.extra)

    # User and assistant

    def _spoken(self, message: Message) -> None:
        if message.role == "assistant" and self.all and self.all[-1].role != "assistant":
            self._settle()
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        blocks: list[Block] = []
        answers = [block for part in results if (block := self._result(part, blocks)) is not None]
        for part in message.parts:
            if not isinstance(part, ToolResult) and (block := self._block(part, message.role, self.marks)) is not None:
                blocks.append(block)
        if blocks or answers:
            turn = self._turn(message.role, message)
            turn.results += answers
            turn.blocks += blocks
            self._note_extra(message, turn)
        else:
            self._note_extra(message)

    def _turn(self, role: str, message: Message) -> Turn:
        """The last turn if it is the same role's, else a new one."""
        held: list[Turn] = []
        if role == "user":
            while self.all and self.all[-1].role == "system" and self.all[-1].blocks:
                held.insert(0, self.all.pop())  # a system turn has to be followed by the assistant
        if self.all and self.all[-1].role == role:
            self.all[-1].plain = False
        else:
            self.all.append(Turn(role, message))
        for each in held:
            self._demote(each)
            self.all[-1].plain = False
            self.all[-1].blocks += each.blocks
        return self.all[-1]

    def _settle(self) -> None:
        """The turn after the calls has been said: those that are still unanswered get an error for a result."""
        missing = self._ids.unanswered()
        if missing:
            turn = next(turn for turn in reversed(self.all) if turn.role != "system")
            if turn.role == "assistant":
                turn = self._turn("user", Message(role="user"))
            turn.plain = False
            turn.results += [
                {"type": "tool_result", "tool_use_id": each, "content": UNANSWERED, "is_error": True}
                for each in missing
            ]

    def _open(self, messages: list[Message]) -> None:
        """A conversation begins with the user, in whose mouth a prompt is put that stands alone."""
        if not self.all and self.system:
            turn = self._turn("user", messages[0])
            turn.blocks, self.system = self.system, []
            self.losses.add(*(f"{message.at}/role" for message in messages if message.role == "system"))
        elif not self.is_own and self.all and self.all[0].role == "assistant":
            opening = Turn("user", Message(role="user"))
            opening.blocks.append({"type": "text", "text": OPENING})
            self.all.insert(0, opening)

    # Blocks

    def _block(self, part: Part, role: str, marks: Marks) -> Block | None:
        render = None if type(part) in _OUT_OF_PLACE[role] else _RENDER.get(type(part))
        block = None if render is None else render(self, part)
        if block is None:
            self.losses.add(part.at)
            return None
        if block.get("type") == "text" and not block["text"].strip():
            if part.cache is not None:
                self.losses.add(f"{part.at}/cache_control")
            return None
        return self._finished(block, part, marks)

    def _finished(self, block: Block, part: Part, marks: Marks) -> Block:
        """The block with what stands beside it in the part."""
        if self.is_own:
            _add_extra(block, _own_citations(part.extra))
        else:
            self.losses.extra(part.at, part.extra)
        marks.put(block, part.cache, part.at)
        return block

    def _result(self, part: ToolResult, aside: list[Block]) -> Block | None:
        """A tool's result. One that answers no call is told in words, put `aside`."""
        given = self._ids.answer(part.id)
        content = [said for each in part.parts if (said := self._block(each, "tool", self.marks)) is not None]
        if given is None:
            self.losses.add(part.at)
            aside += [{"type": "text", "text": UNASKED}, *content] if content else []
            return None
        block: Block = {"type": "tool_result", "tool_use_id": given}
        if content:
            block["content"] = content
        if len(content) == 1 and content[0].keys() == {"type", "text"} and _stands_alone(part):
            block["content"] = content[0]["text"]
        if part.is_error:
            block["is_error"] = True
        return self._finished(block, part, self.marks)

    def _words(self, part: Text | Refusal) -> Block | None:
        if isinstance(part, Text) and part.signature is not None:
            self._sign(part, part.signature)
        return {"type": "text", "text": part.text}

    def _call(self, part: ToolCall) -> Block | None:
        if part.signature is not None:
            self._sign(part, part.signature)
        name = part.name if self.is_own else NOT_IN_NAMES.sub("_", part.name)
        if name != part.name:
            self.losses.add(f"{part.at}/name")
        return {"type": "tool_use", "id": self._ids.call(part.id), "name": name, "input": _input(part)}

    def _sign(self, part: Part, signature: Signature) -> None:
        """Only thinking is signed here; what others sign beside it, their callers are told of."""
        if signature.family != FAMILY and self.dialect in _SIGNATURE_AT:
            self.losses.add(part.at + _SIGNATURE_AT[self.dialect])

    def _opaque(self, part: Opaque) -> Block | None:
        if part.dialect != NAME:
            return None
        return {name: value for name, value in part.raw.items() if name != "cache_control"}


_SIGNATURE_AT = {"gemini": "/thoughtSignature", "openai": "/extra_content/google/thought_signature"}


def _stands_alone(part: ToolResult) -> bool:
    return len(part.parts) == 1 and part.parts[0].at in ("", part.at, f"{part.at}/content")


_OUT_OF_PLACE: Mapping[str, frozenset[type[Part]]] = {
    "tool": frozenset({ToolCall, Thinking}),
    "user": frozenset({ToolCall, Thinking}),
    "system": frozenset({ToolCall, Thinking, Media}),
    "assistant": frozenset({Media}),
}
"""What has no place in a turn of each role, or in a tool's result."""


def _own_citations(extra: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without the pages that another provider named: they were never Anthropic's to know."""
    if "citations" not in extra or not isinstance(cited := extra["citations"], list):
        return extra
    own = citations.without_foreign(cited)
    return {name: each for name, each in extra.items() if name != "citations"} | ({"citations": own} if own else {})


def _add_extra(block: Block, extra: Mapping[str, Any]) -> None:
    for name, value in extra.items():
        if name == "source":
            block["source"] = value if "type" in value else {**block["source"], **value}
        else:
            block[name] = value


def _input(part: ToolCall) -> dict[str, Any]:
    """The arguments as an object. Raises RouterError(invalid_request) when they are none."""
    if part.arguments.strip() in ("", "null"):  # some models write that where a tool takes nothing
        return {}
    try:
        decoded = msgspec.json.decode(part.arguments)
    except (msgspec.DecodeError, RecursionError):
        decoded = None
    if not isinstance(decoded, dict):
        refuse(part.at, f"has arguments that are no JSON object: {part.arguments[:80]!r}")
    return decoded


def _thought(_: Turns, part: Thinking) -> Block | None:
    """Thinking that Anthropic has signed; it refuses any other."""
    if part.signature is None or part.signature.family != FAMILY:
        return None
    if part.is_redacted:
        return {"type": "redacted_thinking", "data": part.signature.value}
    return {"type": "thinking", "thinking": part.text, "signature": part.signature.value}


# Files ------------------------------------------------------------------------------------------------------------


def _media(turns: Turns, part: Media) -> Block | None:
    """An image or a document. Raises RouterError(invalid_request) for what Anthropic can't see or hear."""
    if part.kind not in ("image", "document"):
        refuse(part.at, f"holds {part.kind}, which Anthropic's models don't take: send text, images or PDF")
    if part.detail is not None:
        turns.losses.add(f"{part.at}/image_url/detail")
    source = _source(part, is_own=turns.is_own)
    block: Block = {"type": part.kind, "source": source}
    if part.kind == "document" and part.name:
        block["title"] = part.name
    elif part.name is not None:
        turns.losses.add(part.at + _name_at(part, turns.dialect))
    return block


def _name_at(part: Media, dialect: str) -> str:
    """Where the caller's body has a file's name."""
    if dialect == "gemini":
        return "/fileData/displayName" if part.data is None else "/inlineData/displayName"
    return "/file/filename" if dialect == "openai" else "/name"


def _source(part: Media, *, is_own: bool) -> Block:
    """Where the file is: in the request, at Anthropic, or in the web."""
    if part.text is not None:
        return {"type": "text", "media_type": "text/plain", "data": part.text}
    if part.data is not None:
        return _image_source(part) if part.kind == "image" else _document_source(part)
    if part.file_id is not None and is_own:
        return {"type": "file", "file_id": part.file_id}
    url = part.url or ""
    if not is_own and not url.lower().startswith("https://"):
        refuse(part.at, "holds no file that Anthropic can be sent: it needs base64 data or an https URL")
    return {"type": "url", "url": url}


def _image_source(part: Media) -> Block:
    kind = image_type(part)
    if kind not in _IMAGE_TYPES:
        refuse(part.at, f"is an image of type {kind}: Anthropic's models take JPEG, PNG, GIF and WebP")
    return {"type": "base64", "media_type": kind, "data": part.data}


def _document_source(part: Media) -> Block:
    kind = (part.media_type or "application/pdf").partition(";")[0].strip()
    if kind == "application/pdf":
        return {"type": "base64", "media_type": kind, "data": part.data}
    if kind.startswith("text/") or kind in ("application/json", "application/xml"):
        return {"type": "text", "media_type": "text/plain", "data": _decoded(part)}
    return refuse(part.at, f"is a document of type {kind}: Anthropic's models take PDF and text")


def _decoded(part: Media) -> str:
    try:
        return base64.b64decode(part.data or "").decode()
    except (binascii.Error, UnicodeDecodeError):
        refuse(part.at, "holds what is no base64 of UTF-8 text")


_RENDER: Mapping[type, Callable[[Turns, Any], Block | None]] = {
    Text: Turns._words,
    Refusal: Turns._words,
    Media: _media,
    Thinking: _thought,
    ToolCall: Turns._call,
    Opaque: Turns._opaque,
}
