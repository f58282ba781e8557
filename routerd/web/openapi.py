"""OpenAPI 3.1 of the management API, made of the rows that serve it. https://spec.openapis.org/oas/v3.1.1.html"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from inspect import cleandoc
from typing import Any, get_args

import msgspec

from routerd import __version__
from routerd.errors import phrase
from routerd.web.openapi_entries import BODIES, entries
from routerd.web.openapi_examples import EXAMPLES
from routerd.web.openapi_v1 import paths as v1_paths
from routerd.web.openapi_v1 import shapes as v1_shapes
from routerd.web.operations import Operation, Query
from routerd.web.problems import OF_EDITS, status_of
from routerd.web.shapes import ConfigProblem, DryRun, Problem

JSON = "application/json"
PROBLEM = "application/problem+json"

_ABOUT = """routerd is configured by one file, router.yaml. What is edited here is edited there, line by line, and
serves before the answer comes. Errors are problems of RFC 9457, whose `kind` programs can rely on.

`{id}` is the integer id of an entry, or its name. Send `If-Match` with an ETag, and an edit of a file that has changed
since is refused; `?dry_run=true` tells what an edit would change, and changes nothing."""

_TAGS = {
    "providers": ("Providers", "Upstream accounts: where they are, their keys, what they offer, how they are."),
    "model-routes": ("Model routes", "What callers name as `model`: targets to try."),
    "clients": ("Clients", "Who may call /v1."),
    "vendors": ("Providers", ""),
    "config": ("Config", "router.yaml as a whole: its text, its history."),
    "admin": ("Administration", "Backups, counters, the log."),
    "requests": ("Observation", "What happens, and what happened."),
    "events": ("Observation", ""),
    "status": ("Observation", ""),
    "metrics": ("Observation", ""),
    "stats": ("Observation", ""),
    "explain": ("Model routes", ""),
}
_DATA_PLANE = ("Data plane", "What programs call: every door reaches every provider.")
_OTHERS = ("About", "routerd itself: whether it is alive, what it offers.")
_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string"}
_ROLES = {
    "viewer": "For viewers and editors.",
    "editor": "For editors.",
    "nobody": "For anyone: no token is needed.",
}
_CARRIER = {
    "type": "http",
    "scheme": "bearer",
    "description": "The admin token, or one of `admins` in router.yaml. On loopback the user that routerd runs as, and"
    " root, need none, unless `server.require_token` is set.",
}


def document(rows: Iterable[Operation]) -> dict[str, Any]:
    """The whole document. The same rows give the same document, in whatever order they come."""
    ordered = sorted(rows, key=lambda row: (row.path, row.method))
    shapes, problems = _Shapes(ordered), _Problems()
    paths: dict[str, dict[str, Any]] = {}
    for row in ordered:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, shapes, problems)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "routerd",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": _tags(ordered),
        "paths": paths | v1_paths(),
        "components": {
            "schemas": dict(sorted((shapes.components | v1_shapes()).items())),
            "responses": dict(sorted(problems.components.items())),
            "headers": {"ETag": {"description": "The digest of router.yaml, in quotes.", "schema": {"type": "string"}}},
            "securitySchemes": {"token": _CARRIER},
        },
    }


def _tags(rows: Sequence[Operation]) -> list[dict[str, str]]:
    used = {_tag(row) for row in rows} | {_DATA_PLANE[0]}
    known = dict(about for about in (*_TAGS.values(), _DATA_PLANE, _OTHERS) if about[1])
    return [{"name": name, "description": about} for name, about in known.items() if name in used]


def _tag(row: Operation) -> str:
    parts = [part for part in row.path.split("/") if part and part != "api"]
    return _TAGS.get(parts[0] if parts else "", _OTHERS)[0]


class _Shapes:
    """JSON schemas of all types in the rows, those with names as components."""

    def __init__(self, rows: Sequence[Operation]) -> None:
        types = [
            each for row in rows for each in (row.body, row.gives, row.dry, *row.also.values()) if each is not None
        ]
        own = [Problem, ConfigProblem, DryRun]
        schemas, components = msgspec.json.schema_components([*own, *types], ref_template="#/components/schemas/{name}")
        self._schemas = dict(zip((repr(each) for each in [*own, *types]), schemas, strict=True))
        self.components = entries(_tidy(components))
        self.components["Problem"]["additionalProperties"] = True  # some kinds have more to say

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of a type, or a reference to it."""
        schema: dict[str, Any] = _tidy(self._schemas[repr(kind)])
        return schema


def _tidy(schema: Any) -> Any:
    """Without msgspec's titles, which only repeat the names, and without the indentation of docstrings."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if isinstance(schema, dict):
        return {key: _tidy(item) for key, item in schema.items() if not (key == "title" and isinstance(item, str))}
    return cleandoc(schema) if isinstance(schema, str) and "\n" in schema else schema


def _operation(row: Operation, shapes: _Shapes, problems: _Problems) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": row.name.replace("_api_", "_"),
        "tags": [_tag(row)],
        "summary": row.about.rstrip("."),
        "description": _ROLES[row.needs],
        "security": [] if row.needs == "nobody" else [{"token": [row.needs]}, {}],
    }
    if parameters := _parameters(row):
        told["parameters"] = parameters
    if row.body is not None:
        told["requestBody"] = _body(row, shapes)
    told["responses"] = _answers(row, shapes) | problems.of(row)
    return told


def _parameters(row: Operation) -> list[dict[str, Any]]:
    found = [_path_parameter(name) for name in row.parameters]
    found += [_query_parameter(query) for query in row.query]
    if row.edits:
        about = "The ETag of the file that was seen; `*` stands for any."
        is_needed = "if_match_needed" in row.problems
        schema = {"type": "string", "examples": ["*"]}
        found.append(
            {"name": "If-Match", "in": "header", "description": about, "required": is_needed} | {"schema": schema}
        )
    return found


def _path_parameter(name: str) -> dict[str, Any]:
    about = {"id": "Its integer id, or its name."}.get(name, "Its name.")
    schema = {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "description": about, "schema": schema}


def _query_parameter(query: Query) -> dict[str, Any]:
    bounds = {"minimum": query.least, "maximum": query.most, "enum": list(query.choices) or None}
    schema = {"type": _NAMES[query.kind], **{name: bound for name, bound in bounds.items() if bound is not None}}
    return {"name": query.name, "in": "query", "description": query.about, "schema": schema}


def _body(row: Operation, shapes: _Shapes) -> dict[str, Any]:
    schema = BODIES.get(row.name) or shapes.of(row.body)
    content: dict[str, Any] = {"schema": schema}
    if row.name in EXAMPLES and EXAMPLES[row.name].asked is not None:
        content["example"] = EXAMPLES[row.name].asked
    media = [JSON, "application/merge-patch+json"] if row.method == "PATCH" else [JSON]
    return {"required": not _may_be_empty(row.body), "content": dict.fromkeys(media, content)}


def _may_be_empty(body: Any) -> bool:
    """Whether a body of nothing is one: there need be none, or every field has a default."""
    if type(None) in get_args(body):
        return True
    if not (isinstance(body, type) and issubclass(body, msgspec.Struct)):
        return False
    return not any(field.required for field in msgspec.structs.fields(body))


def _answers(row: Operation, shapes: _Shapes) -> dict[str, Any]:
    found = {str(row.status): _answer(row, shapes)}
    if row.edits:
        dry = shapes.of(row.dry or DryRun)
        usual = found.setdefault(
            "200", {"description": "What the edit would change.", "content": {JSON: {"schema": dry}}}
        )
        if row.status == 200:
            usual["content"][JSON]["schema"] = {"anyOf": [usual["content"][JSON]["schema"], dry]}
    for status, kind in row.also.items():
        content = {JSON: {"schema": shapes.of(kind)}}
        found[str(status)] = {"description": phrase(status), "content": content}
    return found


def _answer(row: Operation, shapes: _Shapes) -> dict[str, Any]:
    told: dict[str, Any] = {"description": phrase(row.status)}
    if row.edits or row.is_tagged:
        told["headers"] = {"ETag": {"$ref": "#/components/headers/ETag"}}
    if row.gives is not None:
        # tools read the schema of a stream as that of one event
        is_stream = row.media == "text/event-stream"
        content: dict[str, Any] = {"schema": {"description": "Events."} if is_stream else shapes.of(row.gives)}
        if row.name in EXAMPLES and EXAMPLES[row.name].answered is not None:
            content["example"] = EXAMPLES[row.name].answered
        told["content"] = {row.media: content}
    return told


class _Problems:
    """Answers for problems; those that many operations give are components."""

    def __init__(self) -> None:
        self.components: dict[str, Any] = {}

    def of(self, row: Operation) -> dict[str, Any]:
        """One answer for each status, with the kinds that it stands for."""
        by_status = _by_status({*_usual(row), *row.problems, *(OF_EDITS if row.edits else ())})
        found = {str(status): self._one(status, kinds) for status, kinds in by_status.items()}
        if row.parameters:
            found["400"] = self._shared("malformed", _malformed())
        return found

    def _one(self, status: int, kinds: list[str]) -> dict[str, Any]:
        told = _problem(status, kinds)
        if len(kinds) == 1:
            return self._shared(kinds[0], told)
        return self._shared(f"edit_{status}", told) if kinds == _EDITS.get(status) else told

    def _shared(self, name: str, told: dict[str, Any]) -> dict[str, Any]:
        self.components[name] = told
        return {"$ref": f"#/components/responses/{name}"}


def _by_status(kinds: Iterable[str]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for kind in sorted(kinds):
        found.setdefault(status_of(kind), []).append(kind)
    return dict(sorted(found.items()))


_EDITS = _by_status(OF_EDITS)


def _malformed() -> dict[str, Any]:
    """What is no proper path is refused at the door, before it is known what it would have been for."""
    told = _problem(400, ["invalid_request"])
    told["content"][JSON] = {"schema": {"$ref": "#/components/schemas/OpenAIError"}}
    return told


def _usual(row: Operation) -> Iterable[str]:
    """The kinds that stand to reason."""
    yield from ("internal", "invalid_request")
    if row.needs != "nobody":
        yield from ("unauthorized", "forbidden")
    if row.parameters:
        yield "not_found"
    if row.body is not None:
        yield from ("too_large", "request_timeout", "unsupported_media")


def _problem(status: int, kinds: Sequence[str]) -> dict[str, Any]:
    schema = {
        "allOf": [{"$ref": "#/components/schemas/Problem"}],
        "properties": {"status": {"const": status}, "kind": {"enum": list(kinds)}},
    }
    about = f"{phrase(status)}: {', '.join(f'`{kind}`' for kind in kinds)}."
    return {"description": about, "content": {PROBLEM: {"schema": schema}}}
