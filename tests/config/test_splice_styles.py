"""Configs in random styles: an edit gives what was meant and leaves the other lines alone, or it is refused."""

from __future__ import annotations

import random
import time

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from routerd.config.document import parse
from routerd.config.splice import Put, Rename, Unspliceable, splice
from tests.config.splice.edits import edit, edits
from tests.config.splice.oracle import data_of, judge, meant, same
from tests.config.splice.styles import written

QUIET = settings(deadline=None, max_examples=400, suppress_health_check=list(HealthCheck))


@QUIET
@given(st.integers(0, 2**32))
def test_an_edit_is_right_or_refused(seed: int) -> None:
    rng = random.Random(seed)
    made = written(rng)
    assume(made is not None)
    assert made is not None
    data, text = made
    changes = edits(rng, data) if rng.random() < 0.3 else [edit(rng, data)]
    try:
        after = splice(text, changes)
    except Unspliceable:
        return
    verdict = judge(text, changes, after)
    assert verdict.wrong is None, (changes, verdict.wrong, text, after)


@QUIET
@given(st.integers(0, 2**32))
def test_many_edits_one_after_the_other(seed: int) -> None:
    rng = random.Random(seed)
    made = written(rng)
    assume(made is not None)
    assert made is not None
    data, text = made
    for _ in range(6):
        change = edit(rng, data)
        try:
            after = splice(text, [change])
        except Unspliceable:
            continue
        assert judge(text, [change], after).wrong is None, (change, text, after)
        text = after
        data = data_of(text)


@QUIET
@given(st.text("a: -#'\"{}[],|>&*?!%\n\t\r\u2028", max_size=60), st.integers(0, 2**32))
def test_any_text_is_edited_rightly_or_refused(text: str, seed: int) -> None:
    document = parse(text)
    assume(not document.problems and (document.root is None or isinstance(document.root.value, dict)))
    changes = [edit(random.Random(seed), data_of(text))]
    try:
        after = splice(text, changes)
    except Unspliceable:
        return
    assert same(data_of(after), meant(data_of(text), changes))


def large(routes: int) -> str:
    """A file with so many routes."""
    lines = ["version: 1", "providers:"]
    for number in range(routes // 5):
        lines += [
            f"  p{number}:",
            f"    base_url: https://p{number}.example.org/v1   # of team {number}",
            f"    api_key: env:KEY_{number}",
            f"    models: [m{number}, n{number}]",
        ]
    lines.append("routes:")
    for number in range(routes):
        one, other = f"p{number % (routes // 5)}", f"p{(number + 1) % (routes // 5)}"
        if number % 2:
            lines.append(f"  r{number}: [{one}/m, {other}/n]")
        else:
            lines += [f"  # route {number}", f"  r{number}:", "    strategy: round-robin", "    nodes:"]
            lines += [f"      - {{provider: {name}, models: [m]}}   # {name}" for name in (one, other)]
    return "\n".join(lines) + "\n"


def test_two_hundred_routes_are_fast() -> None:
    text = large(200)
    taken = []
    for turn in range(7):
        start = time.process_time()
        splice(text, [Put(("routes", "r100", "nodes", 1, "models", 0), f"x{turn}")])
        taken.append(time.process_time() - start)
    print(f"\nsplice at 200 routes: {min(taken) * 1000:.0f} ms")
    assert min(taken) < 0.15  # it is 30 to 40 ms where nothing else runs


def test_a_provider_is_renamed_everywhere_at_once() -> None:
    text = large(200)
    document = parse(text)
    changes: list[Put | Rename] = [Rename(("providers", "p1"), "first")]
    for name, route in document.data["routes"].items():
        if isinstance(route, dict):
            found = [at for at, node in enumerate(route["nodes"]) if node["provider"] == "p1"]
            changes += [Put(("routes", name, "nodes", at, "provider"), "first") for at in found]
        else:
            found = [at for at, node in enumerate(route) if node.startswith("p1/")]
            changes += [Put(("routes", name, at), node) for at in found for node in [f"first/{route[at][3:]}"]]
    after = splice(text, changes)
    assert len(changes) > 10
    assert judge(text, changes, after).wrong is None
    assert "p1/" not in after and "provider: p1," not in after
