"""Google's errors: what they mean, and how callers are told ours."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from routerd.adapters import gemini
from routerd.adapters.gemini_errors import error_of
from routerd.errors import KINDS, RouterError


def quota(*ids: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": id} for id in ids]}


def retry(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def reason(word: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": word, "domain": "googleapis.com"}


MINUTE, DAY = (
    "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
    "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
)
QUOTA = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("status", "message", "details", "kind", "delay"),
    [
        (429, QUOTA, [quota(MINUTE), retry("34.4s")], "upstream_rate_limited", 34.4),
        (429, QUOTA, [quota(MINUTE)], "upstream_rate_limited", None),
        (429, QUOTA, [retry("900ms")], "upstream_rate_limited", 0.9),
        (429, f"{QUOTA}\nPlease retry in 20.04466179s.", [], "upstream_rate_limited", 20.04466179),
        (429, QUOTA, [quota(MINUTE, DAY), retry("30s")], "upstream_exhausted", 30.0),
        (
            429,
            f"{QUOTA} * Quota exceeded for metric: x, limit: 0, model: y",
            [retry("45s")],
            "upstream_exhausted",
            45.0,
        ),
        (429, QUOTA, [], "upstream_exhausted", None),
        (429, "Resource has been exhausted (e.g. check quota).", [], "upstream_rate_limited", None),
        (429, "Quota exceeded, limit: 0.5", [quota(MINUTE)], "upstream_rate_limited", None),
        (
            400,
            "API key not valid. Please pass a valid API key.",
            [reason("API_KEY_INVALID")],
            "upstream_credentials",
            None,
        ),
        (403, "Permission denied: Consumer has been suspended.", [], "upstream_credentials", None),
        (401, "Request had invalid authentication credentials.", [], "upstream_credentials", None),
        (400, "User location is not supported for the API use.", [], "upstream_exhausted", None),
        (
            400,
            "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
            [],
            "context_length",
            None,
        ),
        (404, "models/gemini-9 is not found for API version v1beta", [], "upstream_exhausted", None),
        (400, 'Invalid JSON payload received. Unknown name "x"', [], "upstream_rejected", None),
        (503, "The model is overloaded. Please try again later.", [], "upstream_overloaded", None),
        (500, "An internal error has occurred.", [], "upstream_overloaded", None),
        (499, "The operation was cancelled.", [], "upstream_overloaded", None),
    ],
)
@pytest.mark.parametrize("in_a_list", [False, True])
def test_what_they_mean(
    status: int, message: str, details: list[Any], kind: str, delay: float | None, in_a_list: bool
) -> None:
    body: Any = {"error": {"code": status, "message": message, "status": "X", "details": details}}
    error = gemini.parse_error(status, [], msgspec.json.encode([body] if in_a_list else body))
    assert (error.kind, error.message, error.retry_after, error.upstream_status) == (kind, message, delay, status)


def test_a_refused_request_keeps_its_status() -> None:
    error = gemini.parse_error(422, [], b'{"error":{"message":"no"}}')
    assert (error.kind, error.status, error.type) == ("upstream_rejected", 422, "invalid_request_error")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "an empty body"),
        (b"<html><h1>502 Bad Gateway</h1></html>", "502 Bad Gateway"),
        (b"[]", "[]"),
        (b'{"error":null}', '{"error":null}'),
        (b'{"error":"plain"}', "plain"),
        (b'{"error":{"details":[3,{"violations":[3]}],"message":""}}', "HTTP 502"),
        (b'{"error":{"details":{"retryDelay":"1s"},"message":"m"}}', "m"),
    ],
)
def test_odd_bodies_survive(body: bytes, message: str) -> None:
    error = gemini.parse_error(502, [(b"retry-after", b"7")], body)
    assert (error.kind, error.message, error.retry_after) == ("upstream_overloaded", message, 7.0)


@pytest.mark.parametrize("delay", ["soon", "-1s", "", "1e999s"])
def test_odd_delays(delay: str) -> None:
    found = error_of({"code": 429, "message": "m", "details": [retry(delay)]}).retry_after
    assert found in (None, 86400.0)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"code": 503, "message": "m"}, "upstream_overloaded"),
        ({"status": "RESOURCE_EXHAUSTED", "message": "m"}, "upstream_rate_limited"),
        ({"status": "UNAUTHENTICATED"}, "upstream_credentials"),
        ({"message": "m"}, "upstream_overloaded"),
        ("plain", "upstream_overloaded"),
    ],
)
def test_inside_a_stream(said: Any, kind: str) -> None:
    assert error_of(said).kind == kind


# To callers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RouterError("unknown_model", "m"), {"code": 404, "message": "m", "status": "NOT_FOUND"}),
        (RouterError("unauthorized", "m"), {"code": 401, "message": "m", "status": "UNAUTHENTICATED"}),
        (RouterError("context_length", "m"), {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}),
        (RouterError("too_large", "m"), {"code": 413, "message": "m", "status": "INVALID_ARGUMENT"}),
        (RouterError("upstream_timeout", "m"), {"code": 504, "message": "m", "status": "DEADLINE_EXCEEDED"}),
        (RouterError("upstream_unreachable", "m"), {"code": 502, "message": "m", "status": "UNAVAILABLE"}),
        (
            RouterError("upstream_rate_limited", "m", retry_after=12.5),
            {
                "code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED",
                "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12.5s"}],
            },
        ),
        (
            RouterError("invalid_request", "m", param="contents.0"),
            {
                "code": 400, "message": "m", "status": "INVALID_ARGUMENT",
                "details": [{
                    "@type": "type.googleapis.com/google.rpc.BadRequest",
                    "fieldViolations": [{"field": "contents.0", "description": "m"}],
                }],
            },
        ),
    ],
)  # fmt: skip
def test_how_callers_are_told(error: RouterError, expected: dict[str, Any]) -> None:
    assert msgspec.json.decode(gemini.render_error(error)) == {"error": expected}
    assert gemini.error_status(error) == expected["code"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_one_of_googles_names(kind: str) -> None:
    said = msgspec.json.decode(gemini.render_error(RouterError(kind, "m")))["error"]
    assert said["status"].isupper()
    assert said["code"] == KINDS[kind].status
