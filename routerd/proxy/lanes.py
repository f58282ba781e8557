"""The two ways from a target's answer to the caller's: bytes are relayed, or events are translated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, product
from typing import Protocol

import msgspec

from routerd.adapters import openai_chat
from routerd.adapters.base import Adapter, Framing, Losses
from routerd.chat import naming
from routerd.chat.events import replay
from routerd.chat.parts import Part
from routerd.chat.reply import Reply, Usage
from routerd.errors import RouterError
from routerd.proxy import headers
from routerd.proxy.carrier import Carrier
from routerd.proxy.door import Outlet
from routerd.proxy.relay import StreamRelay
from routerd.proxy.translate import StreamTranslation

_MOST_LOST = 64  # pointers, each with at most so many
_MOST_LETTERS = 256  # letters

Clean = Callable[[str], str]
Keep = Callable[[Sequence[Part]], None]
Done = asyncio.Future[RouterError | None]


class Lane(Protocol):
    """How one attempt's answer becomes the caller's. `dropped` is the header line that says what the target wasn't
    told, or the caller, and `lost` the first of it.
    """

    @property
    def dropped(self) -> bytes: ...

    @property
    def lost(self) -> list[str]: ...

    def whole(self, body: bytes) -> tuple[bytes, Usage | None]:
        """A whole reply. Raises RouterError when there is none in `body`."""

    def replayed(self, body: bytes) -> tuple[bytes, Usage | None]:
        """A whole reply, as the stream that the caller wanted."""

    def carrier(self, outlet: Outlet, done: Done, clean: Clean, closing: bytes) -> Carrier:
        """What carries a stream."""


@dataclass(frozen=True, slots=True)
class Relay:
    """Chat completions on both sides: the bytes pass, watched but not parsed."""

    hide_usage: bool
    dropped: bytes
    lost: list[str]

    def whole(self, body: bytes) -> tuple[bytes, Usage | None]:
        return body, openai_chat.parse_whole(body)

    def replayed(self, body: bytes) -> tuple[bytes, Usage | None]:
        usage = openai_chat.parse_whole(body)
        return openai_chat.replay(body, with_usage=not self.hide_usage), usage

    def carrier(self, outlet: Outlet, done: Done, clean: Clean, closing: bytes) -> Carrier:
        return StreamRelay(outlet, done, hide_usage=self.hide_usage, clean=clean, closing=closing)


RELAYS = {
    (hide_usage, is_dropped): Relay(hide_usage, headers.dropped(lost), lost)
    for hide_usage, (is_dropped, lost) in product((False, True), ((False, []), (True, ["/stream_options"])))
}
"""Every relay there can be: (hide usage, `stream_options` could not be said)."""


class Translation:
    """From the dialect of the provider to the caller's. `is_verbatim`: they are the same, and the bytes pass as they
    came, while the parser watches. `keep` is given the parts of each answer before the caller hears that it is whole:
    who has heard it may come back at once. `names` are tools' names as the provider knows them → as the caller does.
    """

    __slots__ = (
        "_framing", "_is_verbatim", "_keep", "_losses", "_names", "_source", "_target", "dropped", "unsaid",
    )  # fmt: skip

    def __init__(
        self,
        source: Adapter,
        target: Adapter,
        framing: Framing,
        losses: Losses,
        *,
        is_verbatim: bool = False,
        keep: Keep | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self._names = names or {}
        self._source = source
        self._target = target
        self._framing = framing
        self._is_verbatim = is_verbatim
        self._keep = keep
        self._losses = losses
        self.dropped = headers.dropped(losses)
        self.unsaid: list[str] = []

    @property
    def lost(self) -> list[str]:
        """As Lane says; a caller's body may have thousands."""
        if not self._losses and not self.unsaid:
            return []
        return [pointer[:_MOST_LETTERS] for pointer in islice(chain(self._losses, self.unsaid), _MOST_LOST)]

    def whole(self, body: bytes) -> tuple[bytes, Usage | None]:
        """As Lane says."""
        if self._is_verbatim:
            return body, self._source.parse_whole(body)
        reply = self._read(body, is_stream=False)
        return msgspec.json.encode(self._target.render_reply(reply, self._framing)), reply.usage

    def _read(self, body: bytes, *, is_stream: bool) -> Reply:
        """The reply, and with it what will be lost of it."""
        reply = self._source.parse_reply(body)
        for choice in reply.choices if self._names else ():
            choice.parts = naming.parts_told_back(choice.parts, self._names)
        if self._keep is not None:
            for choice in reply.choices:
                self._keep(choice.parts)
        if self._lost(reply, is_stream=is_stream):
            self.dropped = headers.dropped([*self._losses, *self.unsaid])
        return reply

    def _lost(self, reply: Reply, *, is_stream: bool = True) -> list[str]:
        """What the caller can't be told of a reply."""
        from routerd.adapters.unsaid import unsaid  # only translation needs it

        found = unsaid(reply, self._source.NAME, self._target.NAME, self._framing, is_stream=is_stream)
        self.unsaid = headers.of_reply(found)
        return self.unsaid

    def replayed(self, body: bytes) -> tuple[bytes, Usage | None]:
        """As Lane says."""
        reply = self._read(body, is_stream=True)
        renderer = self._target.stream_renderer(self._framing)
        return b"".join(map(renderer.render, replay(reply))), reply.usage

    def carrier(self, outlet: Outlet, done: Done, clean: Clean, closing: bytes) -> Carrier:
        """As Lane says."""
        return StreamTranslation(
            outlet,
            done,
            parser=self._source.stream_parser(),
            renderer=self._target.stream_renderer(self._framing),
            is_verbatim=self._is_verbatim,
            clean=clean,
            closing=closing,
            lost=None if self._is_verbatim else self._lost,
            has_comments=self._target.COMMENTS,
            keep=self._keep,
            names=self._names,
        )
