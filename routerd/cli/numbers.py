"""Numbers among the words of a verb."""

from __future__ import annotations

from typing import Any

import click

from routerd.cli.trouble import Misuse


class WholeNumber(click.IntRange):
    """As click's range, but for how it tells; `cure` says where such numbers are to be had."""

    def __init__(self, least: int, most: int | None = None, cure: str | None = None) -> None:
        super().__init__(least, most)
        self._bounds = f"of {least} or more" if most is None else f"from {least} to {most}"
        self._cure = cure

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        try:
            return super().convert(value, parameter, context)
        except click.BadParameter:
            what = parameter.get_error_hint(context) if parameter is not None and context is not None else "this"
            raise Misuse(f"{what} must be a whole number {self._bounds}", self._cure) from None
