"""What the head of a request must look like before either door believes a word of it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from routerd.errors import RouterError

MAX_HEAD = 16 * 1024  # bytes of request line and headers

Headers = list[tuple[bytes, bytes]]

# RFC 9112 3.2: whoever forwards by Host must not be told two stories, so nothing but a name and a port gets in.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(/[^?#]*)?(\?[^#]*)?", re.IGNORECASE)
_FORBIDDEN = re.compile(rb"[\x00\r\n]")


class Target(NamedTuple):
    """The request target taken apart; `authority` is None unless it was an absolute URI."""

    path: str  # percent-decoded
    raw_path: bytes
    query: bytes
    authority: bytes | None
    is_v1: bool  # ours to answer through the gateway


class Outline(NamedTuple):
    """What the door has to know of a head that passed. `length` is None for a chunked body."""

    target: Target
    length: int | None
    expects: bool  # the caller waits for 100 Continue


def outline(method: str, version: str, target: bytes, headers: Headers) -> Outline:
    """Judge a whole head; names are lower case. Raises RouterError: invalid_request, the connection must close."""
    if version not in {"1.1", "1.0"}:
        raise _malformed("This door speaks HTTP/1.1 and HTTP/1.0.")
    found = dict(headers)
    if len(found) != len(headers):
        _refuse_repeated(headers)
    where = parse_target(target)
    _check_host(found.get(b"host"), where, version)
    if where.path == "*" and method != "OPTIONS":
        raise _malformed("Only OPTIONS may ask about `*`.")
    encoding = found.get(b"transfer-encoding")
    if encoding is not None:
        _check_transfer_encoding(encoding, version)
        length = None
    else:
        length = int(found.get(b"content-length", 0))
    expectation = found.get(b"expect")
    return Outline(target=where, length=length, expects=expectation is not None and _expects(expectation, version))


def check_parsed(path: str, raw_path: bytes, headers: Headers, version: str) -> None:
    """Judge a head that another server has parsed, as far as it can still be judged. Raises as `outline` does."""
    check_size(size_of(raw_path, headers))
    _refuse_repeated(headers)
    host = next((value for name, value in headers if name == b"host"), None)
    _check_host(host, Target(path, raw_path, b"", None, is_v1(path)), version)
    if _FORBIDDEN.search(path.encode("utf-8", "replace")) or any(_FORBIDDEN.search(value) for _, value in headers):
        raise _malformed("The head holds a control character.")


def parse_target(target: bytes) -> Target:
    """Take a request target apart. Raises RouterError: invalid_request."""
    return _remembered(target) if len(target) <= 256 else _parse_target(target)


def is_v1(path: str) -> bool:
    """Whether a decoded path belongs to the gateway, known or not."""
    return path.startswith(("/v1/", "/v1beta/")) or path in {"/v1", "/v1beta"}


@lru_cache(maxsize=256)
def is_host(value: bytes) -> bool:
    """Whether a Host header holds a name or address with at most a port: no path, no user, no list."""
    return _HOST.fullmatch(value) is not None


def check_size(size: int) -> None:
    """Raises RouterError: head_too_large, for more than `MAX_HEAD` bytes."""
    if size > MAX_HEAD:
        raise head_too_large()


def head_too_large() -> RouterError:
    """The head, or with it the framing of a chunked body, is more than we read."""
    return RouterError("head_too_large", f"Request line and headers exceed {MAX_HEAD // 1024} KiB.")


def body_too_large(limit: int) -> RouterError:
    """A body of more than `limit` bytes, declared or counted."""
    return RouterError("too_large", f"The body exceeds {limit} bytes.")


def size_of(target: bytes, headers: Headers) -> int:
    """Bytes that a head takes on the wire, give or take the spaces that were not kept."""
    return len(target) + sum(len(name) + len(value) + 4 for name, value in headers)


def _parse_target(target: bytes) -> Target:
    authority, path, query = None, *target.partition(b"?")[::2]
    if not target.startswith(b"/") and target != b"*":
        match = _ABSOLUTE.fullmatch(target)
        if match is None:
            raise _malformed("The request target is neither a path nor an http URI.")
        authority, path, query = match[1], match[2] or b"/", (match[3] or b"?")[1:]
    if b"#" in target:
        raise _malformed("The request target holds a fragment.")
    decoded = unquote_to_bytes(path) if b"%" in path else path
    if _FORBIDDEN.search(decoded):
        raise _malformed("The path holds a control character.")
    text = decoded.decode("utf-8", "replace")
    return Target(text, path, query, authority, is_v1(text))


_remembered = lru_cache(maxsize=1024)(_parse_target)


def _check_host(host: bytes | None, target: Target, version: str) -> None:
    if host is None:
        if version != "1.0":
            raise _malformed("There is no Host header.")
    elif not is_host(host):
        raise _malformed("The Host header is not a name with an optional port.")
    if target.authority is not None and host is not None and target.authority.lower() != host.lower():
        raise _malformed("The request target names another host than the Host header.")


def _check_transfer_encoding(value: bytes, version: str) -> None:
    if value.lower() != b"chunked":
        raise _malformed("The only Transfer-Encoding is `chunked`.")
    if version == "1.0":
        raise _malformed("HTTP/1.0 knows no Transfer-Encoding.")


def _expects(value: bytes, version: str) -> bool:
    if value.lower() != b"100-continue":
        raise RouterError("invalid_request", "The only expectation is `100-continue`.", status=417)
    return version != "1.0"


def _refuse_repeated(headers: Headers) -> None:
    """Repeated headers are common (Cookie, Accept); these may come once only."""
    for name in (b"host", b"transfer-encoding", b"content-length"):
        if sum(key == name for key, _ in headers) > 1:
            raise _malformed(f"There are several {name.decode().title()} headers.")


def _malformed(message: str) -> RouterError:
    return RouterError("invalid_request", message)
