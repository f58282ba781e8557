"""Every field of the vendors' requests reaches the provider or is declared lost; and the page that says so is fresh."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from routerd.adapters.table import ADAPTERS
from routerd.chat.events import ReplyFailed
from routerd.errors import RouterError
from scripts import fidelity
from scripts.vendor_fields import Case, cases
from scripts.vendor_replies import replies
from scripts.vendor_streams import streams
from tests.adapters import official

# Old and new: what one of them refuses, another one needs.
OTHER_MODELS = [
    ("openai", "gpt-4o"),
    ("openai", "o3"),
    ("anthropic", "claude-3-5-haiku-20241022"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-opus-5-5"),
    ("gemini", "gemini-2.5-flash"),
    ("gemini", "gemini-2.0-flash"),
]


def openai_chunk(finish: str | None = None, *, of_choice: dict[str, Any] | None = None, **delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, **(of_choice or {})}
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


@pytest.mark.parametrize("ingress", ADAPTERS)
def test_no_field_is_lost_in_silence(ingress: str) -> None:
    lost = {
        path: dict(zip(ADAPTERS, row, strict=True))
        for path, row in fidelity.fates(ingress).items()
        if fidelity.SILENT in row
    }
    assert lost == {}


@pytest.mark.parametrize(("upstream", "model"), OTHER_MODELS)
@pytest.mark.parametrize("ingress", ADAPTERS)
def test_no_field_is_lost_in_silence_at_other_models(ingress: str, upstream: str, model: str) -> None:
    found = {case.path: fidelity.fate(ingress, upstream, case, model) for case in cases(ingress)}
    assert [path for path, fate in found.items() if fate == fidelity.SILENT] == []


@pytest.mark.parametrize("source", ADAPTERS)
def test_no_field_of_a_reply_is_lost_in_silence(source: str) -> None:
    lost = {path: row for path, row in fidelity.reply_fates(source).items() if fidelity.SILENT in row}
    assert lost == {}


@pytest.mark.parametrize("source", ADAPTERS)
def test_no_field_of_a_stream_is_lost_in_silence(source: str) -> None:
    """In whichever of its events it stands."""
    found = fidelity.stream_fates(source)
    assert len(found) > 100
    assert {path: row for path, row in found.items() if fidelity.SILENT in row} == {}


@pytest.mark.parametrize("source", ADAPTERS)
def test_every_stream_is_one(source: str) -> None:
    """None of them breaks off, or it would prove nothing."""
    broken = {
        case.path: events[-1]
        for case in streams(source)
        for body in (case.body, case.baseline)
        if isinstance((events := fidelity.parsed(source, body))[-1], ReplyFailed)
    }
    assert broken == {}


@pytest.mark.parametrize(("source", "path"), [
    ("openai", "chunk1.moderation"),
    ("openai", "chunk2.choices[].logprobs.content[]"),
    ("anthropic", "delta[citations_delta].citation[page_location]"),
    ("anthropic", "message_delta.delta.container"),
    ("gemini", "chunk1.candidates[].urlContextMetadata.urlMetadata[].retrievedUrl"),
])  # fmt: skip
def test_each_place_of_a_stream_is_walked(source: str, path: str) -> None:
    assert fidelity.stream_fates(source)[path]


@pytest.mark.parametrize(("source", "events", "lost"), [
    ("openai", [openai_chunk(content="Hello"), {**openai_chunk("stop"), "search_results": [{"title": "News"}]}],
     ["/search_results"]),
    ("openai", [openai_chunk(content="Hel"), openai_chunk(content="lo", of_choice={"surprise": 1}),
                openai_chunk("stop")], ["/choices/0/surprise"]),
    ("openai", [openai_chunk(content="Hel", of_choice={"content_filter_results": {"hate": {"filtered": True}}}),
                openai_chunk("stop", of_choice={"content_filter_results": {"hate": {"filtered": False}}})],
     ["/choices/0/content_filter_results"]),
])  # fmt: skip
def test_what_no_type_knows_is_named_too(source: str, events: list[dict[str, Any]], lost: list[str]) -> None:
    assert fidelity.streamed(source, "anthropic", events)[1] == lost


def test_a_kind_of_piece_that_nobody_knows_is_named() -> None:
    case = next(case for case in streams("anthropic") if case.path == "delta[text_delta]")
    events = copy.deepcopy(case.body)
    events.insert(3, {**events[2], "delta": {"type": "song_delta", "notes": "c e g"}})
    said, lost = fidelity.streamed("anthropic", "openai", events)
    assert lost == ["/content/0/song_delta"]
    assert said == fidelity.streamed("anthropic", "openai", case.body)[0]


@pytest.mark.parametrize("caller", ADAPTERS)
@pytest.mark.parametrize("source", ADAPTERS)
def test_every_loss_of_a_reply_names_a_place_in_it(source: str, caller: str) -> None:
    wrong = {
        case.path: pointers
        for case in replies(source)
        if (pointers := [each for each in lost_of(source, caller, case.body) if not leads_somewhere(case.body, each)])
    }
    assert wrong == {}


@pytest.mark.parametrize("caller", ADAPTERS)
@pytest.mark.parametrize("source", ADAPTERS)
def test_a_stream_declares_no_less_than_the_whole_reply(source: str, caller: str) -> None:
    for case in replies(source):
        whole, streamed = (fidelity.replied(source, caller, case.body, is_stream=flag)[1] for flag in (False, True))
        assert set(whole) <= set(streamed), case.path


@pytest.mark.parametrize("source", ADAPTERS)
def test_every_field_of_a_reply_is_set_once(source: str) -> None:
    found = list(replies(source))
    assert len(found) > 30
    assert len({case.path for case in found}) == len(found)
    assert [case.path for case in found if case.body == case.baseline] == []


@pytest.mark.parametrize("caller", ADAPTERS)
@pytest.mark.parametrize("source", ADAPTERS)
def test_what_is_told_of_every_reply_is_valid(source: str, caller: str) -> None:
    """By the types of the caller's SDK, however odd the reply."""
    wrong = {
        case.path: faults
        for case in replies(source)
        if source != caller and (faults := official.REPLY[caller](fidelity.replied(source, caller, case.body)[0]))
    }
    assert wrong == {}


def lost_of(source: str, caller: str, body: dict[str, Any]) -> list[str]:
    return fidelity.replied(source, caller, body)[1]


def test_the_page_is_fresh() -> None:
    assert fidelity.PAGE.read_text() == fidelity.page(), "python -m scripts.fidelity"


@pytest.mark.parametrize("ingress", ADAPTERS)
def test_every_field_is_set_once(ingress: str) -> None:
    found = list(cases(ingress))
    assert len(found) > 100
    assert len({case.path for case in found}) == len(found)
    assert [case.path for case in found if case.body == case.baseline] == []


def test_a_field_that_is_lost_in_silence_is_found() -> None:
    """A body that is said to have one field more, and has not, is what a renderer that drops it makes of it."""
    body = {"messages": [{"role": "user", "content": "Hello"}]}
    assert fidelity.fate("openai", "openai", Case("surprise", "/surprise", body, body)) == fidelity.SILENT


@pytest.mark.parametrize("upstream", ADAPTERS)
@pytest.mark.parametrize("ingress", ADAPTERS)
def test_every_loss_names_a_place_in_the_body(ingress: str, upstream: str) -> None:
    wrong = {
        case.path: pointers
        for case in cases(ingress)
        if (pointers := [each for each in losses(ingress, upstream, case.body) if not leads_somewhere(case.body, each)])
    }
    assert wrong == {}


def losses(ingress: str, upstream: str, body: dict[str, Any]) -> list[str]:
    try:
        return fidelity.rendered(ingress, upstream, body)[1]
    except RouterError as error:
        return ["/" + (error.param or "nowhere").replace(".", "/")]


def leads_somewhere(body: Any, pointer: str) -> bool:
    """Whether there is something at a JSON pointer."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(body, list) and name.isdigit() and int(name) < len(body):
            body = body[int(name)]
        elif isinstance(body, dict) and name in body:
            body = body[name]
        else:
            return False
    return pointer.startswith("/")
