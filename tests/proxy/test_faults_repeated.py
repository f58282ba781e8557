"""How often and how soon a failing provider is asked again, as its own request log tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support import chat
from tests.support.daemon import Daemon
from tests.support.gate import SOON
from tests.support.reply import Reply
from tests.support.stage import Act, Stage, config
from tests.support.upstream import Upstream

# The route's options; every route has two upstreams but those that end in "-alone".
ROUTES = {
    "thrice-alone": "max_attempts: 3",
    "once": "max_attempts: 1",
    "five": "max_attempts: 5",
    "auth": "retry_on: [auth]",
    "never": "retry_on: []",
    "short-wait-alone": "max_attempts: 3",
    "long-wait-alone": "max_attempts: 3",
    "cooling": "max_attempts: 3",
    "threshold": "max_attempts: 3",
    "rejected": "max_attempts: 3",
    "hints": "max_attempts: 1",
}

OVERLOADED = chat.error(503, "Overloaded.")
UNAUTHORIZED = chat.error(401, "Incorrect API key.")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        acts = []
        for name, options in ROUTES.items():
            count = 1 if name.endswith("-alone") else 2
            group = tuple(stack.enter_context(Upstream(chat.good)) for _ in range(count))
            acts.append(Act(name, group, options))
        text = config(acts)
        daemon = stack.enter_context(Daemon(tmp_path_factory.mktemp("repeated"), text))
        yield Stage(daemon, {act.name: act for act in acts})


def _always(stage: Stage, route: str, reply: Reply, number: int = 1) -> None:
    stage.upstream(route, number).answer = lambda _: reply


def _asked(stage: Stage, route: str) -> list[int]:
    """How many requests each upstream of the route has had."""
    return [len(stage.upstream(route, number).requests) for number in range(1, len(stage.acts[route].upstreams) + 1)]


def test_a_single_target_is_asked_as_often_as_the_route_says(stage: Stage) -> None:
    _always(stage, "thrice-alone", OVERLOADED)
    answer = stage.ask("thrice-alone")
    assert (answer.status, answer.headers["x-routerd-attempts"]) == (503, "3")
    assert _asked(stage, "thrice-alone") == [3]


def test_one_attempt_is_one(stage: Stage) -> None:
    _always(stage, "once", OVERLOADED)
    assert stage.ask("once").status == 503
    assert _asked(stage, "once") == [1, 0]


def test_the_plan_starts_over_when_it_is_used_up(stage: Stage) -> None:
    for number in (1, 2):
        stage.upstream("five", number).script(OVERLOADED, OVERLOADED)
    answer = stage.ask("five")
    assert (answer.status, answer.headers["x-routerd-attempts"]) == (200, "5")
    assert _asked(stage, "five") == [3, 2]


def test_a_bad_key_fails_over_where_the_route_says_so(stage: Stage) -> None:
    _always(stage, "auth", UNAUTHORIZED)
    assert stage.ask("auth").headers["x-routerd-provider"] == "auth-2"
    assert stage.ask("auth").headers["x-routerd-attempts"] == "1", "the provider cools down"
    assert _asked(stage, "auth") == [1, 2]


def test_nothing_fails_over_where_the_route_says_so(stage: Stage) -> None:
    _always(stage, "never", OVERLOADED)
    assert stage.ask("never").status == 503
    assert _asked(stage, "never") == [1, 0]


def test_a_short_retry_after_is_waited_for(stage: Stage) -> None:
    stage.upstream("short-wait-alone").script(chat.error(429, "Slow down.", headers=[("Retry-After", "1")]))
    answer = stage.ask("short-wait-alone")
    assert (answer.status, answer.headers["x-routerd-attempts"]) == (200, "2")
    first, second = stage.upstream("short-wait-alone").requests
    assert 0.99 <= second.arrived_at - first.arrived_at < SOON


def test_a_long_retry_after_is_the_callers_to_wait_for(stage: Stage) -> None:
    _always(stage, "long-wait-alone", chat.error(429, "Slow down.", headers=[("Retry-After", "17")]))
    answer = stage.ask("long-wait-alone")
    assert (answer.status, answer.headers["retry-after"]) == (429, "17")
    assert answer.seconds < SOON
    assert _asked(stage, "long-wait-alone") == [1]


def test_a_limited_target_is_left_alone_while_it_cools_down(stage: Stage) -> None:
    _always(stage, "cooling", chat.error(429, "Slow down.", headers=[("Retry-After", "60")]))
    answers = [stage.ask("cooling") for _ in range(4)]
    assert [answer.headers["x-routerd-attempts"] for answer in answers] == ["2", "1", "1", "1"]
    assert _asked(stage, "cooling") == [1, 4]


def test_a_target_that_fails_three_times_in_a_row_is_left_alone(stage: Stage) -> None:
    _always(stage, "threshold", OVERLOADED)
    answers = [stage.ask("threshold") for _ in range(5)]
    assert [answer.headers["x-routerd-attempts"] for answer in answers] == ["2", "2", "2", "1", "1"]
    assert _asked(stage, "threshold") == [3, 5]


def test_what_the_caller_did_wrong_changes_nobodys_health(stage: Stage) -> None:
    rejected = chat.error(400, "No.", type="invalid_request_error")
    stage.upstream("rejected").script(*[rejected] * 5)
    assert [stage.ask("rejected").status for _ in range(6)] == [400] * 5 + [200]
    assert _asked(stage, "rejected") == [6, 0]


def test_sdks_are_told_whether_a_repeat_can_help(stage: Stage) -> None:
    stage.upstream("hints").script(chat.error(400, "No."), OVERLOADED)
    told = [stage.ask("hints").headers.get("x-should-retry") for _ in range(2)]
    assert told == ["false", None]
