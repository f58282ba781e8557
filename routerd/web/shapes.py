"""What the management API answers with, as `/openapi.json` describes it: the shapes that several paths share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from routerd.config.difference import Kind
from routerd.config.problem import Severity
from routerd.state.generations import Decision, Source

Time = Annotated[str, Meta(description="ISO 8601, UTC.", extra_json_schema={"format": "date-time"})]
Digest = Annotated[str, Meta(description="SHA-256 of a text of router.yaml.", pattern="^[0-9a-f]{64}$")]
Generation = Annotated[int, Meta(ge=0, description="The number of a config that served; 0: none does.")]


class ConfigProblem(msgspec.Struct):
    """One thing wrong with a config, and where: lines and columns count from 1."""

    severity: Severity
    line: int
    column: int
    path: Annotated[str, Meta(description="Such as `routes.smart.nodes[1].provider`.")]
    message: str
    hint: str | None


class Problem(msgspec.Struct):
    """What went wrong, as RFC 9457 has it. Programs can rely on `kind`; `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    kind: str
    problems: Annotated[
        list[dict[str, Any]] | msgspec.UnsetType, Meta(description="Of a config: everything that is wrong with it.")
    ] = msgspec.UNSET
    diff: Annotated[str | msgspec.UnsetType, Meta(description="What would have been written, where it can't be.")] = (
        msgspec.UNSET
    )
    used_by: Annotated[list[str] | msgspec.UnsetType, Meta(description="The routes that use it.")] = msgspec.UNSET
    generation: int | msgspec.UnsetType = msgspec.UNSET
    digest: str | msgspec.UnsetType = msgspec.UNSET


class Change(msgspec.Struct):
    """What another config changes for traffic, for who can read keys, and where they go."""

    kind: Kind
    path: str
    words: str
    brief: str
    subject: str


class GitCommit(msgspec.Struct):
    """The commit that an edit became, or the reason why there is none."""

    commit: str | None
    reason: str | None


class DryRun(msgspec.Struct):
    """What an edit would change. With an error among the problems it can't be made."""

    diff: str
    changes: list[Change]
    problems: list[ConfigProblem]


class Edit(msgspec.Struct):
    """What an edit has changed: this serves now."""

    digest: Digest
    generation: Generation
    diff: str
    changes: list[Change]
    problems: list[ConfigProblem]
    git: GitCommit | msgspec.UnsetType = msgspec.UNSET


class Outcome(msgspec.Struct):
    """What came of a look at router.yaml; generation and digest are of what serves after it."""

    at: Time
    result: Literal["adopted", "unchanged", "rejected"]
    source: Source
    actor: str | None
    generation: Generation
    digest: str
    reason: str | None
    problems: list[ConfigProblem]
    changes: list[Change]


class Recorded(msgspec.Struct):
    """One config that was looked at; a refused one has no generation."""

    generation: int | None
    at: Time
    source: Source
    actor: str | None
    digest: str | None
    summary: Annotated[str, Meta(description="What it changed.")]
    outcome: Decision
    problems: Annotated[list[dict[str, Any]], Meta(description="As in an outcome, or a reason as the message alone.")]


class Config(msgspec.Struct):
    """router.yaml as it is; a key in plain text is sealed in it, or `[redacted]`."""

    text: str
    digest: Digest
    generation: Generation
    serving: Annotated[str, Meta(description="The digest of what serves, which may be another.")]


class KeptText(msgspec.Struct):
    """The text of a generation, as it was kept: its keys are sealed, or `[redacted]`. `digest` is of the file then."""

    generation: Generation
    at: Time
    digest: Digest
    text: str


class Checked(msgspec.Struct):
    """What is wrong with a text, and what it would change of what serves. `ok`: it could serve."""

    ok: bool
    digest: Digest
    serving: str
    diff: str
    changes: list[Change]
    problems: list[ConfigProblem]


class FileStanding(msgspec.Struct):
    """The file: where it is, `ok` or what is wrong with it, what to do about it, and whether its text serves."""

    file: str
    state: str
    cure: str | None
    is_served: bool


class CopyStanding(msgspec.Struct):
    """Whether what serves has been kept, and why not."""

    is_kept: bool
    reason: str | None


class LeftOut(msgspec.Struct):
    """A key that the backup could not hold, and why."""

    path: str
    reason: str


class BackupStanding(msgspec.Struct):
    """Whether the backup is what serves, why not, and since when."""

    is_kept: bool
    reason: str | None
    at: Time | None
    left_out: list[LeftOut]


class KeyStanding(msgspec.Struct):
    """How many can open the stored keys, and how safe these are from being lost."""

    recipients: int
    standing: str | None


class GitStanding(msgspec.Struct):
    """Where the repository of router.yaml stands. `is_dirty`: the file differs from what HEAD has of it."""

    head: str | None
    is_dirty: bool | None
    reason: str | None
    last_commit: GitCommit | None


class DatabaseStanding(msgspec.Struct):
    """state.db: `ok`, `unused` (nothing has been written yet) or `unusable`, and why. Requests are answered anyway.

    `dropped` rows were never written. A file that was broken is kept beside it as `set_aside`.
    """

    state: Literal["ok", "unused", "unusable"]
    reason: str | None
    dropped: int
    set_aside: str | None


class Standing(msgspec.Struct):
    """How routerd is."""

    version: str
    generation: Generation
    digest: str
    started_at: Time
    uptime_seconds: float
    replicas: int
    config: FileStanding
    last_reload: Outcome | None
    last_good_copy: CopyStanding
    backup: BackupStanding
    keys: KeyStanding
    anonymous: Annotated[bool, Meta(description="Whether there are no `clients`, so that calls need no key.")]
    database: DatabaseStanding
    git: Annotated[GitStanding | None, Meta(description="null: nothing is committed to one.")]
