"""A provider that stands in no file yet: what somebody typed into a form, under the rules of router.yaml."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from routerd.config.check import check
from routerd.config.problem import Problem
from routerd.config.references import BadReference, parse_key
from routerd.snapshot import Provider, compile

_NAME = "new"  # no vendor's: a name tells nothing here


class Unusable(Exception):
    """It can't be called as it is; `problems` say why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.text for problem in problems))
        self.problems = tuple(problems)


class NotPlain(Exception):
    """Its key is a reference: whoever may ask must not have a secret of ours sent to an address of theirs."""


class _Typed:
    """Secrets are what was typed, and nothing is looked up."""

    def value(self, reference: str, origin: str) -> str:
        return reference

    def proxy(self, url: str) -> str:
        return url


def compiled(entry: Mapping[str, Any]) -> Provider:
    """The provider of an `entry` as under `providers` of router.yaml. Raises NotPlain and Unusable.

    Blocks for some milliseconds, at first need for more: not for the event loop.
    """
    _refuse_reference(entry.get("api_key"))
    # JSON is YAML: so the rules are those of the file, and its words
    checked = check(json.dumps({"providers": {_NAME: entry}}, ensure_ascii=False))
    if checked.config is None:
        raise Unusable([_at_home(problem) for problem in checked.errors])
    return compile(checked.config, "", 0, _Typed()).providers[_NAME]


def _refuse_reference(key: str | None) -> None:
    if key is None:
        return
    try:
        is_plain = parse_key(key).kind == "plain"
    except BadReference as error:
        raise Unusable([Problem("error", 1, 1, "api_key", error.message, error.hint)]) from None
    if not is_plain:
        raise NotPlain


def _at_home(problem: Problem) -> Problem:
    """Without the place in a text that nobody has seen."""
    path = problem.path.removeprefix(f"providers.{_NAME}").lstrip(".")
    return replace(problem, line=1, column=1, path=path)
