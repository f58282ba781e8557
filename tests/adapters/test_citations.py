"""The pages that a reply rests on, in each dialect's words, and what Anthropic must not see again."""

from __future__ import annotations

import msgspec
import pytest

from routerd.adapters import anthropic, citations
from routerd.adapters.table import ADAPTERS
from routerd.chat.parts import Citation

TEXT = "Grüße. Sunny."
FOUND = [Citation("https://e.org/a", "A", "", 7, 13), Citation("https://e.org/b", "", "", 7, 13)]


def test_gemini_counts_bytes() -> None:
    said = citations.to_gemini(FOUND, TEXT)
    assert said["groundingSupports"] == [
        {"segment": {"startIndex": 9, "endIndex": 15, "text": "Sunny."}, "groundingChunkIndices": [0, 1]}
    ]
    assert citations.from_gemini("groundingMetadata", said, TEXT) == FOUND


def test_openai_says_the_same() -> None:
    assert citations.from_openai(citations.to_openai(FOUND)) == FOUND


@pytest.mark.parametrize(
    "junk", [None, 1, "a", [], [None, 1], [{"url_citation": 1}], {"groundingChunks": [1, {"web": 2}]}]
)
def test_junk_names_no_page(junk: object) -> None:
    assert citations.from_openai(junk) == citations.from_gemini("groundingMetadata", junk, TEXT) == []


def test_anthropic_does_not_see_what_others_named() -> None:
    own = {"type": "char_location", "cited_text": "a", "document_index": 0, "start_char_index": 0, "end_char_index": 1}
    block = {"type": "text", "text": TEXT, "citations": [own, *citations.to_anthropic(FOUND)]}
    messages = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": [block]}]
    body = {"model": "m", "max_tokens": 9, "messages": [*messages, {"role": "user", "content": "Go on"}]}
    fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in body.items()}
    assert not anthropic.goes_as_it_is(fields, "m")
    request = ADAPTERS["anthropic"].parse_request(body, "m", False)
    call, _ = ADAPTERS["anthropic"].render_request(request, "claude-opus-4-6", {})
    assert call.body["messages"][1]["content"][0]["citations"] == [own]
