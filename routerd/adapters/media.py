"""Files inside messages: data URLs, and which kind of medium a media type is."""

from __future__ import annotations

import re

from routerd.chat.parts import MediaKind

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)


def parse_data_url(url: str) -> tuple[str | None, str] | None:
    """Media type (None: not said) and base64 text of a data URL (RFC 2397); None when it is none, or not base64."""
    found = _DATA_URL.match(url)
    if found is None or not found[2].lower().endswith(";base64"):
        return None
    return found[1].lower() or None, url[found.end() :]


def data_url(media_type: str, data: str) -> str:
    """The data URL of base64 `data`."""
    return f"data:{media_type};base64,{data}"


def kind_of(media_type: str | None) -> MediaKind:
    """What a media type is; everything that is neither image, sound nor film is a document."""
    match (media_type or "").partition("/")[0].lower():
        case "image":
            return "image"
        case "audio":
            return "audio"
        case "video":
            return "video"
        case _:
            return "document"
