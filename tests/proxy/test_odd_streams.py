"""Whatever vendors make of a stream, every caller gets one proper end, the whole text, and no word of losses.

Each stream is composed after what a vendor really sends. `relayed` passes the bytes on, `mended` parses them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.proxy.test_lanes import TEXT, ask, events, story
from tests.support import chat
from tests.support.daemon import Daemon
from tests.support.reply import Reply, event_stream, head, raw, whole
from tests.support.stage import SERVER, defaults
from tests.support.upstream import Upstream
from tests.support.wire import Request

CHUNKS = [*chat.chunks(), chat.usage_chunk()]
WHOLE = json.dumps(chat.completion(usage=chat.USAGE)).encode()
CLEAN = {"hate": {"filtered": False, "severity": "safe"}}


def varied(**fields: list[Any]) -> list[dict[str, Any]]:
    """The chunks, each with the next one of a field's values."""
    return [
        {**chunk, **{name: values[number % len(values)] for name, values in fields.items()}}
        for number, chunk in enumerate(CHUNKS)
    ]


def sent(chunks: list[dict[str, Any]], *, newline: str = "\n", done: bool = True, opening: bytes = b"") -> Reply:
    return event_stream(opening, *chat.events(chunks, done=done, newline=newline))


FILTERED = {**chat.usage_chunk(None), "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": CLEAN}]}
STREAMS: dict[str, Reply] = {
    "lines that end in LF": sent(CHUNKS),
    "lines that end in CR LF": sent(CHUNKS, newline="\r\n"),
    "lines that end in CR": sent(CHUNKS, newline="\r"),
    "no last word": sent(CHUNKS, done=False),
    "comments, as OpenRouter": sent(
        varied(provider=["Google"]), opening=b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n"
    ),
    "other ids, as Groq": sent(
        varied(id=["chatcmpl-1", "chatcmpl-2"], x_groq=[{"id": "req_1", "seed": 7}, None]), done=False
    ),
    "another time, as llama.cpp": sent(varied(created=[1, 2, 3], timings=[None, {"prompt_n": 5}])),
    "filters first, as Azure": sent([FILTERED, *CHUNKS]),
    "words after the end": sent([*CHUNKS, chat.usage_chunk(), chat.delta(content="")]),
    "no stream at all": whole(chat.completion(usage=chat.USAGE)),
    "no stream, though it says so": whole(chat.completion(usage=chat.USAGE), content_type="text/event-stream"),
    "no stream, and no content type": raw(head(200, ("Content-Length", str(len(WHOLE)))) + WHOLE),
    "no stream, with blank lines": whole(b"\n\n" + WHOLE.replace(b', "', b',\n\n"'), content_type="text/event-stream"),
}
MODELS = {f"odd-{number}": reply for number, reply in enumerate(STREAMS.values())}


def answer(request: Request) -> Reply:
    return MODELS[request.json()["model"]]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder: Path = tmp_path_factory.mktemp("odd")
    with Upstream(answer) as upstream:
        shared = f"base_url: {upstream.base_url}, api_key: sk-x, models: {json.dumps(list(MODELS))}"
        providers = f"providers:\n  relayed: {{{shared}}}\n  mended: {{{shared}, vendor: openrouter}}\n"
        with Daemon(folder, SERVER + defaults() + providers) as running:
            yield running


# Who relays does not look behind the end; vendors that say more there are mended.
WAYS = [
    pytest.param(door, provider, model, id=f"{door} from {provider}: {name}")
    for door in ("openai", "anthropic", "gemini")
    for provider in ("relayed", "mended")
    for model, name in zip(MODELS, STREAMS, strict=True)
    if (door, provider, name) != ("openai", "relayed", "words after the end")
]


@pytest.mark.parametrize(("door", "provider", "model"), WAYS)
def test_it_ends_well_once(daemon: Daemon, door: str, provider: str, model: str) -> None:
    said = ask(daemon, door, f"{provider}/{model}", stream=True)
    assert story(door, said, stream=True) == (TEXT, 11, 7)
    assert b"dropped" not in said.body
    ends = {"openai": b"data: [DONE]", "anthropic": b"event: message_stop", "gemini": b'"finishReason"'}
    assert said.body.count(ends[door]) == 1
    if door == "openai" and provider == "mended":
        assert len({(each["id"], each["created"], each["model"]) for each in events(said)}) == 1
