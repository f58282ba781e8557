"""Providers and routes as the API answers with them, for `/openapi.json`. What an edit did stands beside the entry."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from routerd.config.model import Adapter, Mode, Strategy
from routerd.state.inventory import Status
from routerd.web.shapes import Change, ConfigProblem, Digest, Generation, GitCommit, Time

_OfFile = Annotated[Any, Meta(description="As router.yaml has it; left out where that does not.")]


class ApiKey(msgspec.Struct):
    """Whether there is a key, how it is written, and digits that tell it from others; never the key."""

    set: bool
    source: Literal["sealed", "env", "file", "plain"] | None
    fingerprint: Annotated[str | None, Meta(description="null where the key can't be had here.")]


class Provider(msgspec.Struct):
    """A provider: what router.yaml says of it, and how it is."""

    id: int
    name: str
    base_url: Annotated[str | None, Meta(description="null for the built-in echo.")]
    adapter: Adapter
    models: list[str]
    is_active: bool
    api_key: ApiKey
    status: Annotated[Status, Meta(description="What the last test found.")]
    is_healthy: Annotated[bool, Meta(description="Whether requests go to it, as far as traffic and tests know.")]
    consecutive_failures: int
    override: Annotated[bool | None, Meta(description="false: a person has said that it is not to be used.")]
    cooling_until: Annotated[Time | None, Meta(description="When its cooldown ends; null: it has none.")]
    latency_ms: float | None
    last_tested_at: Time | None
    created_at: Time
    updated_at: Annotated[str, Meta(description="When what router.yaml says of it was last changed.")]
    trouble: Annotated[str | UnsetType, Meta(description="Why it can't be used at all.")] = UNSET
    vendor: _OfFile | UnsetType = UNSET
    allow_private: _OfFile | UnsetType = UNSET
    max_in_flight: _OfFile | UnsetType = UNSET
    headers: _OfFile | UnsetType = UNSET
    proxy: _OfFile | UnsetType = UNSET
    quirks: _OfFile | UnsetType = UNSET
    metadata: _OfFile | UnsetType = UNSET
    timeouts: _OfFile | UnsetType = UNSET
    health: _OfFile | UnsetType = UNSET
    echo: _OfFile | UnsetType = UNSET


class Node(msgspec.Struct):
    """One entry of a route. `strategy` is the route's where the node has none of its own."""

    id: int
    api_id: Annotated[int, Meta(description="The provider's id.")]
    provider_name: str
    models: list[str]
    strategy: Strategy
    priority: int
    metadata: dict[str, Any]


class Route(msgspec.Struct):
    """A route: what router.yaml says of it."""

    id: int
    name: str
    mode: Mode
    strategy: Strategy
    is_active: bool
    config: dict[str, Any]
    nodes: list[Node]
    created_at: Time
    updated_at: Annotated[str, Meta(description="When what router.yaml says of it was last changed.")]
    match: _OfFile | UnsetType = UNSET
    affinity: _OfFile | UnsetType = UNSET
    max_attempts: _OfFile | UnsetType = UNSET
    retry_on: _OfFile | UnsetType = UNSET
    on_loss: _OfFile | UnsetType = UNSET


class EditedProvider(Provider, kw_only=True):
    """The provider as it is now, and what the edit did."""

    digest: Digest
    generation: Generation
    diff: str
    changes: list[Change]
    problems: list[ConfigProblem]
    git: GitCommit | UnsetType = UNSET


class EditedRoute(Route, kw_only=True):
    """The route as it is now, and what the edit did."""

    digest: Digest
    generation: Generation
    diff: str
    changes: list[Change]
    problems: list[ConfigProblem]
    git: GitCommit | UnsetType = UNSET
