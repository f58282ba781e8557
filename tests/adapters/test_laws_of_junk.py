"""Whatever stands where something else should: callers get an error that names it, providers' junk is never a crash."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from routerd.adapters import sse
from routerd.adapters.base import Adapter
from routerd.adapters.table import ADAPTERS
from routerd.chat.events import ReplyFailed, collect
from routerd.chat.reply import Reply
from routerd.errors import RouterError
from scripts.fidelity import MODELS, QUIRKS
from tests.adapters.harness import breaches, parsed, whole, written

FOLDER = Path(__file__).parent / "matrix"
JUNK: tuple[Any, ...] = (None, 3, -1.5, True, "", "x", [], [3], {}, {"a": 1})


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside of a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inner:
        yield (*at, step)
        yield from places(each, (*at, step))


def changed(value: Any, place: tuple[Any, ...], junk: Any) -> Any:
    """The value with junk at a place; what is beside the way there is shared."""
    if not place:
        return junk
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = changed(value[place[0]], place[1:], junk)
    return copy


def inputs(suffix: str) -> list[Any]:
    found = sorted(path for path in FOLDER.glob(f"*{suffix}") if path.name.split(".")[1] in ADAPTERS)
    return [pytest.param(path, id=path.name) for path in found]


@pytest.mark.parametrize("path", inputs(".json"))
def test_junk_in_a_request_is_refused_by_name_or_harmless(path: Path) -> None:
    body, dialect = msgspec.json.decode(path.read_bytes()), path.name.split(".")[1]
    for place in places(body):
        for junk in JUNK:
            ask(dialect, changed(body, place, junk))


def ask(dialect: str, body: dict[str, Any]) -> None:
    """Through the adapters to every provider: nothing but an error that names the field may come of it."""
    try:
        request = ADAPTERS[dialect].parse_request(body, "some-model", False)
    except RouterError as error:
        assert error.kind == "invalid_request" and error.param, (error, body)
        return
    for upstream, adapter in ADAPTERS.items():
        try:
            call, _ = adapter.render_request(request, MODELS[upstream], QUIRKS[upstream])
            msgspec.json.encode(call.body)
        except RouterError as error:
            assert error.kind == "invalid_request" and error.param, (error, body)


@pytest.mark.parametrize("path", inputs(".sse"))
def test_junk_in_a_stream_is_a_failure_or_harmless(path: Path) -> None:
    """And what is made of it can be said in every dialect."""
    adapter, stream = ADAPTERS[path.name.split(".")[1]], path.read_bytes()
    events = list(sse.split_events(stream))
    for number, event in enumerate(events):
        data = sse.payload(event)
        said = msgspec.json.decode(data) if data != b"[DONE]" else {}
        for place in places(said):
            for junk in JUNK:
                odd = event.replace(data, msgspec.json.encode(changed(said, place, junk)))
                tell(adapter.NAME, b"".join([*events[:number], odd, *events[number + 1 :]]))


def tell(source: str, stream: bytes) -> None:
    events = parsed(ADAPTERS[source], stream)
    assert [breach for breach in breaches(events) if "follows" not in breach] == [], (
        stream
    )  # junk for an index may skip
    for adapter in ADAPTERS.values():
        written(adapter, events)
        if not isinstance(events[-1], ReplyFailed):
            tell_whole(adapter, collect(events))


def tell_whole(adapter: Adapter, reply: Reply) -> None:
    """Calls whose arguments are no JSON have no words in some dialects."""
    try:
        whole(adapter, reply)
    except RouterError as error:
        assert error.kind == "upstream_garbled"
