"""OpenAI chat completions: the messages of a request, written for a provider.

Source: https://platform.openai.com/docs/api-reference/chat/create#chat-create-messages
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import structs

from routerd.adapters.base import UNANSWERED, UNASKED, Losses
from routerd.adapters.media import data_url, image_type
from routerd.adapters.openai_asked import FUNCTION_CALL
from routerd.adapters.openai_thoughts import render_call_detail, render_details, render_extra_content
from routerd.adapters.openai_words import NAME
from routerd.adapters.reading import refuse
from routerd.chat.parts import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from routerd.chat.request import ChatRequest, Message, Tool
from routerd.chat.signed import PLAIN

LONGEST_ID = 40  # characters of a tool call's id that OpenAI takes
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SIGNATURE_FIELD = {"anthropic": "signature", "gemini": "thoughtSignature"}


class Writing:
    """One request on its way to one provider: what was asked, the provider's quirks, and what is lost."""

    def __init__(self, request: ChatRequest, quirks: Mapping[str, Any], model: str = "") -> None:
        self.request = request
        self.model = model
        self.quirks = quirks
        self.losses = Losses()
        self.is_own = request.dialect == NAME
        self.has_functions = self.is_own and request.where.get("tools") == "/functions"
        self.is_strict = "fields" in quirks
        self.joins_texts = not self.is_own or not quirks.get("text_parts", True)
        self.has_system_anywhere = quirks.get("system", "anywhere" if self.is_own else "first") == "anywhere"
        self.knows_allowed_tools = self.is_own and not self.is_strict
        self._has_nine = quirks.get("tool_call_ids") == "nine"

    def id(self, id_: str) -> str:
        """A tool call's id as the provider takes it: always the same for the same."""
        if self._has_nine:
            return _nine(id_)
        return id_ if self.is_own else _short(id_)

    def mark(self, rendered: dict[str, Any], marked: Part | Tool) -> None:
        """Set `cache_control` where the provider reads it."""
        if marked.cache is None:
            return
        if self.quirks.get("cache_control", self.is_own):
            rendered["cache_control"] = marked.cache
        else:
            self.losses.add(f"{marked.at}/cache_control")

    def keep(self, rendered: dict[str, Any], known: Part | Tool | Message) -> None:
        """Give back the fields that only our own dialect knows."""
        if not self.is_own or self.is_strict:
            self.losses.extra(known.at, known.extra)
            return
        for name, value in known.extra.items():
            inner = rendered.get(name)
            rendered[name] = {**inner, **value} if isinstance(inner, dict) and isinstance(value, dict) else value

    def lose_signature(self, part: Text | Thinking | ToolCall) -> None:
        """Declare the part's signature lost."""
        if part.signature is not None and part.signature.family != PLAIN:
            self.losses.add(f"{part.at}/{_SIGNATURE_FIELD.get(self.request.dialect, 'extra_content')}")

    def lose_name(self, media: Media) -> None:
        """Declare the name of a file lost."""
        field = "title"
        if self.request.dialect == "gemini":
            field = "inlineData/displayName" if media.data is not None else "fileData/displayName"
        self.losses.add(f"{media.at}/{field}")


def _short(id_: str) -> str:
    return id_ if len(id_) <= LONGEST_ID else f"call_{hashlib.sha256(id_.encode()).hexdigest()[:32]}"


def _nine(id_: str) -> str:
    """Mistral's: nine letters and digits."""
    if len(id_) == 9 and id_.isascii() and id_.isalnum():
        return id_
    number = int.from_bytes(hashlib.sha256(id_.encode()).digest()[:8], "big")
    return "".join(_ALPHABET[number // 62**place % 62] for place in range(9))


def render_messages(writing: Writing) -> list[dict[str, Any]]:
    """All messages. Another dialect's calls and results that don't match are made to, as they are at every provider."""
    rendered: list[dict[str, Any]] = []
    answer: Message | None = None
    for turn in _turns(writing.request.messages, is_merged=not writing.is_own):
        if isinstance(turn, Message):
            answer = turn
            rendered.append(_render_answer(turn, writing))
            continue
        rendered += _render_turn(_answered(answer, turn, writing), writing, is_first=answer is None)
        answer = None
    if answer is not None and (made := _answered(answer, [], writing)):
        rendered += _render_turn(made, writing, is_first=False)
    if writing.quirks.get("thought_before_call") and any("tool_calls" in message for message in rendered):
        for message in rendered:
            if message["role"] == "assistant":  # each of them, the answer after the results too
                message.setdefault("reasoning_content", "")
    return rendered


def _turns(messages: list[Message], *, is_merged: bool) -> Iterator[Message | list[Message]]:
    """The assistant's messages, and lists of what stands between them. `is_merged`: neighbours become one."""
    said: list[Message] = []
    answer: Message | None = None
    for message in messages:
        if message.role != "assistant":
            if answer is not None:
                yield answer
                answer = None
            said.append(message)
            continue
        if said:
            yield said
            said = []
        if answer is not None and is_merged:
            answer = structs.replace(answer, parts=answer.parts + message.parts, extra=answer.extra | message.extra)
            continue
        if answer is not None:
            yield answer
        answer = message
    if answer is not None:
        yield answer
    if said:
        yield said


def _answered(answer: Message | None, turn: list[Message], writing: Writing) -> list[Message]:
    """The turn after an answer, with a result for each of its calls; a result without its call is told in words.

    Who speaks the same dialect is told by the provider himself.
    """
    if writing.is_own:
        return turn
    calls = dict.fromkeys(part.id for part in (answer.parts if answer else ()) if isinstance(part, ToolCall))
    told: list[Message] = []
    for message in turn:
        parts: list[Part] = []
        for part in message.parts:
            if not isinstance(part, ToolResult) or part.id in calls:
                parts.append(part)
                if isinstance(part, ToolResult):
                    del calls[part.id]
                continue
            writing.losses.add(part.at)
            said = [each for each in part.parts if not isinstance(each, Text) or each.text.strip()]
            parts += [Text(UNASKED, at=part.at), *said] if said else []
        if parts or not message.parts:
            told.append(structs.replace(message, parts=parts))
    missing: list[Part] = [ToolResult(id=id_, parts=[Text(UNANSWERED)]) for id_ in calls]
    return [Message(role="user", parts=missing), *told] if missing else told


# What the user, the system and the tools say --------------------------------------------------------------------


def _render_turn(turn: list[Message], writing: Writing, *, is_first: bool) -> list[dict[str, Any]]:
    """All between two answers of the assistant: results of tools first, as OpenAI wants them.

    A caller who speaks the same dialect knows it, and is told himself where he has them in another order.
    """
    if writing.is_own and writing.quirks.get("user_after_tool", True):
        return _render_in_order(turn, writing, is_first=is_first)
    results = [part for message in turn for part in message.parts if isinstance(part, ToolResult)]
    rendered = [_render_result(result, writing) for result in results]
    shown = [] if writing.is_own else [media for result in results for media in _media_of(result, writing)]
    others = [message for message in map(_without_results, turn) if message is not None]
    others = _showing(shown, others)
    if rendered and others and not writing.quirks.get("user_after_tool", True):
        return _said_with_result(rendered, others, writing)
    lead = next((number for number, message in enumerate(others) if message.role != "system"), len(others))
    for number, message in enumerate(others):
        rendered.append(_render_said(message, writing, is_leading=is_first and number < lead))
    return _joined_lead(rendered, lead) if is_first and not writing.has_system_anywhere else rendered


def _render_in_order(turn: list[Message], writing: Writing, *, is_first: bool) -> list[dict[str, Any]]:
    lead = next((number for number, message in enumerate(turn) if message.role != "system"), len(turn))
    rendered = []
    for number, message in enumerate(turn):
        results = [_render_result(part, writing) for part in message.parts if isinstance(part, ToolResult)]
        rendered += results or [_render_said(message, writing, is_leading=is_first and number < lead)]
    return _joined_lead(rendered, lead) if is_first and not writing.has_system_anywhere else rendered


def _without_results(message: Message) -> Message | None:
    """The message without results of tools; None when it had nothing else."""
    rest = [part for part in message.parts if not isinstance(part, ToolResult)]
    if len(rest) == len(message.parts):
        return message
    return structs.replace(message, parts=rest) if rest else None


def _media_of(result: ToolResult, writing: Writing) -> list[Part]:
    """The images of a result, after a line that says whose they are."""
    media: list[Part] = [part for part in result.parts if isinstance(part, Media)]
    return [Text(f"From the tool call {writing.id(result.id)}:", at=result.at), *media] if media else []


def _showing(shown: list[Part], others: list[Message]) -> list[Message]:
    """What tools showed goes to the head of what the user says next: tool messages hold text only."""
    if not shown:
        return others
    for number, message in enumerate(others):
        if message.role == "user":
            return [*others[:number], structs.replace(message, parts=shown + message.parts), *others[number + 1 :]]
    return [Message(role="user", parts=shown, at=shown[0].at), *others]


def _said_with_result(rendered: list[dict[str, Any]], others: list[Message], writing: Writing) -> list[dict[str, Any]]:
    """Mistral takes no user between a tool and the assistant: what was said goes to the end of the last result."""
    said = [part for message in others for part in message.parts]
    for message in others:
        writing.losses.extra(message.at, {name: each for name, each in message.extra.items() if name != "role"})
        if message.name is not None:
            writing.losses.add(f"{message.at}/name")
        if message.role == "system":
            writing.losses.add(f"{message.at}/role")
    last = rendered[-1]
    parts = [{"type": "text", "text": last["content"]}] if isinstance(last["content"], str) else last["content"]
    parts = [*parts, *_render_parts(said, writing)]
    if all(set(part) == {"type", "text"} for part in parts):
        last["content"] = "\n\n".join(part["text"] for part in parts if part["text"])
    else:
        last["content"] = parts
    return rendered


def _render_said(message: Message, writing: Writing, *, is_leading: bool) -> dict[str, Any]:
    is_system = message.role == "system" and (is_leading or writing.has_system_anywhere)
    if message.role == "system" and not is_system:
        writing.losses.add(f"{message.at}/role")
    rendered: dict[str, Any] = {"role": "system" if is_system else "user"}
    rendered["content"] = _render_content(message, message.parts, writing, "\n\n" if is_system else None, rendered)
    _name(rendered, message, writing)
    known = structs.replace(message, extra={name: each for name, each in message.extra.items() if name != "role"})
    writing.keep(rendered, known)
    if is_system and "role" in message.extra and writing.is_own and writing.quirks.get("developer", True):
        rendered["role"] = message.extra["role"]
    return rendered


def _joined_lead(rendered: list[dict[str, Any]], lead: int) -> list[dict[str, Any]]:
    """The leading system messages as one: some templates take no second."""
    texts = [message["content"] for message in rendered[:lead]]
    if lead < 2 or not all(isinstance(text, str) for text in texts):
        return rendered
    return [{**rendered[0], "content": "\n\n".join(texts)}, *rendered[lead:]]


def _name(rendered: dict[str, Any], message: Message, writing: Writing) -> None:
    if message.name is not None and writing.is_strict:
        writing.losses.add(f"{message.at}/name")
    elif message.name is not None:
        rendered["name"] = message.name


def _render_result(result: ToolResult, writing: Writing) -> dict[str, Any]:
    rendered: dict[str, Any] = {"role": "tool", "tool_call_id": writing.id(result.id)}
    if result.id.startswith(FUNCTION_CALL) and writing.has_functions:
        rendered = {"role": "function", "name": result.name}
    elif result.name is not None and writing.is_own and not result.id.startswith(FUNCTION_CALL):
        rendered["name"] = result.name  # no field of OpenAI's, but some clients', and of Mistral's
    rendered["content"] = _render_result_content(result, writing)
    marked: dict[str, Any] = rendered
    if result.cache is not None and not writing.is_own:  # who reads marks reads them on parts
        marked = {"type": "text", "text": rendered["content"]}
    writing.mark(marked, result)
    if marked is not rendered and "cache_control" in marked:
        rendered["content"] = [marked]
    writing.keep(rendered, result)
    return rendered


def _render_result_content(result: ToolResult, writing: Writing) -> Any:
    """Its text. That it is an error has no field here: the text says it, before anything else."""
    if writing.is_own:
        return _render_content(result, result.parts, writing, "\n", {})
    for part in result.parts:
        if isinstance(part, Text):
            writing.losses.extra(part.at, part.extra | ({} if part.cache is None else {"cache_control": part.cache}))
        elif not isinstance(part, Media):
            writing.losses.add(part.at)
    text = "\n".join(part.text for part in result.parts if isinstance(part, Text))
    if not text and any(isinstance(part, Media) for part in result.parts):
        text = "(shown in the next message)"
    return f"Error: {text}" if result.is_error and not text.lower().startswith("error") else text


# What the assistant said ----------------------------------------------------------------------------------------


def _render_answer(message: Message, writing: Writing) -> dict[str, Any]:
    rendered: dict[str, Any] = {"role": "assistant"}
    calls = [part for part in message.parts if isinstance(part, ToolCall)]
    said = [part for part in message.parts if not isinstance(part, ToolCall | Thinking)]
    thoughts = [part for part in message.parts if isinstance(part, Thinking)]
    refusals = [part for part in said if isinstance(part, Refusal) and not _stands_in_content(part)]
    if not writing.is_own:
        writing.losses.add(*(part.at for part in said if isinstance(part, Media)))  # the assistant shows no images
        said = [part for part in said if not isinstance(part, Media)]
    said = [part for part in said if part not in refusals]
    if refusals:
        rendered["refusal"] = "".join(part.text for part in refusals)
    content = _render_content(message, said, writing, "", rendered)
    rendered["content"] = content or (None if calls else "")
    _name(rendered, message, writing)
    _render_thoughts(rendered, thoughts, calls, writing)
    _render_calls(rendered, calls, writing)
    _sign(rendered, said, writing)
    writing.keep(rendered, message)
    return rendered


def _stands_in_content(part: Part) -> bool:
    return "/content/" in part.at


def _sign(rendered: dict[str, Any], said: list[Part], writing: Writing) -> None:
    for part in said:
        if isinstance(part, Text) and part.signature is not None:
            if writing.is_own and part.signature.family == "gemini":
                rendered["extra_content"] = render_extra_content(part.signature)
            else:
                writing.lose_signature(part)


def _render_thoughts(
    rendered: dict[str, Any], thoughts: list[Thinking], calls: list[ToolCall], writing: Writing
) -> None:
    """Thinking, in the field that the provider has for it: see the quirk `reasoning`. Else it is lost."""
    by_field: dict[str, list[Thinking]] = {}
    for thought in thoughts:
        by_field.setdefault(_field_of(thought, writing), []).append(thought)
    for field, group in by_field.items():
        if field == "none":
            writing.losses.add(*(thought.at for thought in group))
        elif field == "reasoning_details":
            rendered[field] = render_details(group)
        elif field == "content":
            rendered["content"] = [*map(_render_chunk, group), *_as_parts(rendered["content"])]
        else:
            _render_text_of(rendered, field, group, writing)


def _field_of(thought: Thinking, writing: Writing) -> str:
    """Where a thought goes: where the provider wants it, else where the caller had it."""
    field = writing.quirks.get("reasoning")
    if field is not None or not writing.is_own:
        return str(field or "none")
    steps = [step for step in thought.at.split("/") if not step.isdigit()]
    return steps[-1] if steps[-1] in ("reasoning", "reasoning_details", "content") else "reasoning_content"


def _render_text_of(rendered: dict[str, Any], field: str, thoughts: list[Thinking], writing: Writing) -> None:
    text = "".join(thought.text for thought in thoughts)
    if text:
        rendered[field] = text
    for thought in thoughts:
        if not thought.text:
            writing.losses.add(thought.at)
        else:
            writing.lose_signature(thought)


def _render_chunk(thought: Thinking) -> dict[str, Any]:
    """Mistral's; source: https://docs.mistral.ai/capabilities/reasoning/"""
    return {"type": "thinking", "thinking": [{"type": "text", "text": thought.text}]}


def _as_parts(content: Any) -> list[Any]:
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []


def _render_calls(rendered: dict[str, Any], calls: list[ToolCall], writing: Writing) -> None:
    for call in calls:
        entry = _render_call(call, writing)
        if call.id.startswith(FUNCTION_CALL) and writing.has_functions:
            rendered["function_call"] = entry["function"]
            continue
        rendered.setdefault("tool_calls", []).append(entry)
        if call.signature is None:
            continue
        if writing.quirks.get("reasoning") == "reasoning_details":
            details = rendered.setdefault("reasoning_details", [])
            details.append(render_call_detail(call, entry["id"], len(details)))
        elif writing.is_own and call.signature.family == "gemini":
            entry["extra_content"] = render_extra_content(call.signature)
        else:
            writing.lose_signature(call)


def _render_call(call: ToolCall, writing: Writing) -> dict[str, Any]:
    if call.extra.get("type") == "custom":
        inner: dict[str, Any] = {"name": call.name, "input": call.arguments}
        entry: dict[str, Any] = {"id": writing.id(call.id), "type": "custom", "custom": inner}
    else:
        inner = {"name": call.name, "arguments": call.arguments if call.arguments.strip() else "{}"}
        entry = {"id": writing.id(call.id), "type": "function", "function": inner}
    if call.cache is not None and not writing.is_own:
        writing.losses.add(f"{call.at}/cache_control")
    else:
        writing.mark(entry, call)
    writing.keep(entry, call)
    return entry


# Parts ----------------------------------------------------------------------------------------------------------


def _render_content(
    holder: Message | ToolResult, parts: list[Part], writing: Writing, joint: str | None, rendered: dict[str, Any]
) -> Any:
    """A string where there is but one text, or where texts may be joined by `joint`; else a list of parts.

    A mark of the whole message is set in `rendered`.
    """
    if not parts:
        return ""
    if len(parts) == 1 and isinstance(parts[0], Text) and parts[0].at in (holder.at, f"{holder.at}/content"):
        writing.mark(rendered, parts[0])
        return parts[0].text
    entries = _render_parts(parts, writing)
    is_plain = all(entry.keys() == {"type", "text"} and entry["type"] == "text" for entry in entries)
    if not writing.joins_texts or not is_plain or (joint is None and len(entries) > 1):
        return entries
    return (joint or "").join(entry["text"] for entry in entries)


def _render_parts(parts: list[Part], writing: Writing) -> list[dict[str, Any]]:
    rendered = []
    for part in parts:
        entry = _render_part(part, writing)
        if entry is None:
            writing.losses.add(part.at)
            continue
        if not isinstance(part, Opaque):
            writing.mark(entry, part)
            writing.keep(entry, part)
        if isinstance(part, Media) and part.name and entry["type"] not in ("file", "text"):
            writing.lose_name(part)
        rendered.append(entry)
    return rendered


def _render_part(part: Part, writing: Writing) -> dict[str, Any] | None:
    """One entry of `content`; None when the dialect has none for it."""
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Media):
        return _render_media(part, writing)
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    if isinstance(part, Opaque) and part.dialect == NAME and not writing.is_strict:
        return dict(part.raw)
    return None


def _render_media(media: Media, writing: Writing) -> dict[str, Any]:
    """Raises RouterError(invalid_request) for what chat completions have no part for."""
    if media.kind == "image" and media.file_id is None:
        image: dict[str, Any] = {"url": _url(media, "image/png")}
        return {"type": "image_url", "image_url": {**image, **({"detail": media.detail} if media.detail else {})}}
    if media.kind == "video" and not writing.quirks.get("video", writing.is_own):
        refuse(media.at, "is a film, which this provider does not take")
    if media.kind == "video" and media.file_id is None:
        return {"type": "video_url", "video_url": {"url": _url(media, "video/mp4")}}
    if media.kind == "audio" and media.data is not None:
        return {"type": "input_audio", "input_audio": {"data": media.data, "format": _audio_format(media)}}
    if media.text is not None:
        return {"type": "text", "text": f"{media.name}:\n{media.text}" if media.name else media.text}
    return _render_file(media, writing)


def _url(media: Media, usual: str) -> str:
    if media.data is not None:
        told = image_type(media) if media.kind == "image" else media.media_type
        return data_url(told or usual, media.data)
    if media.url is None:
        refuse(media.at, "has neither data nor a URL")
    return media.url


def _audio_format(media: Media) -> str:
    format_ = (media.media_type or "audio/wav").rpartition("/")[2].removeprefix("x-")
    return {"mpeg": "mp3", "wave": "wav"}.get(format_, format_)


def _render_file(media: Media, writing: Writing) -> dict[str, Any]:
    if media.file_id is not None and media.data is None and not writing.is_own:
        refuse(media.at, "is a file stored with another provider: send its data")
    file = {"filename": media.name, "file_id": media.file_id}
    if media.data is not None:
        file["file_data"] = data_url(media.media_type or "application/pdf", media.data)
        file["filename"] = media.name or f"file.{_suffix(media)}"
    elif media.url is not None:
        refuse(media.at, "is a file at a URL, which this provider does not fetch: send its data")
    return {"type": "file", "file": {name: value for name, value in file.items() if value is not None}}


def _suffix(media: Media) -> str:
    return (media.media_type or "application/pdf").rpartition("/")[2]
