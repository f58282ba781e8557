"""What the `openai` package for Python shows its user when providers fail: one clean answer, or the right error."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.support import chat, sse
from tests.support.daemon import Daemon
from tests.support.gate import PATIENCE
from tests.support.reply import Close, Reply, Reset, Stall, event_stream, raw, whole
from tests.support.stage import Act, Stage, config, staged
from tests.support.upstream import Upstream

# What the first of two providers does before it has said a word, streamed and whole.
DEATHS: dict[str, Reply] = {
    "overloaded": chat.error(503, "Overloaded."),
    "rate-limited": chat.error(429, "Slow down.", headers=[("Retry-After", "30")]),
    "out-of-money": chat.error(402, "Pay first."),
    "reset": raw(Reset()),
    "closed": raw(Close()),
    "html": whole(b"<html><body>Sign in</body></html>", content_type="text/html"),
}

# Further deaths that only a stream can die, all before its first content.
STREAM_DEATHS: dict[str, Reply] = {
    "early-error-event": event_stream(chat.error_event("Overloaded.")),
    "error-after-the-role": chat.begun(chat.error_event("Overloaded."), pieces=[], ended=True),
    "cut-after-the-role": chat.begun(Reset(), pieces=[]),
    "empty": event_stream(),
    "done-at-once": event_stream(sse.encode(sse.DONE)),
    "stalled": raw(Stall()),
    "stall-after-the-role": chat.begun(Stall(), pieces=[]),
}

# What goes wrong after the first words.
LATE_DEATHS: dict[str, Reply] = {
    "late-error-event": chat.begun(chat.error_event("It broke in the middle."), ended=True),
    "late-reset": chat.begun(Reset()),
    "late-close": chat.begun(Close()),
    "late-stall": chat.begun(Stall()),
    "no-finish": chat.begun(ended=True),
}

LIMITED = "limited"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    both = [f"{name}-{kind}" for name in DEATHS for kind in ("whole", "stream")]
    with staged(
        tmp_path_factory.mktemp("failures"),
        dict.fromkeys([*both, *STREAM_DEATHS, *LATE_DEATHS, LIMITED], 2),
        slow=("stalled", "stall-after-the-role", "late-stall"),
    ) as stage:
        yield stage


@pytest.fixture
def client(stage: Stage) -> Iterator[openai.OpenAI]:
    with _client(stage.daemon) as client:
        yield client


def _client(daemon: Daemon, key: str = "anything") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{daemon.url}/v1", api_key=key, max_retries=0, timeout=PATIENCE)


def _create(client: openai.OpenAI, route: str, **options: Any) -> Any:
    return client.chat.completions.create(model=route, messages=[{"role": "user", "content": "Hi!"}], **options)


def _streamed(client: openai.OpenAI, route: str, heard: list[str]) -> None:
    with _create(client, route, stream=True) as stream:
        heard += [chunk.choices[0].delta.content or "" for chunk in stream]


@pytest.mark.parametrize("death", DEATHS)
def test_a_whole_reply_comes_from_the_second_provider(client: openai.OpenAI, stage: Stage, death: str) -> None:
    route = f"{death}-whole"
    stage.upstream(route).script(DEATHS[death])
    assert _create(client, route).choices[0].message.content == "Hello there."
    _each_was_asked_once(stage, route)


@pytest.mark.parametrize("death", [*DEATHS, *STREAM_DEATHS])
def test_a_stream_comes_from_the_second_provider_alone(client: openai.OpenAI, stage: Stage, death: str) -> None:
    route = f"{death}-stream" if death in DEATHS else death
    stage.upstream(route).script((DEATHS | STREAM_DEATHS)[death])
    heard: list[str] = []
    _streamed(client, route, heard)
    assert "".join(heard) == "Hello there."
    _each_was_asked_once(stage, route)


def _each_was_asked_once(stage: Stage, route: str) -> None:
    assert [len(stage.upstream(route, number).requests) for number in (1, 2)] == [1, 1]
    models = [stage.upstream(route, number).requests[0].json()["model"] for number in (1, 2)]
    assert models == ["model-1", "model-2"]


@pytest.mark.parametrize("death", LATE_DEATHS)
def test_after_the_first_words_a_failure_is_an_error_never_a_short_answer(
    client: openai.OpenAI, stage: Stage, death: str
) -> None:
    stage.upstream(death).script(LATE_DEATHS[death])
    heard: list[str] = []
    with pytest.raises(openai.APIError) as caught, _create(client, death, stream=True) as stream:
        for chunk in stream:
            heard.append(chunk.choices[0].delta.content or "")
    assert "".join(heard) == "Hello there"
    assert caught.value.body is not None, "the error must be the event's own, not a broken connection"
    assert stage.upstream(death, 2).requests == []


def test_the_providers_own_words_reach_the_user(client: openai.OpenAI, stage: Stage) -> None:
    stage.upstream("late-error-event").script(chat.begun(chat.error_event("The GPU is on fire."), ended=True))
    with pytest.raises(openai.APIError, match="The GPU is on fire"):
        _streamed(client, "late-error-event", [])


@pytest.mark.parametrize("stream", [False, True])
def test_all_limited_is_a_rate_limit_error_with_the_shortest_wait(
    client: openai.OpenAI, stage: Stage, stream: bool
) -> None:
    for number, seconds in ((1, "40"), (2, "21")):
        limited = chat.error(429, "Slow down.", code="tokens", headers=[("Retry-After", seconds)])
        stage.upstream(LIMITED, number).answer = lambda _, limited=limited: limited
    with pytest.raises(openai.RateLimitError) as caught:
        _create(client, LIMITED, stream=stream)
    assert 0 < int(caught.value.response.headers["retry-after"]) <= 21
    assert caught.value.type == "rate_limit_error"
    assert caught.value.code == "upstream_rate_limited"


def test_a_wrong_key_is_an_authentication_error_and_a_wrong_route_is_not_permitted(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with Upstream(chat.good) as upstream:
        acts = [Act("mine", (upstream,)), Act("theirs", (upstream,))]
        with Daemon(tmp_path_factory.mktemp("keys"), config(acts, extra=_clients("correct-key"))) as daemon:
            with _client(daemon, "wrong-key") as client, pytest.raises(openai.AuthenticationError) as caught:
                _create(client, "mine")
            assert caught.value.code == "invalid_api_key"
            with _client(daemon, "correct-key") as client:
                assert [model.id for model in client.models.list()] == ["mine"]
                assert _create(client, "mine").choices[0].message.content == "Hello there."
                with pytest.raises(openai.PermissionDeniedError):
                    _create(client, "theirs")
    assert len(upstream.requests) == 1


def _clients(key: str) -> str:
    return f"clients: {{someone: {{key_sha256: {hashlib.sha256(key.encode()).hexdigest()}, routes: [mine]}}}}\n"


def test_the_providers_bad_key_is_our_fault_and_not_the_callers(tmp_path_factory: pytest.TempPathFactory) -> None:
    refusal = chat.error(401, "Incorrect API key provided: sk-test-1.", code="invalid_api_key")
    with (
        Upstream(lambda _: refusal) as upstream,
        Daemon(tmp_path_factory.mktemp("bad-key"), config([Act("locked", (upstream,))])) as daemon,
        _client(daemon) as client,
        pytest.raises(openai.InternalServerError, match="locked-1") as caught,
    ):
        _create(client, "locked")
    assert caught.value.status_code == 502
    assert caught.value.code == "provider_auth"
    assert "sk-test-1" not in str(caught.value)
