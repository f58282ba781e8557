"""The pools under httpx, and providers that are reached through a proxy."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from routerd.proxy.pool import Pools
from routerd.proxy.transport import PoolTransport
from tests.support import chat
from tests.support.certificates import Certificates
from tests.support.daemon import Daemon
from tests.support.gate import PATIENCE
from tests.support.reply import Close, Reply, Stall, raw, whole
from tests.support.stage import defaults
from tests.support.upstream import Refusing, Upstream
from tests.support.wire import Request

PROMPT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def through_pools(work: Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]], **options: Any) -> Any:
    """Run `work` with a client over fresh pools."""

    async def run() -> Any:
        pools = Pools()
        try:
            transport = PoolTransport(pools, allow_private=True)
            async with httpx.AsyncClient(transport=transport, **{"timeout": PATIENCE, **options}) as client:
                return await work(client)
        finally:
            pools.close()

    return asyncio.run(run())


def test_requests_share_a_kept_connection() -> None:
    async def work(client: httpx.AsyncClient) -> list[Any]:
        answers = [await client.post(f"{upstream.base_url}/chat/completions", json=PROMPT) for _ in range(3)]
        return [answer.json()["choices"][0]["message"]["content"] for answer in answers]

    with Upstream(chat.good) as upstream:
        assert through_pools(work) == ["Hello there."] * 3
        assert upstream.connections == 1
        assert upstream.requests[0].json() == PROMPT


def test_a_stream_comes_as_it_is_sent() -> None:
    async def work(client: httpx.AsyncClient) -> bytes:
        async with client.stream(
            "POST", f"{upstream.base_url}/chat/completions", json=PROMPT | {"stream": True}
        ) as answer:
            return b"".join([piece async for piece in answer.aiter_bytes()])

    with Upstream(lambda _: chat.stream(["a", "b"])) as upstream:
        assert through_pools(work) == b"".join(chat.events(chat.chunks(["a", "b"])))


def test_a_large_reply_arrives_whole() -> None:
    text = "x" * 3_000_000

    async def work(client: httpx.AsyncClient) -> int:
        answer = await client.post(f"{upstream.base_url}/chat/completions", json=PROMPT)
        return len(answer.json()["choices"][0]["message"]["content"])

    with Upstream(lambda _: whole(chat.completion(text))) as upstream:
        assert through_pools(work) == len(text)


def test_a_stale_connection_is_replaced() -> None:
    async def work(client: httpx.AsyncClient) -> list[int]:
        first = await client.post(f"{upstream.base_url}/chat/completions", json=PROMPT)
        await asyncio.to_thread(upstream.drop_connections)
        second = await client.post(f"{upstream.base_url}/chat/completions", json=PROMPT)
        return [first.status_code, second.status_code]

    with Upstream(chat.good) as upstream:
        assert through_pools(work) == [200, 200]
        assert upstream.connections == 2


@pytest.mark.parametrize(
    ("reply", "error", "read"),
    [
        (raw(Stall()), httpx.ReadTimeout, 0.5),
        (raw(Close()), httpx.RemoteProtocolError, PATIENCE),
        (raw(b"no http\r\n", Close()), httpx.RemoteProtocolError, PATIENCE),
    ],
)
def test_failures_are_httpx_own(reply: Any, error: type[Exception], read: float) -> None:
    timeout = httpx.Timeout(PATIENCE, read=read)
    with Upstream(lambda _: reply) as upstream, pytest.raises(error):
        through_pools(lambda client: client.post(f"{upstream.base_url}/chat/completions", json=PROMPT), timeout=timeout)


def test_refused_is_a_connect_error() -> None:
    with Refusing() as nobody, pytest.raises(httpx.ConnectError):
        through_pools(lambda client: client.get(f"{nobody.base_url}/models"))


def test_private_addresses_need_consent() -> None:
    async def work() -> None:
        async with httpx.AsyncClient(transport=PoolTransport(Pools()), timeout=PATIENCE) as client:
            await client.get(f"{upstream.base_url}/models")

    with Upstream(chat.good) as upstream, pytest.raises(httpx.ConnectError, match="private"):
        asyncio.run(work())


# A proxy in between ----------------------------------------------------------------------------------------------


class ForwardProxy:
    """A small HTTP proxy: it takes absolute URIs and CONNECT, remembers them, and passes bytes on."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.seen.append(head)
        method, target, rest = head.split(b" ", 2)
        place, _, path = target.removeprefix(b"http://").partition(b"/")
        host, _, port = place.partition(b":")
        there, to = await asyncio.open_connection(host.decode(), int(port))
        if method == b"CONNECT":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            to.write(b"%b /%b %b" % (method, path, rest))
        await asyncio.gather(_pump(reader, to), _pump(there, writer))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    sink.close()


@contextmanager
def forward_proxy(tls: ssl.SSLContext | None = None) -> Iterator[ForwardProxy]:
    proxy, loop = ForwardProxy(), asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=tls))
    proxy.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_close(server), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _close(server: asyncio.Server) -> None:
    server.close()
    here = asyncio.current_task()
    rest = [task for task in asyncio.all_tasks() if task is not here]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


def behind(proxy: str, upstream: Upstream) -> str:
    account = f"{{base_url: {upstream.base_url}, api_key: env:KEY, models: [m], proxy: '{proxy}'}}"
    return f"{defaults()}providers:\n  far: {account}\nroutes:\n  far-route: [far/m]\n"


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_is_reached_through_its_proxy(tmp_path: Path, stream: bool) -> None:
    with Upstream(chat.good) as upstream, forward_proxy() as proxy:
        text = behind(f"http://ann:sesame@127.0.0.1:{proxy.port}", upstream)
        with Daemon(tmp_path, text, environment={"KEY": "sk-far"}) as daemon:
            answer = daemon.post({**PROMPT, "model": "far-route", "stream": stream})
        assert answer.status == 200
        assert b"Hello" in answer.body
        assert proxy.seen[0].startswith(b"POST http://127.0.0.1:")
        assert b"proxy-authorization: basic" in proxy.seen[0].lower()
        assert upstream.requests[0].get("authorization") == "Bearer sk-far"
        assert upstream.requests[0].json()["model"] == "m"
        assert not any("sesame" in json.dumps(line) for line in daemon.log)


def listing_or_chat(request: Request) -> Reply:
    return whole({"object": "list", "data": [{"id": "m"}]}) if request.method == "GET" else chat.good(request)


@pytest.mark.parametrize("is_tls_proxy", [False, True], ids=["http proxy", "https proxy"])
@pytest.mark.parametrize("is_tls", [False, True], ids=["http provider", "https provider"])
def test_behind_a_proxy_the_same_authorities_are_trusted(
    tmp_path: Path, certificates: Certificates, is_tls: bool, is_tls_proxy: bool
) -> None:
    tls = certificates.server()
    with (
        Upstream(listing_or_chat, tls=tls if is_tls else None) as upstream,
        forward_proxy(tls if is_tls_proxy else None) as way,
    ):
        text = behind(f"{'https' if is_tls_proxy else 'http'}://127.0.0.1:{way.port}", upstream)
        environment = {"KEY": "sk-far", "SSL_CERT_FILE": str(certificates.authority)}
        with Daemon(tmp_path, text, environment=environment) as daemon:
            answer = daemon.post({**PROMPT, "model": "far-route"})
            assert (answer.status, len(way.seen)) == (200, 1), answer.body
            with daemon.caller() as caller:
                tested = caller.exchange("POST", "/api/providers/far/test", {}).json()
            assert (tested["status"], len(way.seen)) == ("online", 2)


def test_a_dead_proxy_is_unreachable(tmp_path: Path) -> None:
    with Upstream(chat.good) as upstream, Refusing() as nobody:
        proxy = nobody.base_url.removesuffix("/v1")
        with Daemon(tmp_path, behind(proxy, upstream), environment={"KEY": "sk-far"}) as daemon:
            answer = daemon.post({**PROMPT, "model": "far-route"})
    assert (answer.status, answer.error["code"]) == (502, "unreachable")
