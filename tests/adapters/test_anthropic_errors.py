"""What Anthropic says is wrong, and what its callers are told."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from anthropic.types import ErrorResponse

from routerd.adapters import anthropic
from routerd.adapters.base import Headers
from routerd.errors import KINDS, RouterError


def body(type_: str, message: str) -> bytes:
    said = {"type": "error", "error": {"type": type_, "message": message}, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}
    return msgspec.json.encode(said)


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (400, body("invalid_request_error", "max_tokens: Field required"), "upstream_rejected"),
        (400, body("invalid_request_error", "Your credit balance is too low to access the API."), "upstream_exhausted"),
        (400, body("invalid_request_error", "prompt is too long: 200251 tokens > 200000 maximum"), "context_length"),
        (
            400,
            body("invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2"),
            "context_length",
        ),
        (401, body("authentication_error", "invalid x-api-key"), "upstream_credentials"),
        (402, body("billing_error", "Check your billing."), "upstream_exhausted"),
        (403, body("permission_error", "Not for this key."), "upstream_credentials"),
        (404, body("not_found_error", "model: claude-nothing"), "upstream_exhausted"),
        (413, body("request_too_large", "Request exceeds the maximum size"), "upstream_rejected"),
        (429, body("rate_limit_error", "Number of requests has exceeded your limit"), "upstream_rate_limited"),
        (500, body("api_error", "Internal server error"), "upstream_overloaded"),
        (529, body("overloaded_error", "Overloaded"), "upstream_overloaded"),
        (502, b"<html><head><title>502 Bad Gateway</title></head></html>", "upstream_overloaded"),
        (503, b"", "upstream_overloaded"),
        (400, b'{"message": "odd"}', "upstream_rejected"),
        (400, b'{"error": "odd"}', "upstream_rejected"),
        (400, b'[{"error": {"message": "odd"}}]', "upstream_rejected"),
        (400, b"[]", "upstream_rejected"),
        (400, b"\xff\xfe", "upstream_rejected"),
    ],
)
def test_kinds(status: int, said: bytes, kind: str) -> None:
    error = anthropic.parse_error(status, [], said)
    assert (error.kind, error.upstream_status) == (kind, status)
    assert error.message
    if said.startswith(b'{"type"'):
        assert error.message == msgspec.json.decode(said)["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "seconds"), [([(b"retry-after", b"12")], 12.0), ([(b"retry-after-ms", b"1500")], 1.5), ([], None)]
)
def test_how_long_to_wait(headers: Headers, seconds: float | None) -> None:
    error = anthropic.parse_error(429, headers, body("rate_limit_error", "slow down"))
    assert error.retry_after == seconds


def told(error: RouterError) -> dict[str, Any]:
    said = anthropic.render_error(error)
    decoded = msgspec.json.decode(said)
    if decoded["error"]["type"] != "request_too_large":  # documented, and missing in the SDK
        ErrorResponse.model_validate_json(said)
    assert decoded["type"] == "error"
    inner: dict[str, Any] = decoded["error"]
    return inner


@pytest.mark.parametrize(
    ("kind", "status", "type_"),
    [
        ("invalid_request", 400, "invalid_request_error"),
        ("context_length", 400, "invalid_request_error"),
        ("unauthorized", 401, "authentication_error"),
        ("forbidden", 403, "permission_error"),
        ("not_found", 404, "not_found_error"),
        ("unknown_model", 404, "not_found_error"),
        ("method_not_allowed", 405, "invalid_request_error"),
        ("request_timeout", 408, "timeout_error"),
        ("too_large", 413, "request_too_large"),
        ("rate_limited", 429, "rate_limit_error"),
        ("upstream_rate_limited", 429, "rate_limit_error"),
        ("upstream_exhausted", 429, "rate_limit_error"),
        ("upstream_credentials", 502, "api_error"),
        ("upstream_overloaded", 529, "overloaded_error"),
        ("upstream_timeout", 504, "timeout_error"),
        ("upstream_garbled", 502, "api_error"),
        ("no_target", 503, "api_error"),
        ("internal", 500, "api_error"),
    ],
)
def test_what_callers_are_told(kind: str, status: int, type_: str) -> None:
    error = RouterError(kind, "prompt is too long: why")
    assert anthropic.error_status(error) == status
    assert told(error) == {"type": type_, "message": "prompt is too long: why"}


def test_every_kind_is_understood_by_anthropics_sdk() -> None:
    for kind in KINDS:
        told(RouterError(kind, "why"))


@pytest.mark.parametrize(
    ("status", "type_", "expected"),
    [
        (400, "invalid_request_error", "invalid_request_error"),
        (413, "request_too_large", "request_too_large"),
        (404, "weird", "not_found_error"),
        (422, "weird", "invalid_request_error"),
    ],
)
def test_a_refusal_keeps_its_name(status: int, type_: str, expected: str) -> None:
    error = RouterError("upstream_rejected", "no", status=status, type=type_)
    assert anthropic.error_status(error) == status
    assert told(error)["type"] == expected


def test_clients_are_told_to_shorten_in_the_words_that_they_know() -> None:
    error = RouterError("context_length", "This model's maximum context length is 8192 tokens.")
    assert told(error)["message"] == "prompt is too long: This model's maximum context length is 8192 tokens."


def test_where_it_is_spoken() -> None:
    assert anthropic.base_path("") == "/v1"
    assert anthropic.base_path("/anthropic") == "/anthropic/v1"
    assert anthropic.base_path("/v1") == "/v1"
    assert anthropic.call_path("any", is_stream=True) == "/messages"
    headers = dict(anthropic.HEADERS)
    assert headers == {"anthropic-version": "2023-06-01"}
    assert sorted(anthropic.FORWARDED) == [b"anthropic-beta", b"anthropic-version"]
    assert (anthropic.NAME, anthropic.FAMILY, anthropic.COMMENTS) == ("anthropic", "anthropic", True)
