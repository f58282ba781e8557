"""What a new config changes, in words: what could be meant badly comes first, and no secret is in it."""

from __future__ import annotations

import pytest

from routerd.config.check import check
from routerd.config.diff import differences, summary
from routerd.config.model import RouterConfig
from routerd.config.places import Place
from routerd.config.splice import Change, Drop, Put, Rename, splice

ALICE = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
BOB = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN bob@example.org"
CANARY = "canary-0123456789"
TEXT = f"""\
recipients: [{ALICE}]
providers:
  openai: {{api_key: env:OPENAI_API_KEY, models: [gpt-5.2, gpt-5.2-mini]}}
  anthropic: {{api_key: env:ANTHROPIC_API_KEY}}
  groq: {{api_key: {CANARY}-1}}
  office:
    base_url: https://a.example.org/v1
    api_key: file:/run/secrets/office
    proxy: http://me:{CANARY}-2@proxy.example.org:3128
    headers: {{x-team: blue, x-api-key: {CANARY}-3, x-note: env:NOTE}}
    metadata: {{owner: {CANARY}-4}}
routes:
  smart: [openai/gpt-5.2, groq/llama]
  every: {{strategy: round-robin, nodes: [{{provider: openai}}, anthropic/claude]}}
  tiers:
    mode: multi
    nodes:
      - {{provider: openai, models: [gpt-5.2], priority: 0}}
      - {{provider: anthropic, models: [claude], priority: 1}}
clients:
  cline: {{key_sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, routes: [smart]}}
admins:
  alice: {{token_sha256: fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13, role: viewer}}
"""
OTHER = "a4e624d686e03ed2767c0abd85c14426b0b1157d2ce81d27bb4fe4f6f01d688a"


def config(text: str) -> RouterConfig:
    checked = check(text)
    assert checked.config is not None, checked.problems
    return checked.config


def fingerprint(place: Place) -> str | None:
    """Only what stands there in plain text can be had."""
    return f"#{place.secret[-1]}" if place.kind == "plain" else None


def told(*changes: Change) -> list[str]:
    after = config(splice(TEXT, changes))
    found = differences(config(TEXT), after, fingerprint, [each for each in changes if isinstance(each, Rename)])
    assert not any("canary" in text for each in found for text in (str(each), each.brief, str(each.as_json())))
    return [f"{each.kind}: {each}" for each in found]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([], []),
        (
            [Put(("recipients", 1), BOB)],
            [f"recipient: recipients: + {BOB}, who can read all keys sealed from now on"],
        ),
        (
            [Put(("recipients",), [BOB])],
            [
                f"recipient: recipients: + {BOB}, who can read all keys sealed from now on",
                f"recipient: recipients: - {ALICE}, who can read the keys sealed until now",
            ],
        ),
        (
            [Put(("providers", "office", "base_url"), "https://evil.example.org/v1")],
            [
                "origin: provider office: https://a.example.org → https://evil.example.org, where this goes from now "
                "on: file:/run/secrets/office, a key in plain text, env:NOTE",
            ],
        ),
        (
            [Put(("providers", "openai", "vendor"), "groq")],
            [
                "origin: provider openai: https://api.openai.com → https://api.groq.com, where this goes from now on: "
                "env:OPENAI_API_KEY",
                "provider: provider openai: vendor none → groq",
            ],
        ),
        (
            [Put(("providers", "office", "base_url"), "https://a.example.org/v2")],
            ["provider: provider office: base_url https://a.example.org/v1 → https://a.example.org/v2"],
        ),
        ([Put(("providers", "openai", "base_url"), "https://api.openai.com/v1")], []),
        (
            [Put(("providers", "office", "proxy"), f"http://me:{CANARY}-2@evil.example.org:3128")],
            ["origin: provider office: proxy http://proxy.example.org:3128 → http://evil.example.org:3128"],
        ),
        (
            [Put(("providers", "x"), {"base_url": "https://x.example.org/v1", "api_key": "env:OPENAI_API_KEY"})],
            [
                "reference: provider x: env:OPENAI_API_KEY goes to https://x.example.org; it went to "
                "https://api.openai.com",
                "provider: provider x: added, https://x.example.org, env:OPENAI_API_KEY",
            ],
        ),
        (
            [Put(("providers", "office", "headers", "x-note"), "${OPENAI_API_KEY}")],
            [
                "reference: provider office: env:OPENAI_API_KEY goes to https://a.example.org; it went to "
                "https://api.openai.com",
                "key: provider office: header x-note env:NOTE → env:OPENAI_API_KEY",
            ],
        ),
        (
            [Put(("providers", "openai", "api_key"), "env:OTHER")],
            ["key: provider openai: key env:OPENAI_API_KEY → env:OTHER"],
        ),
        ([Put(("providers", "groq", "api_key"), f"{CANARY}-9")], ["key: provider groq: key #1 → #9"]),
        (
            [Put(("providers", "groq", "api_key"), f"{CANARY}-x1")],
            ["key: provider groq: key is the same, written anew"],
        ),
        ([Drop(("providers", "groq", "api_key"))], ["key: provider groq: key removed"]),
        (
            [Put(("providers", "office", "headers"), {"x-team": CANARY, "authorization": f"{CANARY}-5"})],
            [
                "key: provider office: header x-api-key removed",
                "key: provider office: header x-note removed",
                "key: provider office: header authorization set: #5",
                "provider: provider office: header x-team",
            ],
        ),
        (
            [Put(("providers", "office", "metadata"), {"owner": CANARY})],
            ["provider: provider office: metadata (owner)"],
        ),
        (
            [Put(("providers", "openai", "models"), ["gpt-5.2", "gpt-5"])],
            [
                "provider: provider openai: models + gpt-5; - gpt-5.2-mini",
                "targets: route every: + openai/gpt-5; - openai/gpt-5.2-mini",
            ],
        ),
        (
            [Put(("providers", "groq", "is_active"), False), Put(("providers", "groq", "timeouts"), {"idle": "5s"})],
            [
                "provider: provider groq: is_active true → false",
                "provider: provider groq: timeouts (idle)",
                "targets: route smart: - groq/llama",
            ],
        ),
        (
            [
                Rename(("providers", "office"), "desk"),
                Put(("routes", "smart", 2), "desk/x"),
            ],
            ["provider: provider desk: renamed, was office", "targets: route smart: + desk/x"],
        ),
        (
            [
                Put(("routes", "smart", 0), "main/gpt-5.2"),
                *(Put(("routes", name, "nodes", 0, "provider"), "main") for name in ("every", "tiers")),
                Put(("providers", "openai", "vendor"), "openai"),
                Put(("providers", "openai", "is_active"), False),
                Rename(("providers", "openai"), "main"),
            ],
            [
                "provider: provider main: renamed, was openai",
                "provider: provider main: vendor none → openai",
                "provider: provider main: is_active true → false",
                "targets: route smart: - main/gpt-5.2",
                "targets: route every: - main/gpt-5.2, main/gpt-5.2-mini",
                "targets: route tiers: - main/gpt-5.2",
            ],
        ),
        (
            [
                Put(("clients", "cline", "routes", 0), "clever"),
                Rename(("routes", "smart"), "clever"),
                Put(("routes", "clever"), {"strategy": "round-robin", "nodes": ["groq/llama"]}),
            ],
            [
                "targets: route clever: - openai/gpt-5.2",
                "route: route clever: renamed, was smart",
                "route: route clever: strategy failover → round-robin",
            ],
        ),
        (
            [Rename(("clients", "cline"), "roo"), Put(("clients", "roo", "routes"), ["every"])],
            ["client: client roo: renamed, was cline", "client: client roo: routes + every; - smart"],
        ),
        (
            [Put(("routes", "smart"), ["groq/llama", "openai/gpt-5.2"])],
            ["targets: route smart: order groq/llama, openai/gpt-5.2"],
        ),
        (
            [
                Put(("routes", "tiers", "nodes", 1, "priority"), 0),
                Put(("routes", "tiers", "nodes", 0, "strategy"), "round-robin"),
            ],
            [
                "targets: route tiers: openai/gpt-5.2: strategy none → round-robin",
                "targets: route tiers: anthropic/claude: priority 1 → 0",
            ],
        ),
        (
            [Put(("routes", "every"), {"nodes": ["groq/x"], "match": ["a*"], "retry_on": [429], "is_active": False})],
            [
                "targets: route every: + groq/x; - openai/gpt-5.2, openai/gpt-5.2-mini, anthropic/claude",
                "route: route every: strategy round-robin → failover",
                "route: route every: is_active true → false",
                "route: route every: match + a*",
                "route: route every: retry_on none → 429",
            ],
        ),
        (
            [Drop(("routes", "tiers")), Put(("routes", "new"), ["anthropic/a", "openai/b"])],
            ["route: route new: added: anthropic/a, openai/b", "route: route tiers: removed"],
        ),
        (
            [Put(("clients", "cline"), {"key_sha256": OTHER}), Put(("clients", "two"), {"key_sha256": "ab" * 32})],
            ["client: client cline: another key", "client: client cline: all routes", "client: client two: added"],
        ),
        ([Put(("clients", "cline", "routes"), ["every"])], ["client: client cline: routes + every; - smart"]),
        (
            [Drop(("clients", "cline"))],
            ["access: clients: no client is active, so nobody may call any more", "client: client cline: removed"],
        ),
        (
            [Put(("clients", "cline", "is_active"), False)],
            [
                "access: clients: no client is active, so nobody may call any more",
                "client: client cline: is_active true → false",
            ],
        ),
        (
            [Put(("clients", "two"), {"key_sha256": "ab" * 32}), Drop(("clients", "cline"))],
            ["client: client cline: removed", "client: client two: added"],
        ),
        (
            [Drop(("clients",))],
            ["access: clients: whoever can connect may call", "client: client cline: removed"],
        ),
        (
            [
                Put(("admins", "alice", "role"), "editor"),
                Put(("admins", "eve"), {"token_sha256": OTHER, "role": "editor"}),
            ],
            ["admin: admin alice: role viewer → editor", "admin: admin eve: added, editor"],
        ),
        (
            [Put(("server",), {"require_token": True, "max_body": "64MiB", "request_log": {"retention": "90s"}})],
            [
                "access: server: require_token false → true",
                "server: server: max_body 32MiB → 64MiB",
                "server: server: request_log.retention 30d → 90s",
            ],
        ),
        (
            [Put(("defaults",), {"retry_on": [408, 429, "auth"], "timeouts": {"connect": "10s"}, "max_attempts": 5})],
            [
                "defaults: defaults: max_attempts 3 → 5",
                "defaults: defaults: retry_on + auth; - 5xx, exhausted, timeout, unreachable, garbled",
                "defaults: defaults: timeouts.connect 5s → 10s",
            ],
        ),
    ],
)
def test_words(changes: list[Change], words: list[str]) -> None:
    assert told(*changes) == words


def test_what_could_be_meant_badly_comes_first() -> None:
    changes = [
        Put(("defaults", "max_attempts"), 5),
        Put(("routes", "smart", 0), "anthropic/x"),
        Put(("admins", "eve"), {"token_sha256": OTHER, "role": "editor"}),
        Put(("providers", "office", "base_url"), "https://evil.example.org/v1"),
        Put(("recipients", 1), BOB),
    ]
    kinds = [each.partition(":")[0] for each in told(*changes)]
    assert kinds == ["recipient", "origin", "admin", "targets", "defaults"]


def test_a_summary_is_one_line() -> None:
    changes = [
        Put(("providers", "groq", "api_key"), f"{CANARY}-9"),
        Put(("routes", "smart", 2), "anthropic/claude-sonnet-4-5"),
        Put(("recipients", 1), BOB),
        Put(("defaults", "max_attempts"), 4),
    ]
    found = differences(config(TEXT), config(splice(TEXT, changes)), fingerprint)
    said = "recipients: + ssh-ed25519 …HtZ6isGN bob@example.org; provider groq: key; "
    said += "route smart: + anthropic/claude-sonnet-4-5"
    assert summary(found) == f"{said}; defaults: max_attempts 3 → 4"
    assert summary(found, most=3) == f"{said}; and 1 more"
    assert summary([]) == "nothing that traffic would notice"


def test_a_first_config() -> None:
    found = differences(RouterConfig(), config(TEXT), fingerprint)
    assert str(found[0]) == f"recipients: + {ALICE}, who can read all keys sealed from now on"
    assert {each.kind for each in found} == {"recipient", "admin", "access", "provider", "route", "client"}


def test_the_shape_for_programs() -> None:
    (found,) = differences(config(TEXT), config(splice(TEXT, [Put(("routes", "smart", 2), "groq/x")])), fingerprint)
    assert found.as_json() == {
        "kind": "targets",
        "path": "routes.smart.nodes",
        "subject": "route smart",
        "words": "+ groq/x",
        "brief": "+ groq/x",
    }
