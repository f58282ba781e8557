"""The shape of state.db, step by step. A database remembers in `user_version` how many steps it has taken.

The steps are plain SQL: sqlite-utils makes tables well too, but takes 6 MB and 100 ms at the first start to do it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


class MadeByNewer(Exception):
    """The database has taken steps that this version does not know."""


_SIGNATURES = ("CREATE TABLE signatures (id INTEGER PRIMARY KEY, at REAL, scope TEXT, body BLOB)",)

_GENERATIONS = (
    "CREATE TABLE generations (id INTEGER PRIMARY KEY, generation INTEGER, at REAL, source TEXT, actor TEXT, "
    "digest TEXT, summary TEXT, outcome TEXT, problems TEXT)",
    "CREATE INDEX generations_by_generation ON generations (generation)",
)

_STANDING = ("CREATE TABLE standing (kind TEXT, name TEXT, value TEXT, PRIMARY KEY (kind, name)) WITHOUT ROWID",)

_INVENTORY = (
    "CREATE TABLE inventory (section TEXT, id INTEGER, name TEXT, digest TEXT, created_at REAL, updated_at REAL, "
    "gone_at REAL, last_node INTEGER, nodes TEXT, test TEXT, discovered TEXT, PRIMARY KEY (section, id)) WITHOUT ROWID",
)

_ATTEMPTS = (
    "CREATE TABLE attempts (id INTEGER PRIMARY KEY, at REAL, request_id TEXT, client TEXT, route TEXT, provider TEXT, "
    "model TEXT, attempt INTEGER, stream INTEGER, ttft_ms INTEGER, duration_ms INTEGER, prompt_tokens INTEGER, "
    "completion_tokens INTEGER, cached_tokens INTEGER, reasoning_tokens INTEGER, cache_write_tokens INTEGER, "
    "config TEXT, retry_count INTEGER, trace TEXT, error TEXT, upstream_status INTEGER, status INTEGER, "
    "attempts INTEGER, total_ms INTEGER, cost REAL)",  # and no index: each would cost every request more than its row
)

_DROPPED = ("ALTER TABLE attempts ADD COLUMN dropped TEXT",)  # a JSON array of pointers

_FILES = ("ALTER TABLE generations ADD COLUMN file TEXT",)  # of which config file; NULL: nobody knows any more

STEPS: tuple[tuple[str, ...], ...] = (_SIGNATURES, _GENERATIONS, _STANDING, _INVENTORY, _ATTEMPTS, _DROPPED, _FILES)
"""Only ever appended to: what a step did once stands in somebody's file."""


def migrate(connection: sqlite3.Connection) -> None:
    """Take the steps that are missing, all or none. Raises MadeByNewer."""
    if _taken(connection) == len(STEPS):
        return
    connection.execute("BEGIN IMMEDIATE")  # another process may be at it: whoever comes second finds it done
    taken = _taken(connection)
    for step in STEPS[taken:]:
        for statement in step:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(STEPS)}")
    connection.execute("COMMIT")


def _taken(connection: sqlite3.Connection) -> int:
    taken = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if taken > len(STEPS):
        raise MadeByNewer("it was made by a newer routerd: go back to that version, delete the file, or name another")
    return taken
