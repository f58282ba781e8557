"""One request on its way: what its attempts share, and the caller's end of it."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter, time
from typing import Any

from routerd.adapters.base import Adapter, Framing
from routerd.chat.reply import Usage
from routerd.errors import RouterError
from routerd.proxy import headers, rendering
from routerd.proxy.attempt import Attempt
from routerd.proxy.carrier import Carrier
from routerd.proxy.door import Outlet
from routerd.proxy.inbound import Inbound
from routerd.proxy.lanes import Done, Lane
from routerd.proxy.services import Services
from routerd.routing import lookup
from routerd.routing.modes import Plan, Step
from routerd.routing.planner import Planner
from routerd.routing.walk import Walk
from routerd.snapshot import Route, Snapshot, Target

# The upstream says best itself what is wrong with the request, and our end is ours; of other failures we say whose.
_OWN_WORDS = frozenset({"upstream_rejected", "context_length", "shutting_down"})


class Journey:
    """Opened: the caller's stream has its head. Committed: the first content has gone to the caller."""

    __slots__ = (
        "_added", "_attempt", "_attempts", "_began", "_carrier", "_committed_at", "_dialect", "_is_open", "_is_stream",
        "_lane", "_outlet", "_request", "_request_id", "_route", "_services", "_snapshot", "_spoke_at", "_target",
        "_usage",
    )  # fmt: skip

    def __init__(
        self, request_id: str, dialect: Adapter, snapshot: Snapshot, outlet: Outlet, services: Services
    ) -> None:
        self._request_id = request_id
        self._dialect = dialect  # the caller's
        self._snapshot = snapshot
        self._outlet = outlet
        self._services = services
        self._request: Inbound  # once it is read
        self._is_stream = False
        self._route: Route | None = None
        self._target: Target | None = None  # of the last attempt
        self._attempt: Attempt | None = None  # under way
        self._attempts = 0
        self._lane: Lane  # of the last attempt
        self._carrier: Carrier | None = None
        self._usage: Usage | None = None
        self._is_open = False
        self._spoke_at = services.now()
        self._began = perf_counter()  # since when it is us who work on it
        self._added = 0.0  # seconds that we worked
        self._committed_at: float | None = None

    # The plan and its attempts

    def take(self, request: Inbound) -> None:
        """The request has been read."""
        self._request = request
        self._is_stream = request.is_stream

    def through(self, kind: Callable[[Outlet], Outlet]) -> None:
        """Answer through an outlet of this kind before the door's own."""
        self._outlet = kind(self._outlet)

    def walk(self) -> Walk:
        """Set out on the plan. Raises as `plan` does."""
        made = self.plan()
        self._services.counters.advance(made)
        return Walk(made, self._services.counters, self._services.rng.random)

    def plan(self) -> Plan:
        """Make the plan. Raises RouterError: unknown_model, forbidden, no_target or rate_limited."""
        request, counters = self._request, self._services.counters
        resolution = self._resolve(request)
        route = self._route = resolution.route
        planner = self._snapshot.memo.get(Planner) or self._snapshot.remember(Planner, Planner())
        affinity = None if route.affinity == "none" else request.affinity(route.affinity)
        return planner.plan(route, resolution.hint, counters, self._services.now(), affinity)

    def _resolve(self, request: Inbound) -> lookup.Resolution:
        found: lookup.Resolution | None = self._snapshot.memo.get(request.model)
        if found is None:
            found = lookup.find(request.model, self._snapshot)
            if found is None:
                raise lookup.unknown(request.model, self._snapshot, request.caller.routes)
            self._snapshot.remember(request.model, found)
        lookup.allowed(found, request.caller.routes)
        return found

    def begin(self, step: Step, walk: Walk) -> Attempt | None:
        """The next attempt, rendered afresh so that every attempt says the same; None: the target can't be told it."""
        target, services = step.target, self._services
        on_loss = self._route.on_loss if self._route is not None else "warn"
        try:
            attempt, self._lane = rendering.begin(self._request, target, on_loss, self._request_id, services)
        except RouterError as error:
            walk.passed_over(error)
            return None
        self._attempt, self._target = attempt, target
        if not self._attempts:
            self._added = perf_counter() - self._began
        self._attempts += 1
        services.counters.begin(target, attempt.started)
        return attempt

    def settle(self, attempt: Attempt, error: RouterError | None) -> None:
        """An attempt has ended, with `error` or well."""
        self._attempt = None
        now = self._services.now()
        if error is not None:
            self._sign(error, attempt.target)
        self._services.counters.settle(attempt.target, error, attempt.started, now)
        self._note(attempt, now, error.kind if error else None, error.upstream_status if error else 200)

    def abandon(self, attempt: Attempt, kind: str) -> None:
        """The caller has gone, or we have erred: the upstream is closed at once, and nobody's health changes.

        Some callers go as soon as they have heard the last word. Nothing was cut short then.
        """
        self._attempt = None
        attempt.close()
        carrier = self._carrier
        if carrier is not None:
            carrier.close()
            if carrier.is_told:
                self._usage = carrier.usage
                return self.settle(attempt, None)
        self._services.counters.release(attempt.target, attempt.started)
        self._note(attempt, self._services.now(), kind, None)

    def left(self) -> None:
        """The caller has gone between two attempts."""
        self._note_end("cancelled", None)

    # The answer

    async def carry(self, attempt: Attempt) -> RouterError | None:
        """Give the answer to the caller; return what broke it off after the commit, if anything did.

        Raises RouterError when there is nothing in it that a caller could be given.
        """
        self._began = perf_counter()
        if not 200 <= attempt.status < 300:
            raise attempt.target.provider.dialect.parse_error(attempt.status, attempt.headers, attempt.take())
        if attempt.streams:
            return await self._stream(attempt)
        if self._is_stream:
            said, self._usage = self._lane.replayed(attempt.take())
            self._start(attempt, said)
            self._outlet.end(self._closing())
        else:
            said, self._usage = self._lane.whole(attempt.take())
            self._outlet.whole(200, self._head(headers.JSON, attempt), said)
            self._added += perf_counter() - self._began
        return None

    async def _stream(self, attempt: Attempt) -> RouterError | None:
        services = self._services
        done: Done = services.loop.create_future()
        clean = services.log.redactor.clean
        carrier = self._carrier = self._lane.carrier(self._outlet, done, clean, self._closing())
        services.counters.proved(attempt.target, attempt.started)
        carrier.start(attempt, lambda data: self._start(attempt, data))
        failure = await done
        self._usage = carrier.usage
        return failure

    def _start(self, attempt: Attempt, data: bytes) -> None:
        """Commit a stream with its first bytes."""
        self._committed_at = self._services.now()
        if not self._is_open:
            self._is_open = True
            self._outlet.start(200, self._head(headers.STREAM, attempt), data)
        elif data:
            self._outlet.write(data)
        self._added += perf_counter() - self._began

    def whole(self, body: bytes, target: Target | None = None, more: bytes = b"") -> None:
        """Answer 200 with a body that no attempt brought; `more` are header lines."""
        self._target = target
        lines = headers.JSON + headers.identity(self._request_id) + self._way() + more
        self._outlet.whole(200, lines, body)

    def fail(self, error: RouterError) -> None:
        """Tell the caller, in its dialect: with a status, or in-band once the stream is open."""
        status = self._dialect.error_status(error)
        if self._attempts == 0:
            services = self._services
            services.log.info(
                "refused", request_id=self._request_id, kind=error.kind, status=status, message=error.message
            )
        if self._committed_at is None:  # else the attempt was the end
            self._note_end(error.kind, status)
        if self._is_open:
            said = self._dialect.stream_renderer(Framing(self._request_id, int(time()))).fail(error)
            return self._outlet.end(said + self._closing(), close=True)
        lines = headers.JSON + headers.identity(self._request_id) + self._way() + headers.of_error(error)
        self._outlet.whole(status, lines, self._dialect.render_error(error))

    def stop(self) -> None:
        """Our time is over: tell the caller, as `fail` does."""
        error = RouterError("shutting_down", "routerd is shutting down: send the request again.")
        if self._carrier is not None:
            self._carrier.fail(error)
        elif self._attempt is not None:
            self._attempt.fail(error)

    # Once a second

    def tick(self, now: float) -> None:
        """End what has been silent for too long; let a caller that waits hear that we are still there."""
        attempt = self._attempt
        if attempt is not None:
            timeouts = attempt.target.provider.timeouts
            if self._carrier is not None:
                self._carrier.tick(now, timeouts.idle)
            else:
                attempt.tick(now, timeouts)
        if self._is_stream and self._dialect.KEEP_ALIVE and self._is_silent(now):
            self._spoke_at = now
            self._speak()

    def _is_silent(self, now: float) -> bool:
        patience = self._services.open_after
        if self._carrier is not None and (self._carrier.silent(now) < patience or self._carrier.done.done()):
            return False
        return now - self._spoke_at >= patience

    def _speak(self) -> None:
        if self._is_open:
            return self._outlet.write(self._dialect.KEEP_ALIVE)
        self._is_open = True
        known = headers.way(self._snapshot, self._route, None, 0)
        lines = headers.STREAM + headers.identity(self._request_id) + known
        self._outlet.start(200, lines, self._dialect.KEEP_ALIVE)

    # What is told about it

    def _head(self, kind: bytes, attempt: Attempt) -> bytes:
        own = headers.identity(self._request_id)
        return b"".join((kind, own, self._way(), self._lane.dropped, *headers.passed(attempt.headers)))

    def _way(self) -> bytes:
        return headers.way(self._snapshot, self._route, self._target, self._attempts)

    def _closing(self) -> bytes:
        """What a stream that was opened early could not say in its head."""
        if not self._is_open or self._route is None or not self._dialect.COMMENTS:
            return b""
        facts = headers.way(self._snapshot, self._route, self._target, self._attempts)
        if self._attempts:
            facts += self._lane.dropped
        return b": %b\n\n" % facts.strip().replace(b"\r\n", b", ")

    def _sign(self, error: RouterError, target: Target) -> None:
        if error.kind not in _OWN_WORDS:
            error.message = f"{target.provider.name}: {error.message}"
        error.clean(self._services.log.redactor.clean)

    def _note(self, attempt: Attempt, now: float, kind: str | None, status: int | None) -> None:
        """One log line for every attempt. It holds no prompt, no reply and no key."""
        request, target, usage, first = self._request, attempt.target, self._usage, self._committed_at
        services = self._services
        entry: dict[str, Any] = {
            "time": time(),
            "level": "info" if kind is None or kind == "cancelled" else "warning",
            "event": "attempt",
            "request_id": self._request_id,
            "client": request.caller.name,
            "route": self._route.name if self._route else None,
            "provider": target.provider.name,
            "model": target.model,
            "attempt": self._attempts,
            "status": status,
            "error": kind,
            "stream": request.is_stream,
            "ttft_ms": None if first is None else int(1000 * (first - attempt.started)),
            "duration_ms": int(1000 * (now - attempt.started)),
            "prompt_tokens": usage.prompt if usage else None,
            "completion_tokens": usage.completion if usage else None,
            "cached_tokens": usage.cached if usage else None,
            "reasoning_tokens": usage.reasoning if usage else None,
            "cache_write_tokens": usage.cache_write if usage else None,
            "config": self._snapshot.digest[:12],
            "overhead_us": int(1e6 * self._added),
            "retry_count": None,
            "trace": None,
        }
        if not headers.TOLD.isdisjoint(request.head.fields):
            entry |= headers.told(request.head.fields)
        if lost := self._lane.lost:
            entry["dropped"] = lost
        services.log.put(entry)
        services.ledger.note(entry)

    def _note_end(self, kind: str, status: int | None) -> None:
        """How the request ended for its caller, whom no attempt could answer."""
        target = self._target
        request: Inbound | None = getattr(self, "_request", None)
        self._services.ledger.note({
            "time": time(),
            "event": "failed" if self._attempts else "refused",
            "request_id": self._request_id,
            "client": request.caller.name if request else None,
            "route": self._route.name if self._route else None,
            "provider": target.provider.name if target else None,
            "model": target.model if target else None,
            "attempts": self._attempts,
            "status": status,
            "error": kind,
            "stream": self._is_stream,
            "config": self._snapshot.digest[:12],
        })
