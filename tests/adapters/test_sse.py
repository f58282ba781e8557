"""Server-sent events as every dialect's renderer writes them."""

from __future__ import annotations

import pytest

from routerd.adapters import sse
from routerd.adapters.base import Adapter
from routerd.adapters.table import ADAPTERS
from routerd.chat.events import ReplyFailed, collect, replay
from routerd.chat.parts import Part, Text, Thinking, ToolCall
from routerd.chat.reply import Choice, Reply, StopReason
from routerd.errors import RouterError
from tests.adapters.harness import parsed, written

LINES = "one\u2028two\u2029three \u2027\u202a é\n"
every_adapter = pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=ADAPTERS)


@every_adapter
def test_no_separator_of_lines_stands_bare(adapter: Adapter) -> None:
    """@google/genai up to 1.x takes U+2028 and U+2029 for the ends of lines."""
    parts: list[Part] = [
        Thinking(LINES),
        Text(LINES),
        ToolCall(id="call_1", name="look", arguments=f'{{"a":"{LINES[:-1]}"}}'),
    ]
    reply = Reply(choices=[Choice(parts=parts, stop=StopReason.TOOL_CALLS)])
    stream = written(adapter, replay(reply))
    stream_of_failure = written(adapter, [ReplyFailed(RouterError("upstream_overloaded", LINES))])
    for each in (stream, stream_of_failure):
        assert not {"\u2028", "\u2029"} & set(each.decode())
    [choice] = collect(parsed(adapter, stream)).choices
    texts = {type(part): part.text for part in choice.parts if isinstance(part, Text | Thinking)}
    assert texts == {Thinking: LINES, Text: LINES}
    assert "\u2027\u202a é" in stream.decode()


def test_json_stays_json() -> None:
    assert sse.encode({"\u2028": ["a\\\u2029"]}) == b'{"\\u2028":["a\\\\\\u2029"]}'
    assert sse.render_event('"\u2028"'.encode()) == b'data: "\\u2028"\n\n'
