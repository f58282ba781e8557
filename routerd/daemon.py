"""The composition root: builds every object once, starts them in order, stops them in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import os
import secrets
import signal
import ssl
import sys
import threading
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

from routerd import sealing
from routerd.ahead import Ahead
from routerd.backups import Backups
from routerd.checks.watch import Checks
from routerd.config import example
from routerd.config.watch import changes
from routerd.edge.server import Edge
from routerd.loading import Loaded, prepare
from routerd.login import link, page
from routerd.management import Management
from routerd.news import News
from routerd.observe import Log
from routerd.proxy.cork import Cork
from routerd.proxy.gateway import Gateway
from routerd.proxy.services import Services, Watched
from routerd.proxy.upstream import Upstreams
from routerd.reload import Reloader
from routerd.settings import Settings
from routerd.state.claim import Claim
from routerd.state.counters import Counters
from routerd.state.database import Database
from routerd.state.generations import Generations
from routerd.state.inventory import Inventory
from routerd.state.ledger import Ledger
from routerd.state.signatures import Signatures
from routerd.state.standing import Standing
from routerd.web import load
from routerd.workshop import Do, Workshop

SWEEP = 0.5  # seconds
REMEMBERING = 0.25  # seconds to wait for what was kept before; the rest follows behind
_LAST_WORDS = 2.0  # seconds in which callers whose time is over may read why
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


@dataclass(slots=True)
class Daemon:
    """Everything that runs, but for the doors."""

    settings: Settings
    log: Log
    services: Services
    database: Database
    gateway: Gateway
    reloader: Reloader
    management: Management
    standing: Standing
    workshop: Workshop
    token: str = field(repr=False)
    is_ready: bool = False

    def ready(self) -> bool:
        """Whether new requests are welcome."""
        return self.is_ready

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch the file and sweep, while the doors are open."""
        claim = self._claim()
        tasks = [
            asyncio.create_task(self.reloader.watch(self._changes(), self.gateway.adopt), name="watch"),
            asyncio.create_task(self._sweep(), name="sweep"),
            asyncio.create_task(self.management.checks.run(), name="checks"),
        ]
        # what is short is read first
        await asyncio.gather(self.standing.load(REMEMBERING), self.services.signatures.load(REMEMBERING))
        self.is_ready = True
        try:
            yield
        finally:
            self.is_ready = False
            self.management.news.close()
            await self.management.settle()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.workshop.close()
            self.services.upstreams.pools.close()
            self.standing.save()
            await asyncio.to_thread(self.database.close)
            if claim is not None:
                claim.release()
            self.log.close()

    def _claim(self) -> Claim | None:
        """The data folder as ours. That somebody else uses it as well is said, and no more: it may be a restart."""
        if self.settings.config == example.path():
            return None  # of the built-in example nothing is kept
        claim = Claim(self.settings.data_dir)
        if claim.is_shared:
            reason = "another routerd uses it now: each overwrites what the other keeps of health, rotation and backups"
            cure, folder = "give each its own --data-dir", str(self.settings.data_dir)
            self.log.warning("data_folder_shared", folder=folder, reason=reason, cure=cure)
        return claim

    def _changes(self) -> AsyncGenerator[None, None]:
        """Of router.yaml. What checks it is got ready while an editor's save is waited for, if it is not here yet."""

        @cache
        def stirring() -> None:
            threading.Thread(target=prepare, name="prepare", daemon=True).start()

        return changes(self.settings.config, stirring)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            try:
                self.services.sweep()
                self.standing.sweep()
            except Exception as error:  # all timeouts would end with it
                self.services.loop.call_exception_handler({"message": "a sweep failed", "exception": error})


def build(
    settings: Settings, loop: asyncio.AbstractEventLoop, *, as_text: bool = False, ahead: Ahead | None = None
) -> Daemon:
    """Everything, ready to run. Raises Rejected when router.yaml can't be served. `ahead` is looking at it already."""
    log = Log(as_text=as_text)
    loop.set_exception_handler(partial(_report, log))
    token = admin_token(settings, log)
    log.redactor.learn([token])
    database = Database(settings.database, log.warning)
    workshop = Workshop(log.warning)
    reloader, generations, news = _reloader(settings, log, database, workshop.do)
    data_dir = settings.data_dir if generations is not None else None
    snapshot = reloader.first(settings.on_boot_error, data_dir, ahead.examine if ahead is not None else None)
    if ahead is not None:
        ahead.end()
    ledger = Ledger(
        database, lambda: gateway.current,
        is_kept=generations is not None, is_followed=lambda: news.is_followed, tell=partial(_tell, loop, news),
    )  # fmt: skip
    services = _services(loop, log, database, ledger)
    digest = hashlib.sha256(token.encode()).digest()
    gateway = Gateway(services, snapshot, digest)
    # of the built-in example nothing is kept
    kept_in = database if generations is not None else None
    inventory: Inventory[Loaded] = Inventory(kept_in)
    backup_file = settings.backup_file if generations is not None else None
    backups = Backups(
        backup_file, lambda: reloader.loaded, sealing.sources(settings, os.environ), log, inventory.row, workshop.do
    )  # fmt: skip
    standing = Standing(services.counters, lambda: gateway.current, kept_in, services.now, inventory=inventory)
    reloader.mirrors += [inventory.mirror, standing.mirror, backups.mirror]  # the backup tells what the inventory knows
    management = Management(
        reloader, gateway.adopt, generations, news, lambda: gateway.current, digest,
        counters=services.counters, snapshot=lambda: gateway.current, now=services.now,
        inventory=inventory, backups=backups, ledger=ledger, database=database, log=log, data_dir=settings.data_dir,
        checks=Checks(services, lambda: gateway.current, news, inventory, settings.request_timeout),
    )  # fmt: skip
    return Daemon(settings, log, services, database, gateway, reloader, management, standing, workshop, token)


def _services(loop: asyncio.AbstractEventLoop, log: Log, database: Database, ledger: Ledger) -> Services:
    """What requests share. The cork that holds their writes looks at how many are under way."""
    rng, under_way = Random(), set[Watched]()
    cork = Cork(under_way)
    upstreams = Upstreams(loop, rng, cork)
    return Services(loop, upstreams, Counters(), log, Signatures(database), ledger, cork, under_way, rng)


def _tell(loop: asyncio.AbstractEventLoop, news: News, attempts: list[dict[str, Any]]) -> None:
    """Attempts, to those who follow the events; called by any thread."""

    def publish() -> None:
        for attempt in attempts:
            news.publish("attempt", attempt)

    with contextlib.suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(publish)


def _reloader(settings: Settings, log: Log, database: Database, do: Do) -> tuple[Reloader, Generations | None, News]:
    """What keeps the config; of the built-in example nothing is kept."""
    is_example = settings.config == example.path()
    generations = None if is_example else Generations(settings.data_dir / "generations", database, settings.config)
    news = News()
    sources = sealing.sources(settings, os.environ)
    return Reloader(settings.config, log, sources, generations, news, do), generations, news


def run(settings: Settings, ahead: Ahead | None = None, tls: ssl.SSLContext | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Raises Rejected, or OSError when the address can't be had."""
    _allow_many_files()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings, ahead, tls))


async def serve(settings: Settings, ahead: Ahead | None = None, tls: ssl.SSLContext | None = None) -> None:
    """The doors open, and close again when a signal comes; streams may finish for as long as `server.drain` says."""
    loop = asyncio.get_running_loop()
    daemon = build(settings, loop, as_text=sys.stderr.isatty(), ahead=ahead)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with daemon.running():
        web = partial(load, daemon.gateway, management=daemon.management, is_ready=daemon.ready)
        # imported in a thread at first need: the data plane starts without the web app, and is not held up by it
        edge = Edge(daemon.gateway, web, is_ready=daemon.ready, cork=daemon.services.cork)
        for host, port in await edge.listen(settings.host, settings.port, tls):
            daemon.log.info("listening", host=host, port=port, tls=tls is not None)
            _greet(daemon.token, page(host, port, is_tls=tls is not None))
        _settle_memory()
        await stop.wait()
        drain = daemon.gateway.current.drain
        daemon.log.info("draining", seconds=drain)
        daemon.is_ready = False
        daemon.management.news.close()  # who follows them would hold up the drain
        stop.clear()
        await _first(edge.drain(drain), stop.wait())
        if cut := daemon.gateway.stop():
            daemon.log.warning("cut_short", requests=cut)
            await edge.drain(_LAST_WORDS)
        await edge.close()


def _greet(token: str, url: str) -> None:
    """On a terminal, and nowhere else: a link that logs the browser in."""
    if sys.stderr.isatty():
        sys.stderr.write(f"routerd: {link(url, token)} logs a browser in\n")


async def _first(*waits: Coroutine[Any, Any, object]) -> None:
    """Until one of them is done: a second signal ends the drain."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _report(log: Log, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A mistake of our own, wherever it was made: one line, and nobody's request but its own suffers."""
    error = context.get("exception")
    trace = "".join(traceback.format_exception(error)) if error is not None else None
    log.error("internal", message=context.get("message"), exception=repr(error), trace=trace)


def _allow_many_files() -> None:
    """A stream takes two sockets, and the usual soft limit is 1,024 files: take what we are allowed."""
    try:
        import resource
    except ImportError:  # not on this system
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 1 << 20)), hard))


def _settle_memory() -> None:
    """What lives for ever is not looked at again: collections stay short, and rare."""
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000, 20, 50)
    _keep_large_blocks()


def _keep_large_blocks() -> None:
    """Have malloc keep what a large request was read into for the next one.

    It would give it back to the system each time, and a page that comes anew costs more than to copy it: up to a
    third of all that a request of 200 kB takes, as chance places its blocks. https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # else another libc than glibc
        for option, size in ((_M_TRIM_THRESHOLD, 16 << 20), (_M_MMAP_THRESHOLD, 4 << 20)):
            mallopt(option, size)


def admin_token(settings: Settings, log: Log) -> str:
    """The token of the settings, else the one in the data folder, made at first start (mode 0600)."""
    if settings.admin_token is not None:
        return settings.admin_token
    path = settings.data_dir / "admin-token"
    try:
        return path.read_text().strip() or _new_token(path, log)
    except FileNotFoundError:
        return _new_token(path, log)
    except OSError as error:
        log.warning("admin_token_not_kept", file=str(path), reason=error.strerror)
        return secrets.token_urlsafe(32)


def _new_token(path: Path, log: Log) -> str:
    token = secrets.token_urlsafe(32)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (path.parent / ".gitignore").write_text("*\n")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(token + "\n")
    except OSError as error:
        log.warning("admin_token_not_kept", file=str(path), reason=error.strerror)
    else:
        log.info("admin_token_made", file=str(path))
    return token
