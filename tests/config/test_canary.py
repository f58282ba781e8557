"""However a file is broken, no problem repeats a key that stands in it."""

from __future__ import annotations

import pytest

from routerd.config.check import check

CANARY = "sk-canary-7f3a"
BLOCK = f"""\
providers:
  openai:
    api_key: {CANARY}
    headers:
      x-token: "{CANARY}"
    proxy: http://me:{CANARY}@proxy.example.org
routes:
  main: [openai/gpt]
"""
FLOW = (
    f"providers: {{openai: {{api_key: {CANARY}, headers: {{x-token: '{CANARY}'}}}}}}\nroutes: {{main: [openai/gpt]}}\n"
)
SLIPS = ["", " ", ":", ": ", "\n", "'", "{", "}", ",", "#", "&", "- "]


def leaks(text: str) -> list[str]:
    return [str(problem) for problem in check(text).problems if "canary" in repr(problem)]


@pytest.mark.parametrize("slip", SLIPS, ids=repr)
@pytest.mark.parametrize("text", [BLOCK, FLOW], ids=["block", "flow"])
def test_one_slip_anywhere(text: str, slip: str) -> None:
    """Every character is in turn replaced by the slip, but for those of the key itself: half a key is none."""
    for index in range(len(text)):
        start = text.rfind(CANARY, 0, index + len(CANARY))
        if not 0 <= index - start < len(CANARY):
            assert leaks(text[:index] + slip + text[index + 1 :]) == []


@pytest.mark.parametrize(
    "provider",
    [
        f"{{api_key: {{{CANARY}: 1}}}}",
        f"{{api_key: [{CANARY}]}}",
        f"{{{CANARY}}}",
        f"{{{CANARY}: }}",
        f"{{? {CANARY}}}",
        f"{{api_key {CANARY}: }}",
        f"{CANARY}",
        f"[{CANARY}]",
        f"{{api_key: !secret {CANARY}}}",
        f"{{api_key: env:{CANARY}}}",
        f"{{api_key: $({CANARY})}}",
        f"{{api_key: *{CANARY}}}",
        f"{{api_key: &{CANARY}}}",
        f"{{api_key: '{CANARY}', api_key: '{CANARY}'}}",
        f"{{base_url: 'https://{CANARY}@host/v1'}}",
        f"{{base_url: 'https://host/v1?key={CANARY}'}}",
        f"{{base_url: '{CANARY}'}}",
        f"{{headers: ['Authorization: {CANARY}']}}",
        f"{{headers: {{'Authorization: {CANARY}': ''}}}}",
        f"{{headers: {{authorization: [{CANARY}]}}}}",
        f"{{quirks: {{repair: {CANARY}}}}}",
        f"{{is_active: {CANARY}, max_in_flight: {CANARY}, timeouts: {CANARY}, models: {CANARY}}}",
        f"{{adapter: {CANARY}}}",
        f"{{vendor: {CANARY}}}",
        f"{{timeouts: {{idle: {CANARY}}}, health: {{{CANARY}: 1}}, echo: {{fail: {CANARY}}}}}",
    ],
)
def test_keys_in_odd_places(provider: str) -> None:
    text = f"providers:\n  openai: {provider}\n"
    assert check(text).problems
    assert leaks(text) == []
