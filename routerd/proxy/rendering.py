"""A request as one target gets it, and the lane that its answer will take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import time

import msgspec

from routerd.adapters import anthropic, openai_chat
from routerd.adapters.base import Framing, Losses
from routerd.adapters.openai_history import needs_repair
from routerd.chat import estimate, naming
from routerd.chat.parts import Part
from routerd.chat.signed import PLAIN, as_signed
from routerd.errors import RouterError
from routerd.proxy import body
from routerd.proxy.attempt import Attempt
from routerd.proxy.inbound import Inbound
from routerd.proxy.lanes import RELAYS, Lane, Translation
from routerd.proxy.services import Services
from routerd.snapshot import Target


def begin(request: Inbound, target: Target, on_loss: str, request_id: str, services: Services) -> tuple[Attempt, Lane]:
    """The attempt and its lane. Raises RouterError(invalid_request) when the target can't be told what was asked."""
    provider, dialect = target.provider, request.dialect
    if provider.dialect is not dialect or (not provider.is_relayed and needs_repair(request.fields, provider.quirks)):
        return _translated(request, target, on_loss, request_id, services)
    if dialect is not openai_chat:
        if dialect.goes_as_it_is(request.fields, target.model):
            return _verbatim(request, target, request_id, services)
        return _translated(request, target, on_loss, request_id, services)
    # Here, not in a function: most requests come this way.
    options, quirks = request.stream_options, provider.quirks
    is_dropped = bool(options) and not quirks.get("stream_options", True)
    if is_dropped and on_loss == "reject":
        raise _lossy(target, ["/stream_options"])
    content = body.render(request.fields, openai_chat.relay_changes(request.fields, target.model, options, quirks))
    attempt = Attempt(target, content, request.forwarded(dialect), request.is_stream, services.now())
    hide_usage = options is None or not request.wants_usage
    return attempt, RELAYS[hide_usage, is_dropped]


def _verbatim(request: Inbound, target: Target, request_id: str, services: Services) -> tuple[Attempt, Lane]:
    """The same dialect, whichever: the body passes, but for the model."""
    dialect = request.dialect
    changes = {"model": msgspec.json.encode(target.model)} if "model" in request.fields else {}
    content = body.render(request.fields, changes)
    path = dialect.call_path(target.model, request.is_stream)
    attempt = Attempt(target, content, request.forwarded(dialect), request.is_stream, services.now(), path)
    framing = Framing(request_id, int(time()), target.model)
    return attempt, Translation(dialect, dialect, framing, Losses(), is_verbatim=True)


def _translated(
    request: Inbound, target: Target, on_loss: str, request_id: str, services: Services
) -> tuple[Attempt, Lane]:
    dialect, quirks = target.provider.dialect, target.provider.quirks
    is_plain, caller = bool(quirks.get("thought_before_call")), request.caller.name
    chat = services.signatures.restore(caller, request.chat, PLAIN if is_plain else dialect.FAMILY)
    names: Mapping[str, str] = {}
    if request.dialect is not dialect:
        chat, names = naming.fitting(chat, dialect.TOOL_NAME)
    call, losses = dialect.render_request(chat, target.model, quirks)
    if losses and on_loss == "reject":
        raise _lossy(target, list(losses))
    content = msgspec.json.encode(call.body)
    extra = request.forwarded(dialect)
    attempt = Attempt(target, content, extra, request.is_stream, services.now(), call.path)
    framing = Framing(
        request_id,
        int(time()),
        target.model,
        request.wants_usage,
        functions=chat.where.get("tools") == "/functions",
        prompt=estimate.tokens(chat) if request.dialect is anthropic and request.is_stream else 0,
    )

    def keep(parts: Sequence[Part]) -> None:
        services.signatures.note(caller, as_signed(parts) if is_plain else parts)

    return attempt, Translation(dialect, request.dialect, framing, losses, keep=keep, names=names)


def _lossy(target: Target, pointers: list[str]) -> RouterError:
    return RouterError(
        "invalid_request",
        f"{target.name} can't be told {', '.join(pointers)}, and the route says `on_loss: reject`.",
        param=pointers[0].lstrip("/").replace("/", "."),
    )
