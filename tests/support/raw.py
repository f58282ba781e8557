"""A caller for what no client library would send or show: raw bytes, interim replies, who closed and when."""

from __future__ import annotations

import socket
import struct

from tests.support.caller import Caller


class RawCaller(Caller):
    """One connection, read as it is."""

    def interim(self) -> int:
        """The status of a reply that is a head and nothing else."""
        return int(self._until(b"\r\n\r\n").split(b" ")[1])

    def rest(self) -> bytes:
        """Everything until the peer closes."""
        while self._more():
            pass
        rest, self._buffer = self._buffer, b""
        return rest

    def rest_or_reset(self) -> bytes:
        """Everything until the peer closes or cuts."""
        try:
            return self.rest()
        except ConnectionResetError:
            return self._buffer

    def reset(self) -> None:
        """Close as a crashed machine would be seen to: with RST and not with FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def trickle(self, data: bytes) -> None:
        """Every byte in a segment of its own, as far as a network can be told."""
        for index in range(len(data)):
            self.send(data[index : index + 1])
