"""What providers and routes have in common: read, create, patch and delete one by its id or its name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from quart import Response, request

from routerd.config.changes import Change
from routerd.config.entries import InUse, NameTaken, NoSuchEntry, Section, create, drop, entry_of, patch
from routerd.config.payloads import BadPayload
from routerd.config.problem import Problem, path_text
from routerd.editing import Edited
from routerd.gently import gently
from routerd.loading import Loaded
from routerd.management import Management
from routerd.state.generations import stamp
from routerd.state.inventory import Row
from routerd.web.answers import answer, flag
from routerd.web.edits import asked_for, if_match, make
from routerd.web.problems import ApiError

MOST_DEPTH = 32  # as in the file
AT_ONCE = 50  # entries that are told before the event loop does something else: this is half a millisecond

_Text = TypeVar("_Text")

Body = dict[str, Any]
Plan = Callable[[Any], Sequence[Change]]


class TextFacts(Generic[_Text]):
    """What is to be known of a text of router.yaml, found in a thread and once for each text."""

    def __init__(self, find: Callable[[Loaded], _Text]) -> None:
        self._find = find
        self._found: tuple[Loaded, _Text] | None = None

    async def of(self, loaded: Loaded) -> _Text:
        """Those of the text that this was loaded from."""
        found = self._found
        if found is None or found[0] is not loaded:
            found = self._found = (loaded, await asyncio.to_thread(self._look, loaded))
        return found[1]

    def _look(self, loaded: Loaded) -> _Text:
        with gently():
            return self._find(loaded)


class Entries:
    """The handlers of a section, made of what its parts know: every one runs behind the guard."""

    section: Section
    path: str

    def __init__(self, management: Management) -> None:
        self._management = management
        self._inventory = management.inventory

    async def shown(self, loaded: Loaded, rows: Mapping[str, Row]) -> list[Body]:
        """The entries of these names, as the API tells them."""
        raise NotImplementedError

    def made(self, asked: Body) -> Any:
        """A new entry, as it is to stand in the file. Raises BadPayload. In a thread."""
        raise NotImplementedError

    def changed(self, name: str, old: Any, asked: Body) -> Body:
        """What of a merge patch changes something. Raises BadPayload. In a thread."""
        raise NotImplementedError

    async def list(self) -> Response:
        """All of them, in the order of the file."""
        loaded = await self._serving()
        names = getattr(loaded.config, self.section)
        rows = {name: self._inventory.row(self.section, name) for name in names}
        return answer(await self.shown(loaded, rows), digest=loaded.snapshot.digest)

    async def get(self, id: str) -> Response:
        """One of them."""
        loaded = await self._serving()
        name = self._inventory.name_of(self.section, id)
        if name is None:
            raise _missing(id)
        [entry] = await self.shown(loaded, {name: self._inventory.row(self.section, name)})
        return answer(entry, digest=loaded.snapshot.digest)

    async def create(self) -> Response:
        """A new one behind the others."""
        body = await read_object()
        name = body.get("name")
        if not name:
            raise _refused(BadPayload(("name",), "`name` is missing"))

        def plan(data: Any) -> Sequence[Change]:
            return create(data, self.section, name, self.made(body))

        return await self._change(name, plan, lambda: name, 201)

    async def patch(self, id: str) -> Response:
        """A JSON merge patch of the entry; `name` in it renames."""
        body = await read_object()
        names = _Names(id, body.get("name"))
        if "name" in body and not names.new:
            raise _refused(BadPayload(("name",), "a name can't be taken away"))

        def plan(data: Any) -> Sequence[Change]:
            names.old = name = self._inventory.name_of(self.section, id) or id
            old = entry_of(data, self.section, name)
            wanted = self.changed(name, old, body)
            changes = patch(data, self.section, name, {**wanted, "name": names.new or name})
            if names.is_rename and not dry_run:
                self._inventory.renaming(self.section, name, names.new or name)
            return changes

        dry_run = flag("dry_run")
        try:
            return await self._change(id, plan, lambda: names.new or names.old)
        except ApiError:
            self._inventory.not_renaming(self.section, names.old)
            raise

    async def drop(self, id: str) -> Response:
        """The entry goes; `?force=true` takes it out of whatever uses it."""
        force = flag("force")

        def plan(data: Any) -> Sequence[Change]:
            name = self._inventory.name_of(self.section, id) or id
            return drop(data, self.section, name, force=force)

        answered = await self._change(id, plan, lambda: None)
        if flag("dry_run"):
            return answered
        gone = Response(b"", 204, {"ETag": answered.headers["ETag"]})
        del gone.headers["Content-Type"]
        return gone

    async def _serving(self) -> Loaded:
        await self._inventory.settled()
        assert self._inventory.mirrored is not None
        return self._inventory.mirrored

    async def _change(self, ident: str, plan: Plan, name: Callable[[], str | None], status: int = 200) -> Response:
        await self._inventory.settled()
        asked = asked_for("api", if_match())
        entry: Body = {}

        async def edit() -> Edited:
            try:
                result = await self._management.editor.edit_by(plan, asked)
            except BadPayload as error:
                raise _refused(error) from None
            except NoSuchEntry:
                raise _missing(ident) from None
            except NameTaken as error:
                raise ApiError("name_taken", f"There is a `{error}` already.") from None
            except InUse as error:
                detail = f"`{ident}` is used by {', '.join(error.routes)}: take it out there, or add `?force=true`."
                raise ApiError("in_use", detail, used_by=[*error.routes]) from None
            if not asked.dry_run:
                entry.update(await self.told(name()))
            return result

        answered = await make(asked, edit, lambda: entry)
        if status == 201 and entry:
            answered.status_code = status
            answered.headers["Location"] = f"{self.path}/{entry['id']}"
        return answered

    async def told(self, name: str | None) -> Body:
        """The entry as it is now; nothing when it is gone."""
        loaded = self._inventory.mirrored
        if name is None or loaded is None or name not in getattr(loaded.config, self.section):
            return {}
        [entry] = await self.shown(loaded, {name: self._inventory.row(self.section, name)})
        return entry


class _Names:
    """How an entry is called before and after a patch; `old` is known once the file has been read."""

    def __init__(self, ident: str, new: str | None) -> None:
        self.old = ident
        self.new = new

    @property
    def is_rename(self) -> bool:
        return self.new is not None and self.new != self.old


async def read_object() -> Body:
    """The body, an object whose name is a text. Raises ApiError: invalid_request."""
    try:
        body = msgspec.json.decode(await request.get_data() or b"{}")
    except (msgspec.MsgspecError, RecursionError):
        raise ApiError("invalid_request", "The body is not JSON.") from None
    if not isinstance(body, dict) or not isinstance(body.get("name", ""), str | None):
        raise ApiError("invalid_request", "The body must be an object, and a name in it a text.")
    if _is_deep(body):
        raise ApiError("invalid_request", f"The body has more than {MOST_DEPTH} levels.")
    return body


async def tell_each(rows: Mapping[str, Row], tell: Callable[[str, Row], Body]) -> list[Body]:
    """What there is to tell of each row."""
    told: list[Body] = []
    for number, (name, row) in enumerate(rows.items(), 1):
        told.append(tell(name, row))
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
    return told


def told_times(row: Row) -> Body:
    """When an entry came, and when what it says was last changed."""
    return {"created_at": stamp(row.created_at), "updated_at": stamp(row.updated_at)}


def _is_deep(body: Any) -> bool:
    level = [body]
    for _ in range(MOST_DEPTH):
        level = [
            each
            for value in level
            if isinstance(value, dict | list)
            for each in (value.values() if isinstance(value, dict) else value)
        ]
    return bool(level)


def _missing(ident: str) -> ApiError:
    return ApiError("not_found", f"There is no `{ident}`.")


def _refused(error: BadPayload) -> ApiError:
    problem = Problem("error", 1, 1, path_text(error.path), error.message, error.hint)
    return ApiError("config_invalid", f"{problem.path}: {problem.text}.", problems=[problem.as_json()])
