"""What the management API offers: one row for each method of a path. The app's rules, who may call them, and
`/openapi.json` are all made of these rows, so that none of them can differ from the others."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from quart import Quart, Response

Needs = Literal["viewer", "editor", "nobody"]
Handler = Callable[..., Awaitable[Response]]

_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter of the query: what it is for, the type its text is read as, and what it may be."""

    name: str
    about: str
    kind: type[str] | type[int] | type[bool] | type[float] = str
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()


DRY_RUN = Query("dry_run", "Answer with what would change, and change nothing.", bool)
"""Every row that has it is an edit of router.yaml: it takes If-Match and gives the new ETag, too."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, such as `/api/providers/{id}`; the handler is called with what stands in braces.

    `about` is a sentence for people. `body` and `gives` are types that msgspec can describe (None: no body), `media`
    what the answer is when it is not JSON, `also` what other statuses give that are no problems, `dry` what a dry run
    gives if that is more than the usual. `problems` are the kinds beyond those that every operation may answer with.
    `is_tagged`: a GET whose answer has an ETag. `is_hidden`: it is no part of the API, such as the files of a page,
    and not described.
    `asks` is the least role that may call it; left out, reading needs a viewer and anything else an editor.
    `doorstep` is what a browser gets with the refusal when its user has not said who they are: a page that asks.
    """

    method: str
    path: str
    handler: Handler
    about: str
    body: Any = None
    gives: Any = None
    status: int = 200
    media: str = "application/json"
    query: tuple[Query, ...] = ()
    problems: tuple[str, ...] = ()
    asks: Needs | None = None
    also: Mapping[int, Any] = field(default_factory=dict)
    dry: Any = None
    is_tagged: bool = False
    is_hidden: bool = False
    doorstep: Handler | None = None

    @property
    def edits(self) -> bool:
        """Whether it edits router.yaml."""
        return DRY_RUN in self.query

    @property
    def needs(self) -> Needs:
        """The least role that may call it."""
        return self.asks or ("viewer" if self.method == "GET" else "editor")

    @property
    def name(self) -> str:
        """Its name among all operations: `patch_api_providers_id`."""
        return re.sub(r"\W+", "_", f"{self.method.lower()}{self.path}").strip("_")

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of what stands in braces."""
        return tuple(_PARAMETER.findall(self.path))

    @property
    def rule(self) -> str:
        """The path as Quart writes it."""
        return _PARAMETER.sub(r"<\1>", self.path)


class Part(Protocol):
    """A handful of operations that belong together."""

    def operations(self) -> Sequence[Operation]: ...


def add(app: Quart, parts: Iterable[Part]) -> tuple[Operation, ...]:
    """Make the operations of all parts known to the app, and return them."""
    rows = tuple(operation for part in parts for operation in part.operations())
    for row in rows:
        app.add_url_rule(row.rule, row.name, row.handler, methods=[row.method])
    return rows
