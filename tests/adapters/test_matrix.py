"""The golden matrix: what a caller of one dialect says or is told, as it stands in each of the others.

    matrix/CASE.FROM.json      a request as a caller of FROM sends it      CASE.FROM-TO.json   what TO's provider gets
    matrix/CASE_old.FROM.json  the same, to older models
    matrix/CASE.FROM.sse       a stream as a provider of FROM sends it     CASE.FROM-TO.txt    what TO's caller gets

All of it is composed from the vendors' public references. `ROUTERD_GOLDEN=write` writes the goldens again: read the
difference before you keep it, since a golden is right only because somebody has read it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from routerd.adapters.table import ADAPTERS
from routerd.chat.events import ReplyFailed, collect
from routerd.errors import RouterError
from scripts.fidelity import MODELS, QUIRKS
from tests.adapters import official
from tests.adapters.harness import FRAMING, comparable, parsed, parsed_halves, written

OLD_MODELS = {"openai": "gpt-4o", "anthropic": "claude-sonnet-4-5", "gemini": "gemini-2.5-flash"}
FOLDER = Path(__file__).parent / "matrix"
WRITES = os.environ.get("ROUTERD_GOLDEN") == "write"


def pairs(suffix: str) -> Iterator[Any]:
    """Every input with every target."""
    for path in sorted(FOLDER.glob(f"*{suffix}")):
        case, _, source = path.name.removesuffix(suffix).partition(".")
        for target in ADAPTERS if source in ADAPTERS else ():
            yield pytest.param(path, source, target, id=f"{case}.{source}-{target}")


def compare(path: Path, golden: str) -> None:
    """Hold a rendering against its golden."""
    if WRITES:
        path.write_text(golden)
    assert path.exists(), f"no golden {path.name}: ROUTERD_GOLDEN=write, then read it"
    assert golden == path.read_text()


def pretty(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)


# Requests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "source", "target"), list(pairs(".json")))
def test_requests(path: Path, source: str, target: str) -> None:
    golden = path.with_name(path.name.replace(f".{source}.json", f".{source}-{target}.json"))
    model = (OLD_MODELS if "_old." in path.name else MODELS)[target]
    compare(golden, pretty(asked(source, target, msgspec.json.decode(path.read_bytes()), model)) + "\n")


def asked(source: str, target: str, body: dict[str, Any], model: str) -> dict[str, Any]:
    """What the provider gets, and what it can't be told; or the error that the caller gets instead."""
    try:
        request = ADAPTERS[source].parse_request(body, model, bool(body.get("stream")))
        call, losses = ADAPTERS[target].render_request(request, model, QUIRKS[target])
    except RouterError as error:
        return {"kind": error.kind, "param": error.param, "message": error.message}
    assert official.REQUEST[target](stripped(call.body)) == []
    return {"path": call.path, "body": call.body, "lost": list(losses)}


def stripped(body: dict[str, Any]) -> dict[str, Any]:
    """Without the field that the vendor does not know, and that a case sends on purpose."""
    return {name: value for name, value in body.items() if name != "temperature_of_room"}


# Streams --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "source", "target"), list(pairs(".sse")))
def test_streams(path: Path, source: str, target: str) -> None:
    golden = path.with_name(path.name.replace(f".{source}.sse", f".{source}-{target}.txt"))
    compare(golden, told(source, target, path.read_bytes()))


def told(source: str, target: str, stream: bytes) -> str:
    """The stream and the whole reply that the caller gets."""
    adapter, events = ADAPTERS[target], parsed(ADAPTERS[source], stream)
    rendered = written(adapter, events)
    if source != target and not isinstance(events[-1], ReplyFailed):
        assert official.stream_faults(target, rendered) == []
    lines = rendered.decode().replace("\r\n", "\n")
    return f"# stream\n{lines}# whole\n{answered(source, target, stream)}\n"


def answered(source: str, target: str, stream: bytes) -> str:
    adapter = ADAPTERS[target]
    try:
        reply = adapter.render_reply(collect(parsed(ADAPTERS[source], stream)), FRAMING)
    except RouterError as error:
        return f"{adapter.error_status(error)} {adapter.render_error(error).decode()}"
    assert source == target or official.REPLY[target](reply) == []
    return pretty(reply)


@pytest.mark.parametrize(("path", "source", "target"), list(pairs(".sse")))
def test_streams_cut_anywhere(path: Path, source: str, target: str) -> None:
    """Every split of every stream of the matrix in two."""
    if source != target:
        return
    stream, adapter = path.read_bytes(), ADAPTERS[source]
    expected = comparable(parsed(adapter, stream))
    assert comparable(parsed(adapter, stream, 1)) == expected
    for at in range(len(stream)):
        assert comparable(parsed_halves(adapter, stream, at)) == expected


def test_no_golden_is_an_orphan() -> None:
    """Each golden has an input and a target."""
    expected = {f"{path.name.rpartition('.')[0]}-{target}" for path in FOLDER.iterdir() for target in ADAPTERS}
    goldens = {path.name.rpartition(".")[0] for path in FOLDER.iterdir() if "-" in path.name}
    assert goldens - expected == set()
