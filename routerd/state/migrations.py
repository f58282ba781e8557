"""The shape of state.db, step by step. A database remembers in `user_version` how many steps it has taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    import sqlite_utils


class MadeByNewer(Exception):
    """The database has taken steps that this version does not know."""


def _signatures(tables: sqlite_utils.Database) -> None:
    tables.table("signatures").create({"id": int, "at": float, "scope": str, "body": bytes}, pk="id")


def _generations(tables: sqlite_utils.Database) -> None:
    columns = {
        "id": int, "generation": int, "at": float, "source": str, "actor": str, "digest": str, "summary": str,
        "outcome": str, "problems": str,
    }  # fmt: skip
    tables.table("generations").create(columns, pk="id")
    tables.table("generations").create_index(["generation"])


STEPS: tuple[Callable[[sqlite_utils.Database], None], ...] = (_signatures, _generations)
"""Only ever appended to: what a step did once stands in somebody's file."""


def migrate(connection: sqlite3.Connection) -> None:
    """Take the steps that are missing, all or none. Raises MadeByNewer."""
    if _taken(connection) == len(STEPS):
        return
    # Only here: sqlite-utils makes tables well, but takes 4 MB and 50 ms, which no later start needs to pay.
    import sqlite_utils

    connection.execute("BEGIN IMMEDIATE")  # another process may be at it: whoever comes second finds it done
    taken = _taken(connection)
    tables = sqlite_utils.Database(connection, execute_plugins=False)
    for step in STEPS[taken:]:
        step(tables)
    connection.execute(f"PRAGMA user_version = {len(STEPS)}")
    connection.execute("COMMIT")


def _taken(connection: sqlite3.Connection) -> int:
    taken = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if taken > len(STEPS):
        raise MadeByNewer("it was made by a newer routerd: go back to that version, delete the file, or name another")
    return taken
