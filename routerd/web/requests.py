"""What has been asked of the data plane: the latest requests, one with its attempts, and numbers over time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from quart import Response, request

from routerd.gently import gently
from routerd.management import Management
from routerd.state.asking import Unanswered
from routerd.state.ledger import Entry
from routerd.state.requests import Asked, Requests, prepare
from routerd.state.series import Series
from routerd.web.answers import answer, number_in_query
from routerd.web.operations import Operation, Query
from routerd.web.problems import ApiError
from routerd.web.shapes import Time

MOST = 500
USUAL = 50
LONGEST = 45 * 24 * 60  # minutes
_STATUS = re.compile(r"[1-5](?:\d\d|xx)|ok|error")
_LARGEST_ROW = 2**53

_QUERY = (
    Query("limit", f"How many at most, up to {MOST}; {USUAL} when left out.", int, least=1, most=MOST),
    Query("before", "Only those before this `number`: the next page.", int, least=1, most=_LARGEST_ROW),
    Query("route", "Only those of this route."),
    Query("provider", "Only those that this provider answered last."),
    Query("client", "Only those of this client."),
    Query("status", "Only those with this status: a number, `4xx` and its like, `ok` or `error`."),
)
_MINUTES = Query("minutes", f"How far back, up to {LONGEST}; an hour when left out.", int, least=1, most=LONGEST)

Dollars = Annotated[float | None, Meta(description="US dollars; null: the price or the tokens are not known.")]
_Result = TypeVar("_Result")


class _Facts(msgspec.Struct, kw_only=True):
    at: Annotated[Time, Meta(description="When it ended.")]
    provider: str | None
    model: str | None
    status: Annotated[int | None, Meta(description="What the caller gets for it; 499: it has gone.")]
    error: Annotated[str | None, Meta(description="The kind of the error, or `cancelled`.")]
    ttft_ms: Annotated[int | None, Meta(description="To the first content of a stream.")]
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    cache_write_tokens: int | None
    cost: Dollars


class AttemptMade(_Facts, kw_only=True):
    """One request that was sent to a provider."""

    attempt: Annotated[int, Meta(description="Which of the request's, from 1.")]
    upstream_status: Annotated[int | None, Meta(description="What the provider answered.")]
    duration_ms: int | None
    dropped: Annotated[list[str], Meta(description="What could not be said, as in `x-routerd-dropped`; the first 64.")]


class RequestMade(_Facts, kw_only=True):
    """One request of a caller, and how it ended. Tokens and cost are those of its last attempt."""

    number: Annotated[int, Meta(description="Its place in the ledger, for `before`.")]
    id: str
    client: str | None
    route: str | None
    stream: bool
    attempt_count: Annotated[int, Meta(description="0: it was refused before any.")]
    duration_ms: Annotated[int | None, Meta(description="From the first attempt to the end.")]
    config: Annotated[str | None, Meta(description="The first digits of the config's digest.")]
    retry_count: Annotated[int | None, Meta(description="How often the caller's SDK had sent it before.")]
    trace: Annotated[str | None, Meta(description="The trace it belongs to, as its `traceparent` says.")]


class RequestInFull(RequestMade, kw_only=True):
    """One request of a caller, with every attempt in order."""

    attempts: list[AttemptMade]


class RequestsApi:
    """The handlers; they run behind the guard."""

    def __init__(self, management: Management) -> None:
        self._requests = Requests(management.ledger, management.database)
        self._is_loaded = False

    def operations(self) -> Sequence[Operation]:
        """One row for each path."""
        problems = ("invalid_request", "ledger_unanswered")
        return (
            Operation(
                "GET", "/api/requests", self.latest, "The latest requests, newest first.",
                gives=list[RequestMade], query=_QUERY, problems=problems,
            ),
            Operation(
                "GET", "/api/requests/{id}", self.one, "One request, with all its attempts.",
                gives=RequestInFull, problems=("not_found", "ledger_unanswered"),
            ),
            Operation(
                "GET", "/api/stats/series", self.series, "Requests, errors, durations, tokens and cost over time.",
                gives=Series, query=(_MINUTES,), problems=problems,
            ),
        )  # fmt: skip

    async def latest(self) -> Response:
        """The latest requests that fit."""
        status = request.args.get("status")
        if status is not None and not _STATUS.fullmatch(status):
            raise ApiError("invalid_request", "`status` must be a number, `4xx` or its like, `ok` or `error`.")
        asked = Asked(
            number_in_query("limit", USUAL, MOST),
            _row_in_query("before"),
            request.args.get("route"),
            request.args.get("provider"),
            request.args.get("client"),
            status,
        )
        return answer(list(map(_shown, await self._asked(self._requests.latest(asked)))))

    async def one(self, id: str) -> Response:
        """One of them."""
        found = await self._asked(self._requests.one(id))
        if found is None:
            raise ApiError("not_found", f"There is no request `{id[:128]}` in the ledger.")
        return answer(_shown(found.end) | {"attempts": [_of_shape(AttemptMade, row) for row in found.attempts]})

    async def series(self) -> Response:
        """Numbers over time."""
        return answer(await self._asked(self._requests.series(number_in_query("minutes", 60, LONGEST))))

    async def _asked(self, question: Awaitable[_Result]) -> _Result:
        if not self._is_loaded:
            with gently():
                await asyncio.to_thread(prepare)
            self._is_loaded = True
        try:
            return await question
        except Unanswered as error:
            raise ApiError("ledger_unanswered", f"{str(error).capitalize()}.") from None


def _row_in_query(name: str) -> int | None:
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= len(text) <= 16 and 1 <= int(text) <= _LARGEST_ROW):
        raise ApiError("invalid_request", f"`{name}` must be the number of a request.")
    return int(text)


def _shown(row: Entry) -> dict[str, Any]:
    named = {
        "number": row["id"],
        "id": row["request_id"],
        "attempt_count": row["attempt"] if row["attempts"] is None else row["attempts"],
        "duration_ms": row["duration_ms"] if row["total_ms"] is None else row["total_ms"],
    }
    return _of_shape(RequestMade, row | named)


def _of_shape(shape: type[msgspec.Struct], row: Entry) -> dict[str, Any]:
    return {name: row[name] for name in shape.__struct_fields__}
