"""HTTP/2: by ALPN and with prior knowledge, and what one stream may not do to the others."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import ssl
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import pytest

from tests.edge.stub import StubGateway
from tests.support.certificates import Certificates
from tests.support.doors import LOOPS, QUICK, EdgeDoor, hours
from tests.support.gate import PATIENCE, eventually

MIB = 1024 * 1024


@pytest.fixture(params=LOOPS)
def door(request: pytest.FixtureRequest, gateway: StubGateway, certificates: Certificates) -> Iterator[EdgeDoor]:
    """The edge with a TLS port."""
    with EdgeDoor(gateway, loop=request.param, certificates=certificates) as door:
        yield door


def curl(certificates: Certificates, *arguments: str) -> tuple[int, str, bytes]:
    """Status, HTTP version and body, as curl has them."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    command = ["curl", "-sS", "--max-time", str(PATIENCE), "--cacert", str(certificates.authority)]
    tell = ["-w", "\n%{http_code} %{http_version}"]
    done = subprocess.run([*command, *tell, *arguments], capture_output=True, check=True)
    body, _, told = done.stdout.rpartition(b"\n")
    status, version = told.decode().split()
    return int(status), version, body


WAYS = {
    "ALPN": (["--http2"], "https", "2"),
    "ALPN says no": (["--http1.1"], "https", "1.1"),
    "prior knowledge": (["--http2-prior-knowledge"], "http", "2"),
    "an upgrade that is ignored": (["--http2"], "http", "1.1"),
}


@pytest.mark.parametrize("way", WAYS)
def test_curl(door: EdgeDoor, certificates: Certificates, tmp_path: Path, way: str) -> None:
    options, scheme, version = WAYS[way]
    url = f"{scheme}://127.0.0.1:{door.tls_port if scheme == 'https' else door.port}"
    assert curl(certificates, *options, f"{url}/ping")[:2] == (200, version)
    assert curl(certificates, *options, f"{url}/v1/echo", "-d", '{"a": 1}') == (200, version, b'{"a": 1}')
    assert curl(certificates, *options, f"{url}/v1/stream?chunks=2", "-d", "{}") == (200, version, b"0000011111end")
    assert curl(certificates, *options, f"{url}/v1/none", "-d", "{}")[:2] == (404, version)
    large = tmp_path / "large"
    large.write_bytes(bytes(range(256)) * 4096)
    status, _, told = curl(certificates, *options, f"{url}/v1/size", "--data-binary", f"@{large}")
    assert (status, json.loads(told)["sha256"]) == (200, hashlib.sha256(large.read_bytes()).hexdigest())
    large.write_bytes(bytes(33 * MIB))
    assert curl(certificates, *options, f"{url}/v1/size", "--data-binary", f"@{large}")[:2] == (413, version)


class Closed(Exception):
    """The connection has ended."""


class Peer:
    """A client that speaks HTTP/2 frame by frame, with prior knowledge. `gives_back`: it takes what it reads."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        if context is not None:
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        config = h2.config.H2Configuration(
            validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding=None
        )
        self.connection = h2.connection.H2Connection(config)
        self.connection.initiate_connection()
        self.bodies: dict[int, bytes] = {}
        self.statuses: dict[int, str] = {}
        self.ended: set[int] = set()
        self.resets: dict[int, int] = {}
        self.is_closed = False
        self.gives_back = True
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.connection.data_to_send())

    def ask(self, method: str, path: str, *headers: tuple[str, str], end: bool = True) -> int:
        """Open a stream; returns its number."""
        stream: int = self.connection.get_next_available_stream_id()
        pseudo = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "localhost")]
        self.connection.send_headers(stream, [*pseudo, *headers], end_stream=end)
        self.flush()
        return stream

    def send(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """A piece of body, as the windows allow."""
        while data:
            if self.is_closed:
                raise Closed
            size = min(self.connection.local_flow_control_window(stream), 16_384, len(data))
            if size == 0:
                self.read()
                continue
            self.connection.send_data(stream, data[:size])
            data = data[size:]
            self.flush()
        if end:
            self.connection.end_stream(stream)
            self.flush()

    def read(self) -> None:
        """Take in what has come."""
        data = self.socket.recv(65_536)
        self.is_closed = not data
        for event in self.connection.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                self.statuses[event.stream_id] = dict(event.headers)[b":status"].decode()
            elif isinstance(event, h2.events.DataReceived):
                self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
                if self.gives_back:
                    self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self.ended.add(event.stream_id)
            elif isinstance(event, h2.events.StreamReset):
                self.resets[event.stream_id] = event.error_code
            elif isinstance(event, h2.events.ConnectionTerminated):
                self.is_closed = True
        self.flush()

    def finish(self, stream: int) -> str:
        """Wait for the end of a stream; returns its status."""
        while stream not in self.ended and stream not in self.resets:
            if self.is_closed:
                raise Closed
            self.read()
        return self.statuses.get(stream, "")


@pytest.fixture
def peer(door: EdgeDoor, certificates: Certificates) -> Iterator[Peer]:
    """A client over TLS."""
    peer = Peer(door.tls_port, certificates.caller())
    yield peer
    peer.socket.close()


def test_streams_side_by_side(peer: Peer, gateway: StubGateway) -> None:
    slow = peer.ask("POST", "/v1/begin")
    gateway.begun.wait()
    for _ in range(20):
        quick = peer.ask("POST", "/v1/echo", end=False)
        peer.send(quick, b"hello", end=True)
        assert peer.finish(quick) == "200"
        assert peer.bodies[quick] == b"hello"
    gateway.may_answer.open()
    assert peer.finish(slow) == "200"
    assert peer.bodies[slow] == b"begundone"


@pytest.mark.parametrize("path", ["/v1/none", "/nowhere", "/ping"])
def test_a_body_that_comes_too_late_harms_no_other_stream(peer: Peer, gateway: StubGateway, path: str) -> None:
    slow = peer.ask("POST", "/v1/begin")
    gateway.begun.wait()
    refused = peer.ask("POST", path, end=False)
    assert peer.finish(refused) in {"404", "405"}
    peer.send(refused, b"x" * 300_000, end=True)
    gateway.may_answer.open()
    assert peer.finish(slow) == "200"


def test_a_body_that_never_ends_is_cut_at_last(gateway: StubGateway, certificates: Certificates) -> None:
    with EdgeDoor(gateway, limits=replace(QUICK, discard=MIB)) as door:
        peer = Peer(door.port)
        refused = peer.ask("POST", "/v1/none", end=False)
        assert peer.finish(refused) == "404"
        with pytest.raises((Closed, ConnectionError, h2.exceptions.ProtocolError)):
            peer.send(refused, b"x" * 4 * MIB)
        peer.socket.close()


@pytest.mark.parametrize("size", [MIB + 1, 4 * MIB])
def test_too_large_without_a_length(gateway: StubGateway, size: int) -> None:
    gateway.max_body = MIB
    with EdgeDoor(gateway) as door:
        peer = Peer(door.port)
        stream = peer.ask("POST", "/v1/size", end=False)
        peer.send(stream, b"x" * size, end=True)
        assert peer.finish(stream) == "413"
        assert peer.finish(peer.ask("GET", "/ping")) == "200"
        peer.socket.close()


def test_a_broken_answer_is_reset(peer: Peer, door: EdgeDoor) -> None:
    broken = peer.ask("POST", "/v1/halfway")
    peer.finish(broken)
    assert (peer.bodies[broken], broken in peer.resets) == (b"half", True)
    assert peer.finish(peer.ask("GET", "/ping")) == "200"
    door.errors.clear()


@pytest.mark.parametrize("path", ["/v1/silent", "/v1/crash"])
def test_no_answer_is_an_internal_error(peer: Peer, door: EdgeDoor, path: str) -> None:
    assert peer.finish(peer.ask("POST", path)) == "500"
    door.errors.clear()


def test_a_reset_stream_is_cancelled(peer: Peer, gateway: StubGateway) -> None:
    stream = peer.ask("POST", "/v1/begin")
    gateway.begun.wait()
    peer.connection.reset_stream(stream)
    peer.flush()
    gateway.cancelled.wait()
    assert peer.finish(peer.ask("GET", "/ping")) == "200"


def test_a_lost_connection_is_cancelled(peer: Peer, gateway: StubGateway) -> None:
    peer.ask("POST", "/v1/endless")
    gateway.begun.wait()
    peer.socket.close()
    gateway.cancelled.wait()


def test_a_slow_reader_pauses_the_source(peer: Peer, gateway: StubGateway) -> None:
    stream = peer.ask("POST", "/v1/endless")
    gateway.begun.wait()
    source = gateway.endless[0]
    eventually(lambda: source.pauses > source.resumes, "the source is paused")
    assert source.written < MIB
    while len(peer.bodies.get(stream, b"")) < 2 * MIB:
        peer.read()
    assert source.resumes > 0


@pytest.mark.parametrize("path", ["/v1/endless", "/v1/size", "/v1/stream?chunks=20&size=10000"])
def test_a_stream_whose_caller_takes_nothing_is_reset(gateway: StubGateway, path: str) -> None:
    """It reads, but gives no window back: the other streams go on."""
    with EdgeDoor(gateway, limits=replace(QUICK, stall=0.2)) as door:
        peer = Peer(door.port)
        peer.gives_back = False
        stream = peer.ask("POST", path)
        peer.finish(stream)
        if path == "/v1/size":
            assert stream in peer.ended, "it fits into the window"
        else:
            assert (peer.resets[stream], len(peer.bodies[stream])) == (h2.errors.ErrorCodes.CANCEL, 65_535)
        if path == "/v1/endless":
            gateway.cancelled.wait()
        assert peer.finish(peer.ask("GET", "/health/live")) == "200"
        peer.socket.close()


def asks_for_more_than_it_takes(peer: Peer, gateway: StubGateway) -> None:
    """Give window without end, and do not read, until an answer waits."""
    peer.connection.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 2**30})
    peer.connection.increment_flow_control_window(2**30)
    peer.ask("POST", "/v1/endless")
    gateway.begun.wait()
    source = gateway.endless[0]
    eventually(lambda: source.pauses > source.resumes, "an answer waits")


def test_a_connection_whose_caller_takes_nothing_is_cut(gateway: StubGateway) -> None:
    """It gives window without end, and does not read."""
    with EdgeDoor(gateway, limits=hours(stall=3)) as door:
        door.sweep(9)  # whoever comes late has as much time
        peer = Peer(door.port)
        asks_for_more_than_it_takes(peer, gateway)
        door.sweep(4)
        assert not gateway.cancelled.is_open, "there was still time"

        def is_cut() -> bool:
            door.sweep()
            return gateway.cancelled.is_open

        eventually(is_cut, "it is cut")
        peer.socket.close()


@pytest.mark.parametrize("way", ["goodbye", "closed", "reset"])
def test_nothing_is_kept_of_a_caller_who_has_gone(door: EdgeDoor, certificates: Certificates, way: str) -> None:
    """Also when it was idle, and did not say that it goes."""
    peer = Peer(door.tls_port, certificates.caller())
    assert peer.finish(peer.ask("GET", "/ping")) == "200"
    if way == "goodbye":
        peer.connection.close_connection()
        peer.flush()
    elif way == "reset":
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.socket.close()
    eventually(lambda: not door.edge._handover.tasks, "the connection is forgotten")


@pytest.mark.parametrize("loop", LOOPS)
def test_an_idle_caller_who_answers_no_goodbye_is_not_waited_for(
    gateway: StubGateway, certificates: Certificates, loop: str
) -> None:
    limits = replace(QUICK, idle=0.1, linger=0.1)
    with EdgeDoor(gateway, loop=loop, certificates=certificates, limits=limits) as door:
        peer = Peer(door.tls_port, certificates.caller())
        assert peer.finish(peer.ask("GET", "/ping")) == "200"
        eventually(lambda: not door.edge._handover.tasks, "the connection is forgotten")
        peer.socket.close()


def test_a_caller_who_goes_without_a_goodbye(door: EdgeDoor, gateway: StubGateway, certificates: Certificates) -> None:
    """It gives window without end, and does not read; TLS does not pass on that it has gone."""
    peer = Peer(door.tls_port, certificates.caller())
    asks_for_more_than_it_takes(peer, gateway)
    socket.socket.shutdown(peer.socket, socket.SHUT_WR)  # not SSLSocket's own
    gateway.cancelled.wait()
    peer.socket.close()


ODD = {
    "a path that is no ASCII": ("GET", "/é", "400"),
    "an asterisk": ("OPTIONS", "*", "400"),
    "an unknown method": ("BREW", "/v1/echo", "405"),
    "a URI": ("GET", "http://b/ping", "400"),
    "NUL in the path": ("GET", "/v1/models/a%00b", "400"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_requests_cost_one_stream(peer: Peer, gateway: StubGateway, name: str) -> None:
    method, path, status = ODD[name]
    slow = peer.ask("POST", "/v1/begin")
    gateway.begun.wait()
    assert peer.finish(peer.ask(method, path)) == status
    gateway.may_answer.open()
    assert peer.finish(slow) == "200"


@pytest.mark.parametrize("extended", [(), ((":protocol", "websocket"), (":scheme", "https"), (":path", "/v1/echo"))])
def test_a_tunnel_costs_one_stream(peer: Peer, gateway: StubGateway, extended: tuple[tuple[str, str], ...]) -> None:
    slow = peer.ask("POST", "/v1/begin")
    gateway.begun.wait()
    stream = peer.connection.get_next_available_stream_id()
    peer.connection.send_headers(stream, [(":method", "CONNECT"), *extended, (":authority", "localhost")])
    peer.flush()
    assert peer.finish(stream) == "400"
    gateway.may_answer.open()
    assert peer.finish(slow) == "200"


BAD = {
    "NUL in a value": ("x", "a\0b"),
    "LF in a value": ("x", "a\nb"),
    "capitals in a name": ("X", "a"),
    "a transfer encoding": ("transfer-encoding", "chunked"),
    "two lengths": ("content-length", "5"),
    "another host": ("host", "b"),
    "a connection header": ("connection", "close"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_headers_never_reach_the_gateway(peer: Peer, gateway: StubGateway, name: str) -> None:
    try:
        stream = peer.ask("POST", "/v1/echo", ("content-length", "0"), BAD[name])
        assert peer.finish(stream).startswith("4")
    except (Closed, ConnectionError):
        assert not peer.statuses
    assert not gateway.seen


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("x", "y" * 17 * 1024)], "431"),
        ([("host", "localhost")], "200"),
    ],
)
def test_heads(peer: Peer, headers: list[tuple[str, str]], status: str) -> None:
    assert peer.finish(peer.ask("POST", "/v1/echo", *headers)) == status


@pytest.mark.parametrize("authority", ["a/b", "a@b", "a b", "a?b", ""])
def test_hosts(peer: Peer, gateway: StubGateway, authority: str) -> None:
    stream = peer.connection.get_next_available_stream_id()
    pseudo = [(":method", "POST"), (":scheme", "https"), (":path", "/v1/echo"), (":authority", authority)]
    peer.connection.send_headers(stream, pseudo, end_stream=True)
    peer.flush()
    assert peer.finish(stream) == "400"
    assert not gateway.seen


def test_the_preface_may_come_in_pieces(door: EdgeDoor) -> None:
    with door.caller() as caller:
        caller.trickle(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
        assert caller.socket.recv(9)[3] == 4  # SETTINGS


def test_the_listener_of_a_stream_is_known(peer: Peer) -> None:
    stream = peer.ask("POST", "/v1/head")
    peer.finish(stream)
    assert json.loads(peer.bodies[stream])["loopback"] == [True, True]
