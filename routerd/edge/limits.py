"""How long the edge waits, and how much it takes in."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes. Each time may come up to two `tick`s late: one sweep looks at all connections.

    Seconds are counted in sweeps: while we are held up ourselves, nobody's time runs.
    """

    tick: float = 1.0
    head: float = 10.0  # from the first byte of a head to its end, else 408
    body: float = 30.0  # without a byte of a body, else 408
    idle: float = 300.0  # between requests, then the connection closes
    linger: float = 2.0  # that a refused caller may go on sending, so that it reads why
    flush: float = 30.0  # in which a caller takes nothing of the rest of an answer, once the connection is to close
    stall: float = 300.0  # in which a caller takes nothing of an answer that waits for it, then the connection is cut
    handshake: float = 10.0  # TLS
    head_size: int = 64 * KIB  # request line, headers, chunk extensions and trailers together
    discard: int = 64 * MIB  # thrown away while lingering, then the connection is cut
    drop_body: int = 64 * KIB  # a refused body up to this size is read and forgotten, and the connection kept
    web_body: int = 16 * MIB  # for everything that is not /v1, which has its own limit
    write_buffer: int = 256 * KIB  # unsent bytes of an answer, then its source pauses
    pipelined: int = 8  # requests waiting behind the one being answered, then reading pauses
    backlog: int = 2048


DEFAULT_LIMITS = Limits()
