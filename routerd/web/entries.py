"""One provider or route by its name: PATCH and DELETE, each of which changes the lines of that entry alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from quart import Quart, Response, request

from routerd.config.changes import Change
from routerd.config.entries import InUse, NameTaken, NoSuchEntry, Section, drop, patch
from routerd.editing import Edited
from routerd.management import Management
from routerd.web.answers import flag
from routerd.web.edits import asked_for, if_match, make
from routerd.web.problems import ApiError

_PATHS: tuple[tuple[str, Section], ...] = (("/api/providers", "providers"), ("/api/model-routes", "routes"))


class EntriesApi:
    """The handlers; every one runs behind the guard."""

    def __init__(self, management: Management) -> None:
        self._editor = management.editor

    def add_to(self, app: Quart) -> None:
        """Make the paths known."""
        for path, section in _PATHS:
            for method, handler in (("PATCH", self.patch), ("DELETE", self.drop)):
                name = f"{method.lower()}_{section}"
                app.add_url_rule(f"{path}/<name>", name, partial(handler, section), methods=[method])

    async def patch(self, section: Section, name: str) -> Response:
        """A JSON merge patch of the entry."""
        body = await _object()
        return await self._change(name, lambda data: patch(data, section, name, body))

    async def drop(self, section: Section, name: str) -> Response:
        """The entry goes; `?force=true` takes it out of whatever uses it."""
        force = flag("force")
        answer = await self._change(name, lambda data: drop(data, section, name, force=force))
        if flag("dry_run"):
            return answer
        gone = Response(b"", 204, {"ETag": answer.headers["ETag"]})
        del gone.headers["Content-Type"]
        return gone

    async def _change(self, name: str, plan: Callable[[Any], Sequence[Change]]) -> Response:
        asked = asked_for("api", if_match())

        async def edit() -> Edited:
            try:
                return await self._editor.edit_by(plan, asked)
            except NoSuchEntry:
                raise ApiError("not_found", f"There is no `{name}`.") from None
            except NameTaken as error:
                raise ApiError("name_taken", f"There is a `{error}` already.") from None
            except InUse as error:
                detail = f"`{name}` is used by {', '.join(error.routes)}: take it out there, or add `?force=true`."
                raise ApiError("in_use", detail, used_by=list(error.routes)) from None

        return await make(asked, edit)


async def _object() -> dict[str, Any]:
    try:
        body = msgspec.json.decode(await request.get_data() or b"{}")
    except msgspec.MsgspecError:
        raise ApiError("invalid_request", "The body is not JSON.") from None
    if not isinstance(body, dict) or not isinstance(body.get("name", ""), str):
        raise ApiError("invalid_request", "The body must be an object, and a name in it a text.")
    return body
