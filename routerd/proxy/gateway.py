"""What both doors call: who may, which endpoint, and an answer in the caller's dialect whatever happens."""

from __future__ import annotations

import re
import secrets
from itertools import count

import msgspec

from routerd.access import ANONYMOUS, Caller, identify
from routerd.adapters import openai_chat
from routerd.errors import RouterError, problem
from routerd.proxy import endpoints, headers, heads
from routerd.proxy.door import Head, Outlet
from routerd.proxy.endpoints import Endpoint
from routerd.proxy.journey import Journey
from routerd.proxy.services import Services
from routerd.snapshot import Snapshot, changed_accounts

_OWN_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class Admitted:
    """A request that may go on, with the snapshot that it borrows."""

    __slots__ = ("caller", "endpoint", "head", "request_id", "snapshot")

    def __init__(self, endpoint: Endpoint, head: Head, caller: Caller, snapshot: Snapshot, request_id: str) -> None:
        self.endpoint = endpoint
        self.head = head
        self.caller = caller
        self.snapshot = snapshot
        self.request_id = request_id

    @property
    def max_body(self) -> int:
        return self.snapshot.max_body


class Gateway:
    """Answers `/v1` with whatever snapshot is current when a request comes in."""

    def __init__(self, services: Services, snapshot: Snapshot, admin_digest: bytes | None = None) -> None:
        self.current = snapshot
        self._services = services
        self._admin_digest = admin_digest
        self._ids = count(1)
        self._prefix = f"req_{secrets.token_hex(6)}"

    def adopt(self, snapshot: Snapshot) -> None:
        """Serve `snapshot` from now on; requests under way finish on the one they borrowed."""
        before, self.current = self.current, snapshot
        self._services.upstreams.forget()
        for name in changed_accounts(before, snapshot):
            self._services.counters.forget(name, self._services.now())

    def admit(self, head: Head) -> Admitted:
        """Judge path, method, credentials and headers. Raises RouterError."""
        snapshot = self.current
        own = head.fields.get(b"x-request-id")
        request_id = own.decode() if own and _OWN_ID.fullmatch(own) else self._next_id()
        if head.judged is None or head.judged[0] is not snapshot:
            try:
                head.judged = (snapshot, *self._judge(head, snapshot))
            except RouterError as error:
                error.request_id = request_id
                raise
        _, endpoint, caller = head.judged
        return Admitted(endpoint, head, caller, snapshot, request_id)

    def _judge(self, head: Head, snapshot: Snapshot) -> tuple[Endpoint, Caller]:
        endpoint = endpoints.find(head)
        caller = identify(head, snapshot, self._admin_digest)
        if head.method == "POST":
            _check_media(head, caller)
        return endpoint, caller

    async def answer(self, admitted: Admitted, body: bytes | bytearray, outlet: Outlet) -> None:
        """Answer through `outlet`. Raises nothing but CancelledError: the caller has gone."""
        services = self._services
        endpoint = admitted.endpoint
        journey = Journey(admitted.request_id, endpoint.dialect, admitted.snapshot, outlet, services)
        services.under_way.add(journey)
        try:
            if endpoint.dialect is not openai_chat:
                await services.prepare()
            await endpoint.answer(services, admitted, body, journey)
        except RouterError as error:
            journey.fail(error)
            error.__traceback__ = None  # its frames hold the prompt, and are held by it until a late collection
        except Exception as error:
            services.loop.call_exception_handler({"message": admitted.request_id, "exception": error})
            journey.fail(RouterError("internal", f"Internal error (request {admitted.request_id})."))
        finally:
            services.under_way.discard(journey)

    def stop(self) -> int:
        """Tell every caller who still waits that we shut down; returns how many there are."""
        under_way = list(self._services.under_way)
        for journey in under_way:
            journey.stop()
        return len(under_way)

    def refusal(self, error: RouterError, path: str) -> tuple[int, bytes, bytes]:
        """Status, head lines and body that say `error` in the dialect that `path` speaks."""
        identity = headers.identity(error.request_id or self._next_id())
        if path.startswith("/") and not heads.is_v1(path):  # else not even a path could be read
            said = problem(error.status, error.kind, error.message)
            return error.status, headers.PROBLEM + identity, msgspec.json.encode(said)
        dialect = endpoints.dialect_of(path)
        status = dialect.error_status(error)
        self._services.ledger.refuse(error.kind, status)
        known = identity + headers.way(self.current, None, None, 0)
        lines = headers.JSON + known + headers.of_error(error)
        return status, lines, dialect.render_error(error)

    def _next_id(self) -> str:
        return f"{self._prefix}{next(self._ids)}"


def _check_media(head: Head, caller: Caller) -> None:
    encoding = head.fields.get(b"content-encoding")
    if encoding is not None and encoding.lower() != b"identity":
        raise RouterError("unsupported_media", "The body must not be compressed.")
    # a form or a text is what a foreign web page may send without asking; a client with a key has shown who it is
    if caller is ANONYMOUS and _media(head) != b"application/json":
        raise RouterError("unsupported_media", "The content type must be application/json.")


def _media(head: Head) -> bytes:
    return (head.fields.get(b"content-type") or b"").partition(b";")[0].strip().lower()
