"""The web app: everything that is not the data plane, and the data plane as well for HTTP/2 and other ASGI servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from quart import Quart, Request, Response, request

from routerd.management import Management
from routerd.proxy import heads
from routerd.proxy.door import Gateway
from routerd.web import ui
from routerd.web.admin_stats import AdminStats
from routerd.web.backups import BackupsApi
from routerd.web.checks import ChecksApi
from routerd.web.clients import ClientsApi
from routerd.web.config_api import ConfigApi
from routerd.web.documentation import Documentation
from routerd.web.guard import Guard
from routerd.web.live import Live
from routerd.web.metrics import Metrics
from routerd.web.model_routes import ModelRoutesApi
from routerd.web.open import Open
from routerd.web.operations import Operation, Part, add
from routerd.web.problems import KINDS, ApiError, problem, show
from routerd.web.providers import ProvidersApi
from routerd.web.requests import RequestsApi
from routerd.web.selection import SelectionApi
from routerd.web.shield import shield
from routerd.web.status import Status
from routerd.web.v1 import V1

MAX_BODY = 16 * 1024 * 1024  # bytes
BODY_TIMEOUT = 30.0  # seconds without a byte, for /v1; for a whole body elsewhere


class RoutedRequest(Request):
    """A request whose body Quart limits, unless it is of `/v1`: that has a limit of its own, which may change."""

    def __init__(self, *args: Any, **options: Any) -> None:
        if heads.is_v1(options["scope"]["path"]):
            options["max_content_length"] = None
        super().__init__(*args, **options)


class App(Quart):
    """Quart, with our request class and exceptions told to the event loop's handler: one place hears of them all."""

    request_class: type[Request] = RoutedRequest

    def log_exception(self, exception_info: Any) -> None:
        context = {"message": f"{request.method} {request.path} failed", "exception": exception_info[1]}
        asyncio.get_running_loop().call_exception_handler(context)


def create_app(
    gateway: Gateway,
    *,
    management: Management | None = None,
    is_ready: Callable[[], bool] = lambda: True,
    body_timeout: float = BODY_TIMEOUT,
) -> App:
    """The whole app. `is_ready` decides what `/health/ready` says; without `management` there is no `/api`."""
    app = App("routerd.web", static_folder=None)
    app.config.update(
        RESPONSE_TIMEOUT=None,  # Quart would cut a stream after a minute, without a word
        BODY_TIMEOUT=body_timeout,
        MAX_CONTENT_LENGTH=MAX_BODY,
        PROVIDE_AUTOMATIC_OPTIONS=True,
    )
    app.url_map.merge_slashes = False  # a redirect loses a POST
    app.before_request(V1(gateway, body_timeout).intercept)
    app.after_request(shield)
    operations: dict[str, Operation] = {}
    pages = ui.find()
    found: list[Part] = [Open(is_ready, has_pages=pages is not None)]
    if pages is not None:
        found.append(ui.Ui(pages))
    if management is not None:
        app.before_request(Guard(management).intercept)
        found += [*parts(management), Documentation(operations.values)]
    operations.update((row.name, row) for row in add(app, found))
    app.extensions["operations"] = operations  # by endpoint
    app.register_error_handler(ApiError, _show_own)
    for status in KINDS:
        app.register_error_handler(status, _show)
    return app


def parts(management: Management) -> tuple[Part, ...]:
    """Everything by which routerd is managed."""
    providers = ProvidersApi(management)
    return (
        ConfigApi(management),
        providers,
        ModelRoutesApi(management),
        SelectionApi(management),
        Status(management),
        Live(management.news),
        RequestsApi(management),
        AdminStats(management),
        Metrics(management),
        ChecksApi(management, providers.get),
        ClientsApi(management),
        BackupsApi(management),
    )


def operations() -> tuple[Operation, ...]:
    """Every row there is, without a program that runs: their handlers must not be called."""
    absent: Any = _Absent()
    every = (Open(bool), *parts(absent), Documentation(tuple))
    return tuple(row for part in every for row in part.operations())


class _Absent:
    """Stands for the running program: any part of it is as absent as the whole."""

    def __getattr__(self, name: str) -> _Absent:
        return self


async def _show_own(error: ApiError) -> Response:
    return show(error)


async def _show(error: Any) -> Response:
    """Any error of Quart's own, or of ours, in one shape."""
    status = getattr(error, "code", None) or 500
    detail = f"There is no {request.path} here." if status == 404 else getattr(error, "description", None)
    methods = getattr(error, "valid_methods", None)
    return problem(status, detail or "Internal error.", {"Allow": ", ".join(sorted(methods))} if methods else None)
