"""When a request may be sent again in silence."""

from __future__ import annotations

import asyncio

import pytest

from routerd.proxy.attempt import STALE, Attempt
from routerd.snapshot import Provider, Target

TARGET = Target(Provider("demo", "openai", "http://127.0.0.1:1/v1", "http://127.0.0.1:1"), "model", "demo/model")


@pytest.mark.parametrize(("out_for", "is_stale"), [(0.0, True), (0.5, True), (1.5, False), (60.0, False)])
def test_a_kept_connection_that_dies_late_is_not_replaced(
    out_for: float, is_stale: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.new_event_loop()
    monkeypatch.setattr(loop, "time", lambda: 1000.0)
    try:
        attempt = Attempt(TARGET, b"", [], False, loop.time() - out_for)
        attempt.ready = loop.create_future()
        attempt.on_failure(None)
        error = attempt.ready.result()
        assert error is not None
        assert (error is STALE) is is_stale
        assert error.kind == "upstream_garbled"
    finally:
        loop.close()
