"""`/api/config`: the text, its history, and the ways to change it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from quart import Response, g

from routerd.config.file import ConfigFileError
from routerd.editing import Refused
from routerd.management import Management
from routerd.state.asking import Unanswered
from routerd.state.generations import MOST_ROWS, Record, stamp
from routerd.web.answers import answer, number_in_query, read_body, refusal
from routerd.web.edits import asked_for, if_match, make, source_of
from routerd.web.operations import DRY_RUN, Operation, Query
from routerd.web.problems import ApiError
from routerd.web.shapes import Checked, Config, Edit, KeptText, Outcome, Recorded

_USUAL_LIMIT = 50
_MOST_DIGITS = 15
_LIMIT = Query("limit", f"How many at most, up to {MOST_ROWS}; {_USUAL_LIMIT} when left out.", int, 1, MOST_ROWS)


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

    def operations(self) -> Sequence[Operation]:
        """One row for each path and method."""
        return (
            Operation(
                "GET", "/api/config", self.get, "The text of router.yaml, and its digest.",
                gives=Config, problems=("not_found", "config_unreadable"), is_tagged=True,
            ),
            Operation(
                "PUT", "/api/config", self.put, "Replace the whole text; If-Match is needed.",
                body=TextBody, gives=Edit, query=(DRY_RUN,), problems=("if_match_needed",),
            ),
            Operation(
                "POST", "/api/config/check", self.check, "What is wrong with a text, or what it would change.",
                body=TextBody, gives=Checked, asks="viewer",
            ),
            Operation(
                "GET", "/api/config/history", self.history, "The latest generations and refused files, newest first.",
                gives=list[Recorded], query=(_LIMIT,), problems=("history_unanswered",),
            ),
            Operation(
                "GET", "/api/config/history/{generation}", self.earlier, "The text of an earlier generation.",
                gives=KeptText, problems=("not_found", "text_not_kept", "history_unanswered"),
            ),
            Operation(
                "POST", "/api/config/rollback", self.rollback, "Make the text of an earlier generation a new one.",
                body=RollbackBody, gives=Edit, query=(DRY_RUN,),
                problems=("not_found", "text_not_kept", "history_unanswered"),
            ),
            Operation(
                "POST", "/api/config/reload", self.reload, "Look at the file now.",
                body=Empty, gives=Outcome, problems=("config_rejected",),
            ),
        )  # fmt: skip

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

    async def earlier(self, generation: str) -> Response:
        """One of them, with its text."""
        if not (generation.isascii() and generation.isdigit() and len(generation) <= _MOST_DIGITS):
            raise ApiError("not_found", f"There is no generation `{generation[:32]}`.")
        try:
            record, text = await self._editor.kept(int(generation))
        except Unanswered as error:
            raise ApiError("history_unanswered", str(error)) from None
        except Refused as error:
            raise refusal(error) from None
        told = {"generation": record.generation, "at": stamp(record.at), "digest": record.digest, "text": text}
        return answer(told)

    async def rollback(self) -> Response:
        """An earlier text once more, as a new generation."""
        body = await read_body(RollbackBody)
        asked = asked_for("rollback", if_match())
        return await make(asked, lambda: self._editor.rollback(body.generation, asked))

    async def reload(self) -> Response:
        """Look at the file now, and at what its keys refer to."""
        await read_body(Empty)
        outcome = await self._reloader.reload(self._management.adopt, source_of("api"), g.admin.name, is_asked=True)
        told = outcome.as_json()
        if outcome.result == "unchanged":  # the watch was first: what follows from a save may still be due
            await self._management.backups.settle()
        if outcome.result == "rejected":
            detail = outcome.reason or "The file has problems, so what served before serves on."
            raise ApiError("config_rejected", detail, **told)  # all of the outcome, as when it is adopted
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
