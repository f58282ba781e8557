"""Reading and writing the JSON of `/api`."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from quart import Response, request

from routerd.editing import Edited, Refused
from routerd.web.problems import ApiError

_Body = TypeVar("_Body", bound=msgspec.Struct)

_PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def answer(body: Any, status: int = 200, digest: str | None = None) -> Response:
    """A JSON answer; `digest` becomes its ETag."""
    headers = {**_PRIVATE, "ETag": f'"{digest}"'} if digest else dict(_PRIVATE)
    return Response(msgspec.json.encode(body), status, headers, content_type="application/json")


async def read_body(shape: type[_Body]) -> _Body:
    """The request's body. Raises ApiError: invalid_request."""
    try:
        return msgspec.json.decode(await request.get_data() or b"{}", type=shape)
    except msgspec.MsgspecError as error:  # tells of types and names, never of values
        raise ApiError("invalid_request", f"The body is not what is expected here: {error}.") from None
    except RecursionError:
        raise ApiError("invalid_request", "The body is nested too deeply.") from None


def number_in_query(name: str, default: int, most: int) -> int:
    """A positive number of the query. Raises ApiError: invalid_request."""
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= most):
        raise ApiError("invalid_request", f"`{name}` must be a number from 1 to {most}.")
    return int(text)


def flag(name: str) -> bool:
    """Whether `?NAME=true` was asked for. Raises ApiError: invalid_request."""
    value = request.args.get(name, "false").lower()
    if value not in ("true", "false", "1", "0"):
        raise ApiError("invalid_request", f"`{name}` must be true or false.")
    return value in ("true", "1")


def refusal(error: Refused) -> ApiError:
    """A refused edit as a problem."""
    more: dict[str, Any] = {}
    if error.problems:
        more["problems"] = [problem.as_json() for problem in error.problems]
    if error.diff is not None:
        more["diff"] = error.diff
    return ApiError(error.kind, error.detail, **more)


def edited(result: Edited, **more: Any) -> Response:
    """The answer to an edit that was made."""
    body = {**more, "digest": result.digest, "generation": result.generation, **result.as_json()}
    if result.commit is not None:
        body["git"] = result.commit.as_json()
    return answer(body, digest=result.digest)
