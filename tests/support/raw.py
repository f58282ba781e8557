"""A caller for what no client library would send or show: raw bytes, interim replies, who closed and when."""

from __future__ import annotations

import array
import fcntl
import socket
import struct
import termios

from tests.support.caller import Caller
from tests.support.gate import PATIENCE, eventually


class RawCaller(Caller):
    """One connection, read as it is."""

    def interim(self) -> int:
        """The status of a reply that is a head and nothing else."""
        return int(self._until(b"\r\n\r\n").split(b" ")[1])

    def rest(self) -> bytes:
        """Everything until the peer closes."""
        while self._more():
            pass
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def rest_or_reset(self) -> bytes:
        """Everything until the peer closes or cuts."""
        try:
            return self.rest()
        except ConnectionResetError:
            return bytes(self._buffer)

    def take(self) -> int:
        """Read some of what has come; returns how many bytes there were."""
        return len(self._more())

    def has_heard_nothing(self) -> bool:
        """Whether there is nothing to read, not even an end."""
        self.socket.settimeout(0)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return not self._buffer
        finally:
            self.socket.settimeout(PATIENCE)
        return False

    def wait_delivered(self) -> None:
        """Wait until everything that was sent has reached the peer's kernel (Linux)."""
        eventually(lambda: self._undelivered() == 0, "what was sent has arrived")

    def _undelivered(self) -> int:
        size = array.array("i", [0])
        fcntl.ioctl(self.socket, termios.TIOCOUTQ, size)
        return size[0]

    def reset(self) -> None:
        """Close as a crashed machine would be seen to: with RST and not with FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def trickle(self, data: bytes) -> None:
        """Every byte in a segment of its own, as far as a network can be told."""
        for index in range(len(data)):
            self.send(data[index : index + 1])
