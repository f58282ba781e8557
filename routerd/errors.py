"""One exception class and one table: kind → status → each dialect's names → what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the error table.

    `status` is the HTTP status a caller gets; `openai_type`, `openai_code` and `anthropic_type` are the names the
    dialects use; `retry_word` is the word of `retry_on` that lets the next target be tried (None: never); `cure`
    tells a person what to do.
    """

    status: int
    openai_type: str
    openai_code: str | None
    anthropic_type: str
    retry_word: str | None
    cure: str


def _kind(status: int, openai: str, anthropic: str, cure: str, retry_word: str | None = None) -> Kind:
    openai_type, _, code = openai.partition("/")
    return Kind(status, openai_type, code or None, anthropic, retry_word, cure)


_REQUEST = "invalid_request_error"

KINDS: Mapping[str, Kind] = MappingProxyType({
    "invalid_request": _kind(400, _REQUEST, _REQUEST, "Correct the field that the message names."),
    "context_length": _kind(
        400, f"{_REQUEST}/context_length_exceeded", _REQUEST, "Shorten the conversation, or choose a larger model."
    ),
    "unauthorized": _kind(
        401,
        "authentication_error/invalid_api_key",
        "authentication_error",
        "Send a client key of router.yaml as `Authorization: Bearer KEY` (`routerd client add NAME` makes one).",
    ),
    "forbidden": _kind(
        403,
        "permission_error/route_not_allowed",
        "permission_error",
        "Add the route to the client's `routes`, or call one that it may use.",
    ),
    "not_found": _kind(404, f"{_REQUEST}/not_found", "not_found_error", "Check the path."),
    "unknown_model": _kind(
        404, f"{_REQUEST}/model_not_found", "not_found_error", "GET /v1/models lists what can be asked for."
    ),
    "method_not_allowed": _kind(405, f"{_REQUEST}/method_not_allowed", _REQUEST, "Use the method in `Allow`."),
    "request_timeout": _kind(408, f"{_REQUEST}/request_timeout", "timeout_error", "Send the request faster."),
    "too_large": _kind(
        413, f"{_REQUEST}/request_too_large", "request_too_large", "Send less, or raise `server.max_body`."
    ),
    "unsupported_media": _kind(
        415, f"{_REQUEST}/unsupported_media", _REQUEST, "Send plain `application/json`, not compressed."
    ),
    "head_too_large": _kind(431, f"{_REQUEST}/head_too_large", _REQUEST, "Send fewer or shorter headers."),
    "rate_limited": _kind(
        429, "rate_limit_error/rate_limit_exceeded", "rate_limit_error", "Wait for Retry-After, or raise our limit."
    ),
    "upstream_rejected": _kind(400, _REQUEST, _REQUEST, "The provider refused the request itself: read its message."),
    "upstream_credentials": _kind(
        502, "server_error/provider_auth", "api_error", "Correct the provider's `api_key`.", "auth"
    ),
    "upstream_rate_limited": _kind(
        429, "rate_limit_error/upstream_rate_limited", "rate_limit_error", "Wait, or add another target.", "429"
    ),
    "upstream_exhausted": _kind(
        429,
        "rate_limit_error/insufficient_quota",
        "rate_limit_error",
        "Top up the provider's account, or correct the model's name.",
        "exhausted",
    ),
    "upstream_overloaded": _kind(
        503, "server_error/overloaded", "overloaded_error", "Try again, or add another target.", "5xx"
    ),
    "upstream_timeout": _kind(
        504, "server_error/timeout", "timeout_error", "Raise the timeout that the message names.", "timeout"
    ),
    "upstream_unreachable": _kind(
        502, "server_error/unreachable", "api_error", "Check `base_url` and the network.", "unreachable"
    ),
    "upstream_garbled": _kind(
        502, "server_error/bad_reply", "api_error", "Check that `base_url` speaks the adapter's format.", "garbled"
    ),
    "no_target": _kind(503, "server_error/no_target", "api_error", "Activate or repair one of the route's providers."),
    "shutting_down": _kind(
        503, "server_error/shutting_down", "api_error", "Send it again: routerd was stopped while it was answered."
    ),
    "internal": _kind(500, "server_error/internal", "api_error", "Report it with the request id."),
})


# What no repeat can cure, whatever the status says.
_INCURABLE = frozenset({"upstream_credentials", "upstream_exhausted"})


class RouterError(Exception):
    """What went wrong, said once for people (`message`) and once for programs (`kind`, a key of `KINDS`).

    `status`, `type` and `code` override the table where an upstream said it better. `param` is the request field at
    fault. `retry_after` is in seconds. `upstream_status` is the status that the provider itself sent. `allow` names the
    methods that a path takes. `request_id` is the request's, once that is known.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        param: str | None = None,
        status: int | None = None,
        type: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        upstream_status: int | None = None,
        allow: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.param = param
        row = KINDS[kind]
        self.status = status or row.status
        self.type = type or row.openai_type
        self.code = code or row.openai_code
        self.retry_after = retry_after
        self.upstream_status = upstream_status
        self.allow = allow
        self.request_id: str | None = None

    @property
    def retry_word(self) -> str | None:
        """The word of `retry_on` under which the next target may be tried; None: never."""
        return "408" if self.upstream_status == 408 else KINDS[self.kind].retry_word

    def clean(self, redact: Callable[[str], str]) -> None:
        """Take secrets out of everything that an upstream may have said."""
        self.message, self.type = redact(self.message), redact(self.type)
        self.code = self.code and redact(self.code)
        self.param = self.param and redact(self.param)

    @property
    def may_pass(self) -> bool:
        """Whether the same request might succeed when it is sent again."""
        return self.kind not in _INCURABLE and (self.status >= 500 or self.status in (408, 409, 429))

    def __repr__(self) -> str:
        return f"RouterError({self.kind!r}, {self.message!r})"


_RENAMED = {413: "Content Too Large", 422: "Unprocessable Content"}


def phrase(status: int) -> str:
    """What a status means, in RFC 9110's words; Python has those from 3.13 on."""
    from http import HTTPStatus  # a millisecond of the start, and only refusals need it

    return _RENAMED.get(status) or HTTPStatus(status).phrase


def problem(status: int, kind: str, detail: str) -> dict[str, Any]:
    """What every path but `/v1` says of an error, as RFC 9457 has it; the media type is application/problem+json."""
    return {"type": "about:blank", "title": phrase(status), "status": status, "detail": detail, "kind": kind}
