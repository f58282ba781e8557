"""Files inside messages: data URLs, and which kind of medium a media type is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from routerd.chat.parts import Media, MediaKind

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


# Clients make types up: `image/jpg`, or PNG whatever it is. Anthropic and Google refuse them.
_MAGIC: Mapping[str, str] = MappingProxyType({
    "/9j/": "image/jpeg", "iVBORw0KGgo": "image/png", "R0lGOD": "image/gif", "UklGR": "image/webp",
})  # fmt: skip


def image_type(image: Media) -> str | None:
    """The media type of an image's base64 data: what its first bytes say, else what the caller said."""
    data = image.data or ""
    told = next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), image.media_type)
    return "image/jpeg" if told == "image/jpg" else told


_TYPES: Mapping[str, str] = MappingProxyType({
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp",
    "heic": "image/heic", "heif": "image/heif", "bmp": "image/bmp", "svg": "image/svg+xml",
    "pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown", "html": "text/html", "htm": "text/html",
    "css": "text/css", "csv": "text/csv", "xml": "text/xml", "json": "application/json", "rtf": "text/rtf",
    "js": "text/javascript", "py": "text/x-python",
    "mp3": "audio/mp3", "wav": "audio/wav", "aiff": "audio/aiff", "aac": "audio/aac", "ogg": "audio/ogg",
    "flac": "audio/flac", "m4a": "audio/mp4", "opus": "audio/opus",
    "mp4": "video/mp4", "mpeg": "video/mpeg", "mpg": "video/mpeg", "mov": "video/quicktime", "avi": "video/x-msvideo",
    "flv": "video/x-flv", "webm": "video/webm", "wmv": "video/wmv", "3gp": "video/3gpp",
})  # fmt: skip


def type_by_name(name: str | None) -> str | None:
    """The media type that the ending of a file's name or URL stands for; None when it has none that we know."""
    path = (name or "").partition("?")[0].partition("#")[0]
    return _TYPES.get(path.rpartition("/")[2].rpartition(".")[2].lower())
