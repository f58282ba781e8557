"""The shape of router.yaml: every key, its short forms, its default, and what it is for.

The descriptions become the JSON schema that editors show. What one key means for another is checked in `crosscheck`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from routerd.config.values import Duration, Size, SomeTime

Adapter = Literal["openai", "responses", "anthropic", "gemini", "echo"]
Mode = Literal["auto", "specific", "multi"]
Strategy = Literal["failover", "round-robin"]
OnLoss = Literal["warn", "reject"]


def _number_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _text_as_number(value: Any) -> Any:
    return int(value) if value in ("429", "500") else value


def _sha256(value: Any) -> Any:
    """Hexadecimal digits in lower case. A key in the place of its digest is the slip to expect, so it is named."""
    if not isinstance(value, str):
        return value
    if value.startswith("sk-"):
        raise PydanticCustomError("sha256", "this is a key, and its SHA-256 belongs here")
    digits = value.lower()
    if len(digits) != 64 or set(digits) - set("0123456789abcdef"):
        raise PydanticCustomError("sha256", "must be a SHA-256: 64 hexadecimal digits")
    return digits


_RETRY_WORDS = Literal["408", "429", "5xx", "exhausted", "timeout", "unreachable", "garbled", "auth"]
_USUAL_RETRIES: tuple[_RETRY_WORDS, ...] = ("408", "429", "5xx", "exhausted", "timeout", "unreachable", "garbled")
RetryWord = Annotated[
    _RETRY_WORDS,
    BeforeValidator(_number_as_text),
    WithJsonSchema({"enum": [408, 429, "408", "429", "5xx", "exhausted", "timeout", "unreachable", "garbled", "auth"]}),
]
Fault = Annotated[
    Literal[429, 500, "stall", "cut", "garbage", "error-event"],
    BeforeValidator(_text_as_number),
    WithJsonSchema({"enum": [429, 500, "429", "500", "stall", "cut", "garbage", "error-event"]}),
]
Sha256 = Annotated[str, BeforeValidator(_sha256), WithJsonSchema({"type": "string", "pattern": "^[0-9a-fA-F]{64}$"})]
Affinity = Annotated[str, Field(pattern=r"^(?:none|prompt|client|header:[A-Za-z0-9!#$%&'*+.^_`|~-]+)$")]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Attempts = Annotated[int, Field(ge=1, le=100)]
Dollars = Annotated[float, Field(ge=0, le=1_000_000)]


class Shape(BaseModel):
    """What all parts share. `NOUN` is how a message calls one."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, defer_build=True)
    NOUN: ClassVar[str]


class RequestLog(Shape):
    """The log of requests."""

    NOUN = "`request_log`"
    retention: Duration = Field(default=30 * 86400.0, description="How long requests are remembered.")


class Server(Shape):
    """What may change while routerd runs; addresses and paths are settings, not config."""

    NOUN = "`server`"
    max_body: Size = Field(
        default=32 * 2**20, description="The largest request body; a larger one is refused with 413."
    )
    drain: Duration = Field(
        default=600.0, description="How long streams may finish after SIGTERM, or after their provider was removed."
    )
    allow_anonymous: bool = Field(
        default=False,
        description="Without `clients`: whether callers need no key on an address that is not loopback either.",
    )
    require_token: bool = Field(default=False, description="Whether /api asks for the admin token on loopback, too.")
    request_log: RequestLog = Field(default_factory=RequestLog, description="The log of requests.")
    git: Literal["off", "commit"] = Field(
        default="off",
        description="Whether each edit through the API becomes a commit of this file, if it is in a git repository.",
    )


class Timeouts(Shape):
    """How long to wait for a provider."""

    NOUN = "`timeouts`"
    connect: SomeTime = Field(default=5.0, description="To connect, TLS included.")
    first_token: SomeTime = Field(default=180.0, description="Of a stream: until its first content.")
    idle: SomeTime = Field(default=180.0, description="Of a stream: between two events or comments.")
    total: SomeTime = Field(
        default=900.0,
        description="Of a whole reply, and of a stream until its first content; never of a stream that produces.",
    )


class PartialTimeouts(Shape):
    """How long to wait for this provider; what is left out is as in `defaults`."""

    NOUN = "`timeouts`"
    connect: SomeTime | None = Field(default=None, description="To connect, TLS included.")
    first_token: SomeTime | None = Field(default=None, description="Of a stream: until its first content.")
    idle: SomeTime | None = Field(default=None, description="Of a stream: between two events or comments.")
    total: SomeTime | None = Field(
        default=None, description="Of a whole reply, and of a stream until its first content."
    )


class Health(Shape):
    """When a target stops being tried, and when it is tried again."""

    NOUN = "`health`"
    check: bool = Field(default=True, description="Whether idle providers are probed in the background.")
    interval: SomeTime = Field(default=60.0, description="Between two probes.")
    timeout: SomeTime = Field(default=5.0, description="How long a probe may take.")
    failure_threshold: Count = Field(default=3, description="Failures in a row after which a target cools down.")
    cooldown: SomeTime = Field(default=30.0, description="How long it is not tried; doubles up to 10 minutes.")


class PartialHealth(Shape):
    """When targets of this provider stop being tried; what is left out is as in `defaults`."""

    NOUN = "`health`"
    check: bool | None = Field(
        default=None, description="Whether the provider is probed in the background while it is idle."
    )
    interval: SomeTime | None = Field(default=None, description="Between two probes.")
    timeout: SomeTime | None = Field(default=None, description="How long a probe may take.")
    failure_threshold: Count | None = Field(
        default=None, description="Failures in a row after which a target cools down."
    )
    cooldown: SomeTime | None = Field(default=None, description="How long it is not tried; doubles up to 10 minutes.")


class Defaults(Shape):
    """What holds for every route and provider that does not say otherwise."""

    NOUN = "`defaults`"
    max_attempts: Attempts = Field(
        default=3, description="How many requests are sent at most for one request of a caller."
    )
    retry_on: list[RetryWord] = Field(
        default_factory=lambda: list(_USUAL_RETRIES),
        description="Which failures let the next target be tried; `auth` stands for 401 and 403.",
    )
    on_loss: OnLoss = Field(
        default="warn",
        description="When a target can't be told all that the caller said: name it in a header, or answer 400.",
    )
    timeouts: Timeouts = Field(default_factory=Timeouts, description="How long to wait for a provider.")
    health: Health = Field(default_factory=Health, description="When a target stops being tried.")


class Echo(Shape):
    """The built-in provider: what it says, how slowly, and how it fails."""

    NOUN = "`echo`"
    text: str | None = Field(default=None, description="What it says; the caller's last message when left out.")
    delay: Duration = Field(default=0.0, description="How long each chunk takes.")
    chunk: Count = Field(default=12, description="Characters in each chunk of a stream.")
    fail: Fault | None = Field(default=None, description="A fault, to try failover without any provider.")
    fail_rate: Annotated[float, Field(ge=0, le=1)] = Field(default=1.0, description="The share of requests that fail.")
    after_chunks: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=0, description="Chunks of a stream that come before the fault."
    )


class ProviderConfig(Shape):
    """An upstream account: where it is, its key, and what it offers."""

    NOUN = "a provider"
    vendor: str | None = Field(
        default=None, description="Whose API it is, when neither its address nor its name says so."
    )
    base_url: str | None = Field(
        default=None,
        description="Where its API is; a vendor's own address is known.",
        examples=["https://api.openai.com/v1"],
    )
    adapter: Adapter | None = Field(
        default=None, description="The wire format; when left out that of the vendor, else `openai`."
    )
    api_key: str | None = Field(
        default=None,
        repr=False,
        description="Its key: `env:NAME` of an environment variable, `file:PATH` of a file, `age:…` for a sealed one.",
        examples=["env:OPENAI_API_KEY", "file:/run/secrets/openai"],
    )
    models: list[str] = Field(
        default_factory=list, description="The models it offers: what /v1/models lists and bare model names find."
    )
    is_active: bool = Field(default=True, description="Whether it is used.")
    allow_private: bool = Field(default=False, description="Whether its name may resolve to a private address.")
    max_in_flight: Count | None = Field(
        default=None, description="Requests at one time; when full, the next target is tried."
    )
    headers: dict[str, str] = Field(
        default_factory=dict, repr=False, description="Headers added to each request; values may be references, too."
    )
    proxy: str | None = Field(
        default=None,
        repr=False,
        description="An http, https, socks5 or socks5h proxy to reach it through.",
        examples=["http://proxy.example.org:3128"],
    )
    quirks: dict[str, Any] = Field(default_factory=dict, description="Where it differs from what its vendor says.")
    metadata: dict[str, Any] = Field(default_factory=dict, description="Anything; it is kept and not looked at.")
    timeouts: PartialTimeouts | None = Field(default=None, description="How long to wait for it.")
    health: PartialHealth | None = Field(default=None, description="When its targets stop being tried.")
    echo: Echo | None = Field(default=None, description="Of the `echo` adapter: what it says, and how it fails.")


class NodeConfig(Shape):
    """One entry of a route: `PROVIDER/MODEL`, or a provider with its models."""

    NOUN = "a node"
    provider: str = Field(description="The provider's name.")
    models: list[str] = Field(default_factory=list, description="Its models; all that the provider lists when empty.")
    strategy: Strategy | None = Field(default=None, description="Among this node's models; the route's when left out.")
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = Field(
        default=0, description="The tier in mode `multi`; lower is tried first."
    )
    metadata: dict[str, Any] = Field(default_factory=dict, description="Anything; it is kept and not looked at.")

    @model_validator(mode="before")
    @classmethod
    def _from_short(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        provider, slash, model = value.partition("/")
        if not (provider and slash and model):
            raise PydanticCustomError("node", "a node is written as PROVIDER/MODEL, or as a map with `provider`")
        return {"provider": provider, "models": [model]}


class RouteConfig(Shape):
    """What callers name as `model`: a list of targets, tried in that order, or a map."""

    NOUN = "a route"
    mode: Mode = Field(
        default="auto",
        description="auto: one ring of nodes; specific: the model that is asked for; multi: tiers by priority.",
    )
    strategy: Strategy = Field(
        default="failover", description="Whether requests begin at the first node or take turns."
    )
    nodes: list[NodeConfig] = Field(default_factory=list, description="Where requests may go, in order.")
    is_active: bool = Field(default=True, description="Whether it answers.")
    match: list[str] = Field(
        default_factory=list,
        description="Other model names it answers to; `*` at the end stands for any rest.",
        examples=[["gpt-5*", "claude-haiku-*"]],
    )
    affinity: Affinity = Field(
        default="none",
        description="What keeps to one target while it is healthy: none, prompt, client, or header:NAME.",
        examples=["none", "prompt", "client", "header:x-session-id"],
    )
    config: dict[str, Any] = Field(default_factory=dict, description="Anything; it is kept and not looked at.")
    max_attempts: Attempts | None = Field(
        default=None, description="How many requests are sent at most for one of a caller."
    )
    retry_on: list[RetryWord] | None = Field(default=None, description="Which failures let the next target be tried.")
    on_loss: OnLoss | None = Field(default=None, description="When a target can't be told all that the caller said.")

    @model_validator(mode="before")
    @classmethod
    def _from_short(cls, value: Any) -> Any:
        return {"nodes": value} if isinstance(value, list) else value


class ClientConfig(Shape):
    """Someone who may call /v1."""

    NOUN = "a client"
    key_sha256: Sha256 = Field(
        repr=False, description="SHA-256 of its key, in hexadecimal; `routerd client add NAME` makes both."
    )
    routes: list[str] | None = Field(default=None, description="The routes it may use; all when left out.")
    is_active: bool = Field(default=True, description="Whether its key is taken.")


class AdminConfig(Shape):
    """Someone who may use /api beside the admin token."""

    NOUN = "an admin"
    token_sha256: Sha256 = Field(repr=False, description="SHA-256 of the token, in hexadecimal.")
    role: Literal["editor", "viewer"] = Field(description="Whether they may change anything.")


class PriceConfig(Shape):
    """What a model costs, in US dollars for a million tokens."""

    NOUN = "a price"
    input: Dollars = Field(description="Tokens of the prompt.")
    output: Dollars = Field(description="Tokens of the reply, thinking included.")
    cached: Dollars | None = Field(
        default=None, description="Of the prompt, read from a cache; as input when left out."
    )
    cache_write: Dollars | None = Field(
        default=None, description="Of the prompt, written to a cache; as input when left out."
    )


class RouterConfig(Shape):
    """routerd's configuration: providers, and the routes over them."""

    NOUN = "router.yaml"
    version: Literal[1] = Field(default=1, description="The version of this format.")
    recipients: list[str] = Field(
        default_factory=list, min_length=1, description="age public keys; every stored key is sealed to all of them."
    )
    server: Server = Field(default_factory=Server, description="What may change while routerd runs.")
    defaults: Defaults = Field(
        default_factory=Defaults, description="What holds for routes and providers that do not say otherwise."
    )
    providers: dict[str, ProviderConfig] = Field(default_factory=dict, description="Upstream accounts, by name.")
    routes: dict[str, RouteConfig] = Field(
        default_factory=dict, description="What callers name as `model`: targets to try, by name."
    )
    clients: dict[str, ClientConfig] | None = Field(
        default=None, description="Who may call /v1, by name. Left out: everyone on this machine. `{}`: nobody."
    )
    admins: dict[str, AdminConfig] = Field(
        default_factory=dict, description="Who may use /api beside the admin token, by name."
    )
    prices: dict[str, PriceConfig] = Field(
        default_factory=dict,
        description="What models cost, by PROVIDER/MODEL or MODEL, where it is another than the price list says.",
    )
