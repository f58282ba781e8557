"""What messages and replies are made of, whoever's wire they come from."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

MediaKind = Literal["image", "document", "audio", "video"]


class Signature(Struct, frozen=True):
    """What a provider signs its thinking with, and wants back unchanged.

    `family` says who can read it: `anthropic`, `gemini`, or the format's name where it is another's.
    """

    family: str
    value: str


class Part(Struct, kw_only=True):
    """One piece of a message.

    `at` is the JSON pointer to it in the caller's body ("" in replies). `cache` is Anthropic's `cache_control`, as it
    came. `extra` holds the fields that we don't know, in the words of the dialect that they came in.
    """

    at: str = ""
    cache: Any = None
    extra: dict[str, Any] = field(default_factory=dict)


class Citation(Struct, frozen=True):
    """A page that a text rests on. `quote` is what the page says; `start` and `end` count the characters of all the
    texts of the answer in a row, and are 0 where nobody said which of them rest on it.
    """

    url: str
    title: str = ""
    quote: str = ""
    start: int = 0
    end: int = 0


class Text(Part):
    """Plain text. Gemini signs that as well."""

    text: str
    signature: Signature | None = None


class Thinking(Part):
    """What the model thought. `is_redacted`: there is no text, and the signature holds the encrypted thought."""

    text: str
    signature: Signature | None = None
    is_redacted: bool = False


class Refusal(Part):
    """Why the model won't."""

    text: str


class Media(Part):
    """An image, a document, sound or film, as one of: base64 `data`, `url`, `file_id` (of the dialect), plain `text`.

    `media_type` is None where nobody said. `name` is a file's name or a document's title; `detail` is OpenAI's.
    """

    kind: MediaKind
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    text: str | None = None
    name: str | None = None
    detail: str | None = None


class ToolCall(Part):
    """The model wants a tool. `arguments` is the text of a JSON object; in a stream it grows."""

    id: str
    name: str
    arguments: str = ""
    signature: Signature | None = None


class ToolResult(Part):
    """What a tool answered to the call with this id. `name` is the tool's, where the dialect says it."""

    id: str
    parts: list[Part] = field(default_factory=list)
    is_error: bool = False
    name: str | None = None


class Opaque(Part):
    """A block that only `dialect` knows (a server's own tool, say); `raw` is it, whole.

    `citations`: what of it the others can say as well.
    """

    dialect: str
    raw: dict[str, Any]
    citations: list[Citation] = field(default_factory=list)
