"""Different dialects: a stream is parsed into events, and each event is written as the caller's dialect has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from routerd.adapters import sse
from routerd.adapters.base import StreamParser, StreamRenderer
from routerd.chat import naming
from routerd.chat.events import ChoiceEnded, Collector, Event, ReplyEnded, ReplyFailed
from routerd.chat.parts import Part
from routerd.chat.reply import Reply
from routerd.errors import RouterError
from routerd.proxy import headers
from routerd.proxy.attempt import MAX_EVENT
from routerd.proxy.carrier import Carrier
from routerd.proxy.door import Outlet


class StreamTranslation(Carrier):
    """Carries a stream through its events.

    `is_verbatim`: both sides speak the same dialect, so the bytes pass as they came, in whole events, and the parser
    only watches for the end, the usage and what went wrong. `lost` tells what of the reply the caller's dialect has no
    place for; where the dialect has comments, one at the end names it. `keep` is given the parts of an answer
    before it is said to be whole. `names` are tools' names as the provider knows them → as the caller does.
    """

    __slots__ = (
        "_carry", "_collector", "_has_comments", "_is_verbatim", "_keep", "_lost", "_names", "_parser", "_renderer",
    )  # fmt: skip

    def __init__(
        self,
        outlet: Outlet,
        done: asyncio.Future[RouterError | None],
        *,
        parser: StreamParser,
        renderer: StreamRenderer,
        is_verbatim: bool,
        clean: Callable[[str], str],
        closing: bytes = b"",
        lost: Callable[[Reply], list[str]] | None = None,
        has_comments: bool = True,
        keep: Callable[[Sequence[Part]], None] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(outlet, done, clean=clean, closing=closing)
        self._keep = keep
        self._names = names or {}
        self._lost = lost
        self._has_comments = has_comments
        self._parser = parser
        self._renderer = renderer
        self._is_verbatim = is_verbatim
        self._carry = b""
        self._collector = Collector()

    def _first(self, held: bytes) -> bytes:
        return self._pass(held)

    def _end(self, rest: bytes) -> None:
        if self._lost is not None and not self.done.done():
            found = self._lost(self._collector.reply)
            if found and self._has_comments:
                self._closing = b": %b\n\n%b" % (headers.dropped(found).strip(), self._closing)
        super()._end(rest)

    def _said(self, error: RouterError) -> bytes:
        error.clean(self._clean)
        return self._renderer.fail(error)

    # Sink

    def on_data(self, data: bytes) -> None:
        self._heard = True
        if self._saw_end:
            return  # some say more after their last word; no client wants to hear it
        said = self._pass(data)
        if self._failure is not None:
            self.close()
            self._end(said)
        elif said:
            self._outlet.write(said)

    def on_end(self) -> None:
        rest = b"" if self._failure else self._finish()
        if self._failure is None and not self._saw_end:
            self._failure = RouterError("upstream_garbled", "the stream ended without a finish")
            rest += self._said(self._failure)
        self._end(rest)

    def _finish(self) -> bytes:
        """The events of what came without its blank line, and those that only the end brings."""
        rest = self._pass(b"\n\n") if self._carry else b""
        if self._failure is not None or self._saw_end:
            return rest
        if not self._is_verbatim:
            return rest + self._say(self._parser.end())
        return rest + self._note_all(self._parser.end())

    # Event by event

    def _pass(self, data: bytes) -> bytes:
        return self._watch(data) if self._is_verbatim else self._say(self._parser.feed(data))

    def _say(self, events: list[Event]) -> bytes:
        """What the events are in the caller's dialect. The last one of a stream that broke off sets the failure."""
        said = []
        for event in naming.told_back(events, self._names) if self._names else events:
            self._note(event)
            if self._failure is not None:
                said.append(self._said(self._failure))
                break
            said.append(self._renderer.render(event))
        return b"".join(said)

    def _note(self, event: Event) -> None:
        if type(event) is ReplyFailed:
            self._failure = event.error
            return
        self._collector.add(event)
        if type(event) is ChoiceEnded and self._keep is not None:
            self._keep(self._collector.reply.choices[event.choice].parts)
        elif type(event) is ReplyEnded:
            self._saw_end = True
            self.usage = self._collector.reply.usage

    def _watch(self, data: bytes) -> bytes:
        """The bytes that leave as they are: whole events, up to the one that tells a failure."""
        block = self._carry + data if self._carry else data
        end = sse.whole_events(block)
        self._carry, block = block[end:], block[:end]
        if len(self._carry) > MAX_EVENT:
            self._failure = RouterError("upstream_garbled", "sent an event of more than 16 MiB")
            return self._said(self._failure)
        passed = []
        for event in sse.split_events(block):
            told = self._note_all(self._parser.feed(event))
            if self._failure is not None:
                passed.append(told)
                break
            passed.append(event)
        return b"".join(passed)

    def _note_all(self, events: Iterable[Event]) -> bytes:
        """Take note of the events; what the caller is told where one of them is a failure."""
        for event in events:
            self._note(event)
        return b"" if self._failure is None else self._said(self._failure)
