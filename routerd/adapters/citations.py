"""The pages that a reply rests on, in the words of each dialect.

Source: https://platform.openai.com/docs/api-reference/chat/object (`annotations`; OpenRouter adds what the page says),
https://platform.claude.com/docs/en/build-with-claude/citations,
https://ai.google.dev/api/generate-content#GroundingMetadata
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from msgspec import structs

from routerd.chat.parts import Citation, Opaque, Part, Text

FOREIGN_INDEX = "routerd"
"""The `encrypted_index` of citations that are not Anthropic's own: it must not see them again."""


def in_parts(parts: Iterable[Part], dialect: str) -> Iterator[Citation]:
    """The citations of an answer that another dialect than `dialect` told."""
    start = 0
    for part in parts:
        if isinstance(part, Text):
            yield from of_text(part, start)
            start += len(part.text)
        elif isinstance(part, Opaque) and part.dialect != dialect:
            yield from part.citations


def of_text(part: Text, start: int) -> Iterator[Citation]:
    """Anthropic's, which stand at the text that begins `start` characters after the answer's first."""
    return _anthropic(part.extra.get("citations"), start, start + len(part.text))


def _entries(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _string(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""


def _count(fields: Mapping[str, Any], name: str) -> int:
    value = fields.get(name)
    return value if isinstance(value, int) and value > 0 else 0


# OpenAI -----------------------------------------------------------------------------------------------------------


def from_openai(annotations: Any) -> list[Citation]:
    """What `annotations` say."""
    found = [each["url_citation"] for each in _entries(annotations) if isinstance(each.get("url_citation"), dict)]
    return [
        Citation(url, _string(said, "title"), _string(said, "content"), _count(said, "start_index"), _end(said))
        for said in found
        if (url := _string(said, "url"))
    ]


def _end(said: Mapping[str, Any]) -> int:
    return max(_count(said, "start_index"), _count(said, "end_index"))


def to_openai(citations: Iterable[Citation]) -> list[dict[str, Any]]:
    """`annotations` that say them."""
    return [{"type": "url_citation", "url_citation": _to_openai(citation)} for citation in citations]


def _to_openai(citation: Citation) -> dict[str, Any]:
    said = {"url": citation.url, "title": citation.title, "start_index": citation.start, "end_index": citation.end}
    return said | ({"content": citation.quote} if citation.quote else {})


# Anthropic --------------------------------------------------------------------------------------------------------

_PLACES = {"web_search_result_location": "url", "search_result_location": "source"}


def _anthropic(values: Any, start: int, end: int) -> Iterator[Citation]:
    for said in _entries(values):
        url = _string(said, _PLACES.get(_string(said, "type"), ""))
        if url.startswith(("https://", "http://")):
            yield Citation(url, _string(said, "title"), _string(said, "cited_text"), start, end)


def to_anthropic(citations: Iterable[Citation]) -> list[dict[str, Any]]:
    """`citations` of a text that say them."""
    return [
        {
            "type": "web_search_result_location",
            "url": citation.url,
            "title": citation.title or None,
            "cited_text": citation.quote,
            "encrypted_index": FOREIGN_INDEX,
        }
        for citation in citations
    ]


def without_foreign(values: Any) -> Any:
    """Citations of a history without those that are not Anthropic's own; None when there are no others."""
    if not isinstance(values, list):
        return values
    return [each for each in values if not (isinstance(each, dict) and _is_foreign(each))] or None


def _is_foreign(said: Mapping[str, Any]) -> bool:
    return said.get("encrypted_index") == FOREIGN_INDEX


# Gemini -----------------------------------------------------------------------------------------------------------


def from_gemini(name: str, value: Any, text: str) -> list[Citation]:
    """What `groundingMetadata` or `citationMetadata` say of an answer's whole text; they count its bytes."""
    if not isinstance(value, dict):
        return []
    if name == "groundingMetadata":
        return list(_grounding(value, text))
    found = _entries(value.get("citationSources") or value.get("citations"))
    return [Citation(url, _string(said, "title"), "", *_segment(said, text)) for said in found if (url := _uri(said))]


def _grounding(value: Mapping[str, Any], text: str) -> Iterator[Citation]:
    pages = [each.get("web") for each in _entries(value.get("groundingChunks"))]
    named: set[int] = set()
    for support in _entries(value.get("groundingSupports")):
        segment, indices = support.get("segment"), support.get("groundingChunkIndices")
        start, end = _segment(segment if isinstance(segment, dict) else {}, text)
        for index in indices if isinstance(indices, list) else ():
            if isinstance(index, int) and 0 <= index < len(pages) and (page := _page(pages[index])):
                named.add(index)
                yield structs.replace(page, start=start, end=end)
    yield from (page for index, said in enumerate(pages) if index not in named and (page := _page(said)))


def _page(said: Any) -> Citation | None:
    url = _uri(said) if isinstance(said, dict) else ""
    return Citation(url, _string(said, "title")) if url else None


def _uri(said: Mapping[str, Any]) -> str:
    return _string(said, "uri")


def _segment(said: Mapping[str, Any], text: str) -> tuple[int, int]:
    """A segment in characters; where the bytes do not lead to its text, the first place where that stands."""
    data = text.encode("utf-8", "surrogatepass")
    start = len(data[: _count(said, "startIndex")].decode("utf-8", "replace"))
    end = max(start, len(data[: _count(said, "endIndex")].decode("utf-8", "replace")))
    quoted = _string(said, "text")
    if quoted and text[start:end] != quoted and (found := text.find(quoted)) >= 0:
        return found, found + len(quoted)
    return start, end


def to_gemini(citations: Sequence[Citation], text: str) -> dict[str, Any]:
    """`groundingMetadata` that says them of an answer's whole text."""
    pages = list(dict.fromkeys((citation.url, citation.title) for citation in citations))
    placed = [citation for citation in citations if citation.end]
    supports = [
        {
            "segment": _to_segment(*place, text),
            "groundingChunkIndices": [pages.index((each.url, each.title)) for each in group],
        }
        for place, group in groupby(placed, key=lambda each: (each.start, each.end))
    ]
    chunks = [{"web": {"uri": url, **({"title": title} if title else {})}} for url, title in pages]
    return {"groundingChunks": chunks, **({"groundingSupports": supports} if supports else {})}


def _to_segment(start: int, end: int, text: str) -> dict[str, Any]:
    before = len(text[:start].encode("utf-8", "surrogatepass"))
    said = text[start:end]
    return {"startIndex": before, "endIndex": before + len(said.encode("utf-8", "surrogatepass")), "text": said}
