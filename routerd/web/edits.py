"""An edit that was asked for over HTTP: by whom, under which condition, and how its outcome is answered."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from quart import Response, g, request

from routerd.editing import Asked, Edited, Refused
from routerd.state.asking import Unanswered
from routerd.state.generations import Source
from routerd.web.answers import answer, edited, flag, refusal
from routerd.web.problems import ApiError

_TAG = re.compile(r'(?:W/)?"([^"]*)"')


async def make(
    asked: Asked, edit: Callable[[], Awaitable[Edited]], tell: Callable[[], dict[str, Any]] = dict
) -> Response:
    """Make an edit, and answer with what it did, and with what there is to `tell` afterwards. Raises ApiError."""
    try:
        result = await edit()
    except Unanswered as error:
        raise ApiError("history_unanswered", str(error)) from None
    except Refused as error:
        if asked.dry_run and error.kind == "config_invalid":
            told = [problem.as_json() for problem in error.problems]
            return answer({**tell(), "diff": "", "changes": [], "problems": told})
        raise refusal(error) from None
    return answer({**tell(), **result.as_json()}) if asked.dry_run else edited(result, **tell())


def asked_for(source: Source, condition: Callable[[str], bool] | None) -> Asked:
    """The edit, as its request and the guard have it. Raises ApiError: invalid_request."""
    return Asked(g.admin.name, source_of(source), condition, flag("dry_run"))


def source_of(usual: Source) -> Source:
    """Our own command line says that it is it."""
    is_ours = usual == "api" and request.headers.get("user-agent", "").startswith("routerd-cli/")
    return "cli" if is_ours else usual


def if_match() -> Callable[[str], bool] | None:
    """Whether a digest is one that the caller has seen; None when no such condition was sent."""
    value = request.headers.get("if-match")
    if value is None:
        return None
    if value.strip() == "*":
        return lambda digest: True
    seen = set(_TAG.findall(value))
    return lambda digest: digest in seen
