"""`/api/config`: the text, its history, and the ways to change it."""

from __future__ import annotations

from typing import Any

import msgspec
from quart import Quart, Response, g

from routerd.config.file import ConfigFileError
from routerd.management import Management
from routerd.state.generations import MOST_ROWS, Record, Unanswered, stamp
from routerd.web.answers import answer, number_in_query, read_body
from routerd.web.edits import asked_for, if_match, make, source_of
from routerd.web.problems import ApiError

_USUAL_LIMIT = 50


class TextBody(msgspec.Struct, forbid_unknown_fields=True):
    """What PUT and check take."""

    text: str


class RollbackBody(msgspec.Struct, forbid_unknown_fields=True):
    """What rollback takes."""

    generation: int


class Empty(msgspec.Struct, forbid_unknown_fields=True):
    """A body without anything."""


class ConfigApi:
    """The handlers; every one runs behind the guard."""

    def __init__(self, management: Management) -> None:
        self._management = management
        self._editor = management.editor
        self._reloader = management.reloader

    def add_to(self, app: Quart) -> None:
        """Make the paths known."""
        app.add_url_rule("/api/config", "get_config", self.get, methods=["GET"])
        app.add_url_rule("/api/config", "put_config", self.put, methods=["PUT"])
        app.add_url_rule("/api/config/check", "check_config", self.check, methods=["POST"])
        app.add_url_rule("/api/config/history", "history", self.history, methods=["GET"])
        app.add_url_rule("/api/config/rollback", "rollback", self.rollback, methods=["POST"])
        app.add_url_rule("/api/config/reload", "reload", self.reload, methods=["POST"])

    async def get(self) -> Response:
        """The file's text, its digest, and the generation that serves."""
        try:
            text, digest = await self._editor.shown()
        except ConfigFileError as error:
            kind = "not_found" if error.trouble == "missing" else "config_unreadable"
            raise ApiError(kind, str(error)) from None
        reloader = self._reloader
        body = {"text": text, "digest": digest, "generation": reloader.generation, "serving": reloader.digest}
        return answer(body, digest=digest)

    async def put(self) -> Response:
        """Another text, in the place of the one that the caller has seen."""
        body = await read_body(TextBody)
        condition = if_match()
        if condition is None:
            raise ApiError("if_match_needed", "Send `If-Match` with the ETag that GET /api/config gave.")
        asked = asked_for("api", condition)
        return await make(asked, lambda: self._editor.replace(body.text, asked))

    async def check(self) -> Response:
        """What is wrong with a text, or what it would change."""
        body = await read_body(TextBody)
        found = await self._editor.try_out(body.text)
        is_fine = all(problem.severity == "warning" for problem in found.problems)
        return answer({"ok": is_fine, "digest": found.digest, "serving": self._reloader.digest, **found.as_json()})

    async def history(self) -> Response:
        """The latest generations, and what was refused, newest first."""
        limit = number_in_query("limit", _USUAL_LIMIT, MOST_ROWS)
        generations = self._management.generations
        try:
            found = await generations.history(limit) if generations is not None else []
        except Unanswered as error:
            raise ApiError("history_unanswered", str(error)) from None
        return answer([_row(record) for record in found])

    async def rollback(self) -> Response:
        """An earlier text once more, as a new generation."""
        body = await read_body(RollbackBody)
        asked = asked_for("rollback", if_match())
        return await make(asked, lambda: self._editor.rollback(body.generation, asked))

    async def reload(self) -> Response:
        """Look at the file now."""
        await read_body(Empty)
        outcome = await self._reloader.reload(self._management.adopt, source_of("api"), g.admin.name)
        told = outcome.as_json()
        if outcome.result == "rejected":
            detail = outcome.reason or "The file has problems, so what served before serves on."
            raise ApiError(
                "config_rejected", detail, **{key: told[key] for key in ("problems", "generation", "digest")}
            )
        return answer(told)


def _row(record: Record) -> dict[str, Any]:
    return {
        "generation": record.generation,
        "at": stamp(record.at),
        "source": record.source,
        "actor": record.actor,
        "digest": record.digest,
        "summary": record.summary,
        "outcome": record.outcome,
        "problems": record.problems,
    }
