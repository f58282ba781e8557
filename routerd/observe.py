"""Structured logs and live numbers; nothing else formats a log line."""

from __future__ import annotations

import sys
import threading
import time
import urllib.parse
from base64 import b64encode
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, BinaryIO

import msgspec

_encoder = msgspec.json.Encoder()
_encode = _encoder.encode
BATCH = 0.05
KEPT = 500  # entries, for those who ask what happened last
MAX_WAITING = 20_000  # lines; a reader that stalls costs lines, never requests

Entry = dict[str, Any]


class Redactor:
    """Takes live secrets out of text, by value: plain, base64 and URL-encoded."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: tuple[str, ...] = ()
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """From now on these are the secrets, beside those known before (requests may still use them)."""
        known = set(self._forms)
        for secret in secrets:
            if len(secret) >= 6:
                encoded = b64encode(secret.encode()).decode().rstrip("=")
                known |= {secret, urllib.parse.quote(secret, safe=""), encoded}
        self._forms = tuple(sorted(known, key=len, reverse=True))

    def clean(self, text: str) -> str:
        """`text` with every known secret replaced."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, "[redacted]")
        return text


class Log:
    """One line an event, JSON or text, written by a thread of its own so that a slow reader holds up nothing.

    Lines are gathered for `BATCH` seconds: waking the thread for each would cost a request more than the line does.
    """

    def __init__(
        self, stream: BinaryIO | None = None, *, as_text: bool = False, redactor: Redactor | None = None
    ) -> None:
        self._stream = stream or sys.stderr.buffer
        self._render = _text_lines if as_text else _json_lines
        self._waiting: list[Entry] = []
        self._latest: deque[Entry] = deque(maxlen=KEPT)
        self._some = threading.Event()
        self._stopping = False
        self._writer = threading.Thread(target=self._write, name="log", daemon=True)
        self.redactor = redactor or Redactor()
        self.dropped = 0
        self._writer.start()

    def info(self, event: str, **fields: Any) -> None:
        self._say("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._say("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        self._say("error", event, fields)

    def put(self, entry: Entry) -> None:
        """Note one event; never waits. With more than `MAX_WAITING` lines unwritten it is dropped, and counted.

        An entry has `time` (seconds since the epoch), `level` and `event`, then what there is to say. Nobody
        changes it any more.
        """
        if len(self._waiting) > MAX_WAITING:
            self.dropped += 1
            return
        self._waiting.append(entry)
        if not self._some.is_set():
            self._some.set()

    def _say(self, level: str, event: str, fields: dict[str, Any]) -> None:
        self.put({"time": time.time(), "level": level, "event": event, **fields})

    def latest(self, limit: int) -> list[Entry]:
        """What was said last, the newest first, as the JSON lines have it: redacted."""
        entries = [*self._latest.copy(), *self._waiting[:]][: -limit - 1 : -1]
        # by the one newline that JSON leaves: `splitlines` also parts what callers say at a U+2028
        lines = self.redactor.clean(_json_lines(entries)).split("\n")[:-1]
        decoded: list[Entry] = [msgspec.json.decode(line) for line in lines]
        return decoded

    def close(self) -> None:
        """Write what waits, and stop."""
        self._stopping = True
        self._some.set()
        self._writer.join(timeout=5)

    def _write(self) -> None:
        while not self._stopping or self._waiting:
            self._some.wait()
            if not self._stopping:
                time.sleep(BATCH)
            self._some.clear()
            entries, self._waiting = self._waiting, []
            self._latest.extend(entries)
            try:
                self._emit(self.redactor.clean(self._render(entries)).encode("utf-8", "replace"))
            except Exception:  # what can't be written costs lines, never the log
                self.dropped += len(entries)

    def _emit(self, data: bytes) -> None:
        try:
            self._stream.write(data)
            self._stream.flush()
        except (OSError, ValueError):
            self.dropped += 1


def _json_lines(entries: list[Entry]) -> str:
    stamped = [{**entry, "time": _stamp(entry["time"])} for entry in entries]
    try:
        return _encoder.encode_lines(stamped).decode()
    except Exception:  # one that can't be said must not cost those beside it
        return "".join(map(_json_line, stamped))


def _json_line(entry: Entry) -> str:
    try:
        return _encode(entry).decode() + "\n"
    except Exception:
        return _encode({name: _sayable(str(value)) for name, value in entry.items()}).decode() + "\n"


def _sayable(text: str) -> str:
    """With the halves of characters, such as a file's name may have, told by their numbers."""
    return text.encode("utf-8", "backslashreplace").decode()


def _stamp(seconds: float) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    whole = int(seconds)
    return _second(whole) + _PARTS[int(1000 * (seconds - whole))]


_PARTS = tuple(f".{part:03d}+00:00" for part in range(1000))  # a third of what formatting takes


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _text_lines(entries: list[Entry]) -> str:
    return "".join([_text_line(**entry) + "\n" for entry in entries])


def _text_line(time: float, level: str, event: str, **fields: Any) -> str:
    """For people: `12:00:01 event  key=value …`; quotes only where spaces need them."""
    mark = "" if level == "info" else f"{level.upper()} "
    values = (f"{key}={_plain(value)}" for key, value in fields.items() if value is not None)
    return f"{datetime.fromtimestamp(time):%H:%M:%S} {mark}{event}  {' '.join(values)}"


def _plain(value: Any) -> str:
    text = value if isinstance(value, str) else _encode(value).decode()
    if text.isprintable():
        return _encode(text).decode() if not text or " " in text or '"' in text else text
    quoted = _encode(_sayable(text)).decode()  # callers choose some of it: nothing that a terminal would obey
    return "".join([letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in quoted])
