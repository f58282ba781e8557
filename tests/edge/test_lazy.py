"""The web app is loaded when it is first wanted, once, and the data plane does not wait for it."""

from __future__ import annotations

from collections.abc import Callable

from routerd.edge.bridge import App
from tests.edge.stub import StubGateway
from tests.edge.test_bridge import answers, head, piece
from tests.support.doors import EdgeDoor
from tests.support.gate import Gate, eventually


class Loader:
    """Loads an app when it is let, and counts."""

    def __init__(self, gate: Gate, failures: int = 0) -> None:
        self.gate = gate
        self.calls = 0
        self.failures = failures

    async def load(self) -> App:
        self.calls += 1
        await self.gate.pass_through()
        if self.calls <= self.failures:
            raise ZeroDivisionError
        return answers(head(), piece(b"ok"))


def with_loader(loader: Loader, test: Callable[[EdgeDoor], None]) -> None:
    """Run `test` before an edge that loads its app with `loader`."""
    door = EdgeDoor(StubGateway())
    door.load = loader.load  # type: ignore[method-assign]
    with door:
        test(door)
        door.errors.clear()


def test_the_app_is_loaded_once_and_all_wait_for_it() -> None:
    loader = Loader(Gate())

    def test(door: EdgeDoor) -> None:
        callers = [door.caller() for _ in range(5)]
        for caller in callers:
            caller.request("GET", "/")
        eventually(lambda: loader.calls == 1, "it is loaded")
        callers.pop().close()
        loader.gate.open()
        for caller in callers:
            assert caller.read(caller.head()).body == b"ok"
            caller.close()
        assert loader.calls == 1

    with_loader(loader, test)


def test_an_app_that_does_not_load_is_tried_again() -> None:
    gate = Gate()
    gate.open()
    loader = Loader(gate, failures=1)

    def test(door: EdgeDoor) -> None:
        with door.caller() as caller:
            assert caller.exchange("GET", "/").status == 500
        with door.caller() as caller:
            assert caller.exchange("GET", "/").body == b"ok"

    with_loader(loader, test)


def test_the_data_plane_does_not_wait_for_the_app() -> None:
    loader = Loader(Gate())

    def test(door: EdgeDoor) -> None:
        with door.caller() as waiting, door.caller() as caller:
            waiting.request("GET", "/")
            eventually(lambda: loader.calls == 1, "it is being loaded")
            assert caller.exchange("POST", "/v1/echo", b"{}").body == b"{}"
            assert caller.exchange("GET", "/ping").status == 200

    with_loader(loader, test)
