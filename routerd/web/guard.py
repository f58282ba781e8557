"""Who may come in where routerd is managed: the rules of `access`, and whose a socket on this machine is."""

from __future__ import annotations

import asyncio
import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from quart import Response, current_app, g, request

from routerd.access import Admin, Local, Role, administer, is_loopback_address
from routerd.errors import RouterError
from routerd.management import Management
from routerd.proxy.door import Head
from routerd.web.operations import Needs, Operation
from routerd.web.problems import ApiError, show

_GUARDED = ("/api/", "/metrics/", "/docs/")
_ALONE = frozenset({"/api", "/metrics", "/docs", "/openapi.json"})
_READS = frozenset({"GET", "HEAD"})
_ESTABLISHED = b"01"
_TABLES = {4: "/proc/net/tcp", 6: "/proc/net/tcp6"}
_MEDIA = frozenset({"application/json", "application/merge-patch+json"})


class Guard:
    """Lets a request pass to `/api` and its like, or answers it."""

    def __init__(self, management: Management) -> None:
        self._management = management

    async def intercept(self) -> Response | None:
        """The refusal, or None; then `g.admin` says who asks."""
        operations: Mapping[str, Operation] = current_app.extensions["operations"]
        row = operations.get(request.endpoint or "")
        needs = needed(row, request.method, request.path, is_found=request.url_rule is not None)
        if needs == "nobody":
            return None
        try:
            g.admin = await self._admit(cast("dict[str, Any]", request.scope), needs)
            _check_media()
        except RouterError as error:
            refusal = show(ApiError(error.kind, error.message))
            if row is None or row.doorstep is None or error.kind != "unauthorized" or not _wants_a_page():
                return refusal
            page = await row.doorstep()
            page.status_code = refusal.status_code
            page.headers["WWW-Authenticate"] = refusal.headers["WWW-Authenticate"]
            return page
        return None

    async def _admit(self, scope: dict[str, Any], needs: Role) -> Admin:
        head = _head(scope)
        server = scope.get("server")
        is_ours = _might_be_local(head, scope) and await _is_ours(scope)
        local = Local(server[1] if server else None, is_ours)
        management = self._management
        writes = request.method not in _READS
        return administer(head, management.rules(), management.admin_digest, local, writes=writes, needs=needs)


def needed(row: Operation | None, method: str, path: str, *, is_found: bool) -> Needs:
    """The least role that may ask for this; `row` is what answers it, `is_found` says whether anything does.

    What no row declares is closed, and so is what is not there below the paths that manage: whoever may not come in
    does not learn what there is.
    """
    usual: Role = "viewer" if method in _READS else "editor"
    if row is None:
        return usual if is_found or is_below(path) else "nobody"
    if row.needs == "nobody":
        return usual if is_below(path) and not is_below(row.path) else "nobody"
    return row.needs


def is_below(path: str) -> bool:
    """Whether a path is one of those that manage, or would be if it were there."""
    return path in _ALONE or path.startswith(_GUARDED)


def _head(scope: dict[str, Any]) -> Head:
    client = scope.get("client")
    headers = [(bytes(name), bytes(value)) for name, value in scope["headers"]]
    # Only our edge knows what its socket is bound to: on another server the token is always needed.
    listener = bool((scope.get("state") or {}).get("listener_is_loopback", False))
    peer = client is not None and is_loopback_address(client[0])
    return Head(scope["method"], scope["path"], scope["query_string"], headers, peer, listener)


def _might_be_local(head: Head, scope: Mapping[str, Any]) -> bool:
    # nginx speaks HTTP/1.0 when nobody told it otherwise, and then says nothing of those whom it lets in either.
    if scope["http_version"] == "1.0":
        return False
    return head.peer_is_loopback and head.listener_is_loopback and head.get(b"authorization") is None


def _wants_a_page() -> bool:
    """Whether it is a browser that asks, and for something to look at."""
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def _check_media() -> None:
    """A body is JSON: what a web page may send elsewhere without asking is none."""
    has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    if request.method in _READS or not has_body or request.headers.get("content-length") == "0":
        return
    if (request.mimetype or "").lower() not in _MEDIA:
        raise RouterError("unsupported_media", "The content type must be application/json.")


async def _is_ours(scope: dict[str, Any]) -> bool:
    """Whether the caller's socket belongs to the user that we run as, or to root. In doubt it does not."""
    client, server = scope.get("client"), scope.get("server")
    if not client or not server:
        return False
    owner = await asyncio.to_thread(owner_of, (client[0], client[1]), (server[0], server[1]))
    return owner is not None and owner in (0, os.getuid())


def owner_of(local: tuple[str, int], remote: tuple[str, int], tables: dict[int, str] | None = None) -> int | None:
    """The user whose socket goes from `local` to `remote`; None where it can't be told. Blocks.

    Only an established connection tells: of one that has been closed the kernel says root.
    https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
    """
    try:
        wanted = b": %b %b %b " % (_address(*local), _address(*remote), _ESTABLISHED)
        version = ipaddress.ip_address(local[0]).version
        _, found, rest = Path((tables or _TABLES)[version]).read_bytes().partition(wanted)
    except (OSError, ValueError):
        return None
    return int(rest.split(maxsplit=4)[3]) if found else None


def _address(host: str, port: int) -> bytes:
    """An address as the kernel's tables have it: words in the machine's own order, then the port."""
    packed = ipaddress.ip_address(host).packed
    words = [packed[at : at + 4] for at in range(0, len(packed), 4)]
    digits = "".join(f"{int.from_bytes(word, 'little'):08X}" for word in words)
    return f"{digits}:{port:04X}".encode()
