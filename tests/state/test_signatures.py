"""The router remembers what its callers don't send back: within bounds, for them alone, over a restart."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from routerd.chat.parts import Part, Signature, Text, Thinking, ToolCall, ToolResult
from routerd.chat.request import ChatRequest, Message
from routerd.state.database import Database
from routerd.state.signatures import OVERHEAD, PRUNED_EVERY, Signatures
from tests.support.gate import PATIENCE

ME = "me"
SIGNATURE = Signature("anthropic", "signed")


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def reply(number: int, thought: str = "a thought") -> list[Part]:
    return [Thinking(text=f"{thought} {number}", signature=SIGNATURE), ToolCall(id=f"call-{number}", name="look")]


def asked(*numbers: int, thoughts: bool = False) -> ChatRequest:
    """A request whose history has these calls, as a caller sends it who forgets the signatures, or the thoughts too."""
    messages = [Message(role="user", parts=[Text(text="look")])]
    for number in numbers:
        parts: list[Part] = [ToolCall(id=f"call-{number}", name="look")]
        if thoughts:
            parts.insert(0, Thinking(text=f"a thought {number}"))
        messages += [
            Message(role="assistant", parts=parts, at=f"/messages/{len(messages)}"),
            Message(role="user", parts=[ToolResult(id=f"call-{number}", parts=[Text(text="seen")])]),
        ]
    return ChatRequest(dialect="openai_chat", model="m", messages=messages)


def known(signatures: Signatures, scope: str, *numbers: int, family: str = "anthropic") -> list[int]:
    """Those of the replies whose thoughts come back."""
    request = asked(*numbers)
    restored = signatures.restore(scope, request, family)
    assert (restored is request) == (restored == request)
    return [
        number
        for number, message in zip(numbers, restored.messages[1::2], strict=True)
        if any(isinstance(part, Thinking) and part.signature == SIGNATURE for part in message.parts)
    ]


def begin(path: Path, **options: Any) -> tuple[Signatures, Database]:
    """The memory of a new process."""
    database = Database(path)
    signatures = Signatures(database, **options)
    asyncio.run(signatures.load(10.0))
    return signatures, database


def bodies(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM signatures").fetchone()[0])
    finally:
        connection.close()


def test_a_conversation_gets_its_thoughts_back() -> None:
    signatures = Signatures()
    signatures.note(ME, reply(1))
    signatures.note(ME, reply(2))
    restored = signatures.restore(ME, asked(1, 2), "anthropic")
    call_1, call_2 = ToolCall(id="call-1", name="look"), ToolCall(id="call-2", name="look")
    thought_1 = Thinking(text="a thought 1", signature=SIGNATURE, at="/messages/1")
    thought_2 = Thinking(text="a thought 2", signature=SIGNATURE, at="/messages/3")
    assert [message.parts for message in restored.messages[1::2]] == [[thought_1, call_1], [thought_2, call_2]]
    assert restored.messages[::2] == asked(1, 2).messages[::2]


def test_thoughts_alone_tell_a_reply_as_well() -> None:
    signatures = Signatures()
    signatures.note(ME, [Thinking(text="long thoughts\n", signature=SIGNATURE), Text(text="hello")])
    message = Message(role="assistant", parts=[Thinking(text="long thoughts"), Text(text="hello")])
    restored = signatures.restore(ME, ChatRequest(dialect="d", model="m", messages=[message]), "anthropic")
    assert restored.messages[0].parts[0] == Thinking(text="long thoughts\n", signature=SIGNATURE)


def test_text_tells_a_reply_when_nothing_else_does() -> None:
    signatures, signature = Signatures(), Signature("gemini", "signed")
    signatures.note(ME, [Text(text="hello", signature=signature)])
    request = ChatRequest(dialect="d", model="m", messages=[Message(role="assistant", parts=[Text(text="hello")])])
    assert signatures.restore(ME, request, "gemini").messages[0].parts == [Text(text="hello", signature=signature)]
    assert signatures.restore(ME, request, "anthropic") is request
    assert signatures.restore("other", request, "gemini") is request


def test_the_request_is_shared_and_stays_as_it_is() -> None:
    signatures = Signatures()
    signatures.note(ME, reply(1))
    request = asked(1, thoughts=True)
    before = deepcopy(request)
    restored = signatures.restore(ME, request, "anthropic")
    assert request == before and restored != before
    assert signatures.restore(ME, request, "anthropic") == restored
    assert restored.messages[0] is request.messages[0]


@pytest.mark.parametrize(
    ("scope", "family", "numbers"),
    [("other", "anthropic", (1,)), (ME, "gemini", (1,)), (ME, "anthropic", (2,)), (ME, "anthropic", ())],
)
def test_the_very_same_request_comes_back_when_there_is_nothing_to_add(
    scope: str, family: str, numbers: tuple[int, ...]
) -> None:
    signatures = Signatures()
    signatures.note(ME, reply(1))
    assert known(signatures, scope, *numbers, family=family) == []


def test_nobody_is_given_anothers_thoughts() -> None:
    signatures = Signatures()
    signatures.note(ME, reply(1, "mine"))
    signatures.note("other", reply(1, "theirs"))
    mine = signatures.restore(ME, asked(1), "anthropic").messages[1].parts[0]
    theirs = signatures.restore("other", asked(1), "anthropic").messages[1].parts[0]
    assert isinstance(mine, Thinking) and mine.text == "mine 1"
    assert isinstance(theirs, Thinking) and theirs.text == "theirs 1"


def test_the_later_of_two_replies_with_one_id_counts_whichever_goes_first() -> None:
    signatures = Signatures(most=2)
    for number, thought in ((1, "old"), (1, "new"), (2, "other")):
        signatures.note(ME, reply(number, thought))
    part = signatures.restore(ME, asked(1), "anthropic").messages[1].parts[0]
    assert isinstance(part, Thinking) and part.text == "new 1"


class TestBounds:
    def test_the_least_recently_used_go_first(self) -> None:
        signatures = Signatures(most=3)
        for number in (1, 2, 3):
            signatures.note(ME, reply(number))
        assert known(signatures, ME, 1) == [1]
        signatures.note(ME, reply(4))
        assert known(signatures, ME, 1, 2, 3, 4) == [1, 3, 4]
        assert len(signatures) == 3

    def test_long_thoughts_leave_room_for_fewer(self) -> None:
        signatures = Signatures(most_bytes=10 * (OVERHEAD + 1_000))
        for number in range(50):
            signatures.note(ME, reply(number, "x" * 500))
        assert 10 <= len(signatures) < 15
        assert signatures.size <= 10 * (OVERHEAD + 1_000)

    def test_what_would_take_it_all_is_not_kept(self) -> None:
        signatures = Signatures(most_bytes=100_000)
        signatures.note(ME, reply(1))
        signatures.note(ME, reply(2, "x" * 20_000))
        assert known(signatures, ME, 1, 2) == [1]

    def test_an_empty_memory_weighs_nothing(self) -> None:
        signatures = Signatures(most=1)
        for number in range(5):
            signatures.note(f"scope {number}", [Text(text=f"text {number}", signature=SIGNATURE)])
        signatures.note(ME, reply(1))
        signatures.note("last", reply(1))
        assert len(signatures) == 1 and list(signatures._known) == ["last"] and +signatures._with_text == {}

    def test_after_a_week_it_is_forgotten(self, tmp_path: Path) -> None:
        clock = Clock()
        signatures, database = begin(tmp_path / "state.db", kept_for=7 * 86_400.0, now=clock)
        signatures.note(ME, reply(1))
        clock.now += 6 * 86_400.0
        signatures.note(ME, reply(2))
        signatures.prune()
        assert known(signatures, ME, 1, 2) == [1, 2]
        clock.now += 86_401.0
        signatures.prune()
        assert known(signatures, ME, 1, 2) == [2]
        database.close()
        assert bodies(tmp_path / "state.db") == 1

    def test_it_looks_once_an_hour(self) -> None:
        clock = Clock()
        signatures = Signatures(kept_for=1.0, now=clock)
        signatures.prune()
        signatures.note(ME, reply(1))
        clock.now += PRUNED_EVERY - 1
        signatures.prune()
        assert len(signatures) == 1
        clock.now += 1
        signatures.prune()
        assert len(signatures) == 0

    def test_the_table_is_bounded_as_well(self, tmp_path: Path) -> None:
        signatures, database = begin(tmp_path / "state.db", most=80)
        for number in range(100):
            signatures.note(ME, reply(number))
        database.close()
        assert 80 <= bodies(tmp_path / "state.db") <= 90
        again, database = begin(tmp_path / "state.db", most=80)
        assert known(again, ME, *range(100)) == list(range(20, 100))
        database.close()

    def test_the_table_is_bounded_in_bytes(self, tmp_path: Path) -> None:
        most = 20 * (OVERHEAD + 1_200)
        signatures, database = begin(tmp_path / "state.db", most_bytes=most)
        for number in range(100):
            signatures.note(ME, reply(number, "x" * 1_000))
        database.close()
        assert 15 <= bodies(tmp_path / "state.db") <= 24


class TestRestart:
    def test_the_next_process_knows_it_all(self, tmp_path: Path) -> None:
        signatures, database = begin(tmp_path / "state.db")
        for number in range(500):
            signatures.note(ME, reply(number))
        signatures.note("other", reply(1, "theirs"))
        request = asked(*range(500))
        before = signatures.restore(ME, request, "anthropic")
        database.close()
        again, database = begin(tmp_path / "state.db")
        assert len(again) == 501
        assert again.restore(ME, request, "anthropic") == before
        database.close()

    def test_what_is_older_than_a_week_is_not_remembered(self, tmp_path: Path) -> None:
        clock = Clock()
        signatures, database = begin(tmp_path / "state.db", now=clock)
        signatures.note(ME, reply(1))
        database.close()
        clock.now += 8 * 86_400.0
        again, database = begin(tmp_path / "state.db", now=clock)
        assert len(again) == 0
        again.prune()
        database.close()
        assert bodies(tmp_path / "state.db") == 0

    def test_a_smaller_memory_takes_the_newest(self, tmp_path: Path) -> None:
        signatures, database = begin(tmp_path / "state.db")
        for number in range(10):
            signatures.note(ME, reply(number))
        database.close()
        again, database = begin(tmp_path / "state.db", most=3)
        assert len(again) == 3
        again.note(ME, reply(10))
        assert known(again, ME, *range(11)) == [8, 9, 10]
        database.close()

    def test_what_is_noted_before_it_is_loaded_is_the_newer(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        signatures, database = begin(path)
        signatures.note(ME, reply(1, "old"))
        signatures.note(ME, reply(2))
        database.close()
        database = Database(path)
        again = Signatures(database, most=2)
        again.note(ME, reply(1, "new"))
        asyncio.run(again.load(10.0))
        part = again.restore(ME, asked(1), "anthropic").messages[1].parts[0]
        assert isinstance(part, Thinking) and part.text == "new 1"
        assert known(again, ME, 1, 2) == [1, 2]
        database.close()

    def test_of_equal_thoughts_the_later_ones_count_as_before(self, tmp_path: Path) -> None:
        signatures, database = begin(tmp_path / "state.db")
        for number, value in ((1, "old"), (2, "new")):
            thought = Thinking(text="hm", signature=Signature("anthropic", value))
            signatures.note(ME, [thought, ToolCall(id=f"call-{number}", name="look")])
        request = ChatRequest(dialect="d", model="m", messages=[Message(role="assistant", parts=[Thinking(text="hm")])])
        before = signatures.restore(ME, request, "anthropic")
        assert before.messages[0].parts == [Thinking(text="hm", signature=Signature("anthropic", "new"))]
        database.close()
        again, database = begin(tmp_path / "state.db")
        assert again.restore(ME, request, "anthropic") == before
        database.close()

    def test_rows_that_others_wrote_are_passed_over(self, tmp_path: Path) -> None:
        signatures, database = begin(tmp_path / "state.db")
        signatures.note(ME, reply(1))
        for body in (b"", b"{", b'{"thoughts": 1}', b"[]", b"\xff", None, "text", 7):
            database.submit("INSERT INTO signatures (at, scope, body) VALUES (?, ?, ?)", 1.9e9, ME, body)
        database.submit("INSERT INTO signatures (at, scope, body) VALUES (?, ?, ?)", 1.9e9, ME, b"{}")
        database.close()
        again, database = begin(tmp_path / "state.db")
        assert known(again, ME, 1) == [1] and len(again) == 1
        database.close()

    def test_a_broken_file_costs_the_memory_of_the_last_process_only(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        path.write_bytes(b"garbage" * 1_000)
        signatures, database = begin(path)
        signatures.note(ME, reply(1))
        assert known(signatures, ME, 1) == [1]
        database.close()
        again, database = begin(path)
        assert known(again, ME, 1) == [1]
        database.close()

    def test_a_first_start_makes_no_file(self, tmp_path: Path) -> None:
        signatures, database = begin(tmp_path / "data" / "state.db")
        signatures.prune()
        signatures.note(ME, [Text(text="unsigned")])
        database.close()
        assert list(tmp_path.iterdir()) == []

    def test_a_file_that_takes_long_is_not_waited_for(self, tmp_path: Path) -> None:
        path = tmp_path / "state.db"
        signatures, database = begin(path)
        signatures.note(ME, reply(1))
        database.close()
        database = Database(path)
        may_read = threading.Event()

        def wait(rows: list[tuple[Any, ...]]) -> None:
            may_read.wait(PATIENCE)

        database.read("SELECT 1", take=wait)
        again = Signatures(database)

        async def load() -> list[int]:
            await again.load(0.0)
            at_once = known(again, ME, 1)
            may_read.set()
            await again.load(10.0)
            return at_once

        assert asyncio.run(load()) == []
        assert known(again, ME, 1) == [1] and len(again) == 1
        database.close()
