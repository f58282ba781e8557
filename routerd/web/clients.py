"""`/api/clients`: who may call /v1. A key is made here, told once, and kept as its SHA-256 alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Meta, UnsetType
from quart import Response

from routerd.config import clients
from routerd.config.changes import Change
from routerd.config.diff import is_open
from routerd.config.entries import NameTaken, NoSuchEntry
from routerd.config.model import ClientConfig
from routerd.editing import Edited
from routerd.issuing import issue_key
from routerd.management import Management
from routerd.state.generations import stamp
from routerd.web.answers import answer, flag, read_body
from routerd.web.edits import asked_for, if_match, make
from routerd.web.operations import DRY_RUN, Operation
from routerd.web.problems import ApiError
from routerd.web.shapes import DryRun, Edit, Time

_CLOSED = "This is the first client: calls without a key, which were answered on this machine, are refused from now on."
_NOBODY = "No client is active: nobody may call /v1 now."

_Routes = Annotated[list[str] | None, Meta(description="The routes it may use; null: all of them.")]
_Digest = Annotated[str, Meta(description="SHA-256 of its key, in hexadecimal.")]


class NewClient(msgspec.Struct, forbid_unknown_fields=True):
    """A client to be. With `key_sha256` it has a key already; else one is made."""

    name: str
    routes: _Routes = None
    is_active: bool = True
    key_sha256: str | None = None


class ClientPatch(msgspec.Struct, forbid_unknown_fields=True):
    """A JSON merge patch of a client; `name` renames it."""

    name: str | UnsetType = UNSET
    routes: list[str] | UnsetType | None = UNSET
    is_active: bool | UnsetType | None = UNSET
    key_sha256: str | UnsetType = UNSET


class Client(msgspec.Struct):
    """Someone who may call /v1."""

    name: str
    routes: _Routes
    is_active: bool
    key_sha256: _Digest
    created_at: Time | None = None
    updated_at: Time | None = None


class ChangedClient(Edit, kw_only=True):
    """A client, and what the edit changed. `warnings` say what follows for others."""

    name: str
    routes: _Routes
    is_active: bool
    key_sha256: _Digest
    created_at: Time | None = None
    updated_at: Time | None = None
    warnings: list[str]


class AddedClient(ChangedClient, kw_only=True):
    """A new client. `key` is told here, and never again; null: the caller has it."""

    key: str | None


class WouldChange(DryRun):
    """What an edit of the clients would change. `warnings` say what would follow for others."""

    warnings: list[str] = msgspec.field(default_factory=list)


class ClientsApi:
    """The handlers; every one runs behind the guard."""

    def __init__(self, management: Management) -> None:
        self._management = management
        self._editor = management.editor

    def operations(self) -> Sequence[Operation]:
        """One row for each path and method."""
        return (
            Operation(
                "GET", "/api/clients", self.listed, "Who may call /v1; their keys are not told.",
                gives=list[Client], is_tagged=True,
            ),
            Operation(
                "POST", "/api/clients", self.add, "Let somebody call /v1; this answer alone has the key.",
                body=NewClient, gives=AddedClient, dry=WouldChange, status=201, query=(DRY_RUN,),
                problems=("name_taken",),
            ),
            Operation(
                "PATCH", "/api/clients/{name}", self.patch, "Change a client.",
                body=ClientPatch, gives=ChangedClient, dry=WouldChange, query=(DRY_RUN,),
                problems=("not_found", "name_taken"),
            ),
            Operation(
                "DELETE", "/api/clients/{name}", self.drop, "Take a client out: its key is refused at once.",
                dry=WouldChange, status=204, query=(DRY_RUN,), problems=("not_found",),
            ),
        )  # fmt: skip

    async def listed(self) -> Response:
        """Every client of what serves."""
        found = self._serving() or {}
        told = [self._told(name, client) for name, client in found.items()]
        return answer(told, digest=self._management.reloader.digest)

    async def add(self) -> Response:
        """A key, and the client that has it."""
        body = await read_body(NewClient)
        issued = issue_key() if body.key_sha256 is None else None
        entry: dict[str, Any] = {"key_sha256": issued.digest if issued is not None else body.key_sha256}
        entry |= {"routes": body.routes} if body.routes is not None else {}
        entry |= {} if body.is_active else {"is_active": False}
        more = {"key": issued.key if issued is not None else None}
        tell = partial(self._changed, body.name, more)
        response = await self._edit(body.name, lambda data: clients.create(data, body.name, entry), tell)
        if not flag("dry_run"):
            response.status_code = 201
            response.headers["Location"] = f"/api/clients/{quote(body.name, safe='')}"
        return response

    async def patch(self, name: str) -> Response:
        """Only what is in the body changes."""
        body = await read_body(ClientPatch)
        asked = {key: value for key, value in msgspec.structs.asdict(body).items() if value is not UNSET}
        tell = partial(self._changed, asked.get("name", name), {})
        return await self._edit(name, lambda data: clients.patch(data, name, asked), tell)

    async def drop(self, name: str) -> Response:
        """It goes; without any client left nobody may call."""
        response = await self._edit(name, lambda data: clients.drop(data, name), dict)
        if flag("dry_run"):
            return response
        gone = Response(b"", 204, {"ETag": response.headers["ETag"]})
        del gone.headers["Content-Type"]
        return gone

    def _serving(self) -> dict[str, ClientConfig] | None:
        loaded = self._management.reloader.loaded
        return loaded.config.clients if loaded is not None else None

    async def _edit(
        self, name: str, plan: Callable[[Any], Sequence[Change]], tell: Callable[[], dict[str, Any]]
    ) -> Response:
        asked = asked_for("api", if_match())
        before = self._serving()
        warnings: list[str] = []

        async def edit() -> Edited:
            try:
                edited = await self._editor.edit_by(plan, asked)
                warnings.extend(_warnings(before, edited))
                return edited
            except NoSuchEntry:
                raise ApiError("not_found", f"There is no client `{name}`.") from None
            except NameTaken as error:
                raise ApiError("name_taken", f"There is a client `{error}` already.") from None

        return await make(asked, edit, lambda: {**({} if asked.dry_run else tell()), "warnings": warnings})

    def _changed(self, name: str, more: dict[str, Any]) -> dict[str, Any]:
        """The client as it is after an edit."""
        found = self._serving() or {}
        client = found.get(name)
        if client is None:  # somebody else has been quicker
            raise ApiError("not_found", f"There is no client `{name}` any more.")
        return {**msgspec.to_builtins(self._told(name, client)), **more}

    def _told(self, name: str, client: ClientConfig) -> Client:
        try:
            row = self._management.inventory.row("clients", name)
        except KeyError:  # not mirrored there yet
            return Client(name, client.routes, client.is_active, client.key_sha256)
        times = stamp(row.created_at), stamp(row.updated_at)
        return Client(name, client.routes, client.is_active, client.key_sha256, *times)


def _warnings(before: Mapping[str, ClientConfig] | None, edited: Edited) -> Iterator[str]:
    """What follows for others when the clients are as they are after the edit."""
    after = edited.config.clients if edited.config is not None else None
    if before is None and after is not None:
        yield _CLOSED
    if not is_open(after):
        yield _NOBODY
