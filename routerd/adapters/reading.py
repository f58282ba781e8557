"""Reading a caller's body field by field: wrong types get an error that names the place, unknown fields are kept."""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

from routerd.adapters.base import escape
from routerd.errors import RouterError

_Value = TypeVar("_Value")

_NAMES: dict[Any, str] = {
    str: "a string",
    bool: "true or false",
    dict: "an object",
    list: "a list",
    int: "a whole number",
}


def refuse(at: str, message: str) -> NoReturn:
    """Raise RouterError(invalid_request) about the place that the JSON pointer `at` names."""
    place = at.lstrip("/").replace("/", ".")
    raise RouterError(
        "invalid_request", f"`{place}` {message}." if place else f"The body {message}.", param=place or None
    )


class Fields:
    """One JSON object. Each `take` removes a field, so that what is left at the end is what we don't know.

    A field that is null counts as absent.
    """

    def __init__(self, value: Any, at: str) -> None:
        if not isinstance(value, dict):
            refuse(at, "must be an object")
        self.at = at
        self.left: dict[str, Any] = {name: each for name, each in value.items() if each is not None}

    def place(self, name: str) -> str:
        """The JSON pointer to a field."""
        return f"{self.at}/{escape(name)}"

    def take(self, name: str, kind: type[_Value]) -> _Value | None:
        """A field of that type (str, bool, int, dict or list), or None. Raises RouterError(invalid_request)."""
        value = self.left.pop(name, None)
        if value is None:
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            refuse(self.place(name), f"must be {_NAMES[kind]}")
        return value

    def need(self, name: str, kind: type[_Value]) -> _Value:
        """As `take`, of a field that must be there."""
        value = self.take(name, kind)
        if value is None:
            refuse(self.place(name), f"must be {_NAMES[kind]} and is required")
        return value

    def number(self, name: str) -> float | None:
        """A number, whole or not, or None."""
        value = self.left.pop(name, None)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            refuse(self.place(name), "must be a number")
        return value

    def any(self, name: str) -> Any:
        """A field of whatever type, or None."""
        return self.left.pop(name, None)

    def texts(self, name: str) -> list[str]:
        """A list of strings; [] where there is none."""
        values = self.take(name, list) or []
        for index, value in enumerate(values):
            if not isinstance(value, str):
                refuse(f"{self.place(name)}/{index}", "must be a string")
        return values

    def pointers(self) -> dict[str, Any]:
        """What is left, by JSON pointer: for `ChatRequest.extra`."""
        return {self.place(name): value for name, value in self.left.items()}
