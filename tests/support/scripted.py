"""A provider whose model follows scripts: where a conversation stands is read from the conversation itself.

So a request that is sent again gets the same turn again, on whatever connection and in whatever order requests come,
and a history that is not what was said (a text twice, a call lost, arguments altered) is found out.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence

from tests.support.dialects.base import Dialect, Refused
from tests.support.reply import Reply
from tests.support.script import FIRST_THOUGHT, Asked, Said, Trouble, Turn
from tests.support.upstream import Upstream
from tests.support.wire import Request

Script = Sequence[Turn]


class Scripted(Upstream):
    """Speaks a dialect, and refuses what the vendor's servers refuse.

    `scripts` by a key that stands in the user's words ("" fits all). `troubles` are by the same key; each takes the
    place of one reply, None lets one pass. `complaints` is all that was wrong with requests, by key again ("?" where
    none is known).

    `is_alone`: no other provider takes part, so calls come back with the ids that they went out with, and signatures
    come back at all.
    """

    def __init__(self, dialect: Dialect, scripts: Mapping[str, Script] | None = None, *, is_alone: bool = True) -> None:
        super().__init__(self._play)
        self.dialect = dialect
        self.scripts = dict(scripts or {})
        self.troubles: dict[str, deque[Trouble | None]] = defaultdict(deque)
        self.complaints: dict[str, list[str]] = defaultdict(list)
        self.asked: dict[str, list[Asked]] = defaultdict(list)
        self.is_alone = is_alone

    @property
    def origin(self) -> str:
        """Its address without a path."""
        return f"http://{self.host}:{self.port}"

    @property
    def base_url(self) -> str:
        return self.origin + self.dialect.BASE

    def check(self) -> None:
        super().check()
        assert not self.complaints, dict(self.complaints)

    def _play(self, request: Request) -> Reply:
        if not self.dialect.is_chat(request):
            return self.dialect.aside(request) or self.dialect.error(404, f"Not found: {request.target}")
        try:
            self.dialect.judge(request)
            asked = self.dialect.asked(request)
            key = self._key(asked)
            if key is None:
                return self.dialect.answer(asked, Turn("All right."), "aside")
            self.asked[key].append(asked)
            turn = self._turn(key, asked)
        except Refused as refused:
            return self._complain(request, str(refused))
        seed = f"{key}/{len(asked.said)}"
        trouble = self.troubles[key].popleft() if self.troubles[key] else None
        if trouble is not None:
            return self.dialect.misbehave(asked, trouble, turn, seed)
        return self.dialect.answer(asked, turn, seed)

    def _complain(self, request: Request, message: str) -> Reply:
        text = request.body.decode(errors="replace")
        self.complaints[next((key for key in self.scripts if key in text), "?")].append(message)
        return self.dialect.error(400, message)

    def _key(self, asked: Asked) -> str | None:
        """The script that is meant. Agents also ask for titles and such, and offer no tools then."""
        for key, script in self.scripts.items():
            if key in asked.prompt and (asked.tools or not any(turn.calls for turn in script)):
                return key
        return None

    def _turn(self, key: str, asked: Asked) -> Turn:
        script, said = self.scripts[key], asked.said
        if len(said) >= len(script):
            raise Refused(f"turn {len(said) + 1} of {len(script)} is asked for")
        for number, (turn, told) in enumerate(zip(script, said, strict=False)):
            self._same(turn, told, f"{key}/{number}")
            if self.is_alone:
                self._ours(asked, turn, told, f"{key}/{number}")
        return script[len(said)]

    def _same(self, turn: Turn, told: Said, seed: str) -> None:
        """The history tells this turn as it was said."""
        if turn.text.strip() != told.text.strip():
            raise Refused(f"{seed}: said was {turn.text!r}, told is {told.text!r}")
        if told.thinking and told.thinking.strip() != (turn.thinking.strip() or FIRST_THOUGHT):
            raise Refused(f"{seed}: thought was {turn.thinking!r}, told is {told.thinking!r}")
        meant = [(call.name, json.loads(call.text)) for call in turn.calls]
        heard = [(call.name, json.loads(call.text)) for call in told.calls]
        if meant != heard:
            raise Refused(f"{seed}: called was {meant}, told is {heard}")

    def _ours(self, asked: Asked, turn: Turn, told: Said, seed: str) -> None:
        """The history tells it as this provider said it."""
        ids = [self.dialect.call_id(seed, number) for number in range(len(turn.calls))]
        if all(ids) and ids != [call.id for call in told.calls]:
            raise Refused(f"{seed}: the ids were {ids}, told are {[call.id for call in told.calls]}")
        if self.dialect.signs(asked, turn) and not told.signatures:
            raise Refused(f"{seed}: no signature came back")
