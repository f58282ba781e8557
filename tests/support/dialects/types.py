"""A body held against the types of a vendor's own package, down to the last field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tests.support.dialects.base import Refused


def conforms(adapter: TypeAdapter[Any], body: Any) -> None:
    """Raises Refused where the body has an unknown field, lacks one, or has a wrong type."""
    try:
        _walk(adapter.validate_python(body, strict=True, extra="forbid"), [])
    except ValidationError as error:
        raise Refused(_told(error)) from error


def _walk(value: Any, path: list[str]) -> None:
    # The packages say Iterable for lists, and pydantic looks at those only while somebody iterates over them.
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _walk(inner, [*path, str(name)])
    elif not isinstance(value, str | bytes) and hasattr(value, "__iter__"):
        for number, inner in enumerate(value):
            _walk(inner, [*path, str(number)])


def _told(error: ValidationError) -> str:
    # Of a union's many complaints the deepest ones are about the member that was meant.
    problems = error.errors(include_url=False, include_input=False)
    deepest = max(len(problem["loc"]) for problem in problems)
    told = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problems if len(one["loc"]) == deepest]
    return "; ".join(told[:4])
