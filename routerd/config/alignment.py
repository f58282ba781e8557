"""Which items of an old list are which of a new one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise, takewhile
from typing import Any, NamedTuple

_MOST_CELLS = 250_000  # of a table of two lists; beyond it a quick guess has to do


class Match(NamedTuple):
    """What a new item was: its place in the old list, None if it is new. `is_moved`: its order is another one."""

    old: int | None
    is_moved: bool = False


def align(old: Sequence[Any], new: Sequence[Any]) -> list[Match]:
    """For each new item the old one. Most of what is equal stays in place, as little as possible is moved.

    Between those that stay, an old item may have become a new one that is like it.
    """
    if not old:  # so it is for every new entry: three thousand of them come with a large file
        return [Match(None)] * len(new)
    before, after = [key(item) for item in old], [key(item) for item in new]
    found: dict[int, Match] = {there: Match(here) for here, there in longest(before, after)}
    places = [(-1, -1), *((match.old or 0, there) for there, match in sorted(found.items())), (len(old), len(new))]
    free = set(range(len(old))) - {match.old for match in found.values()}
    for there, here in _moves(before, after, free, found):
        found[there] = Match(here, is_moved=True)
        free.discard(here)
    for (here, there), (next_here, next_there) in pairwise(places):
        rows = [each for each in range(here + 1, next_here) if each in free]
        columns = [each for each in range(there + 1, next_there) if each not in found]
        for row, column in _alike(old, new, rows, columns):
            found[column] = Match(row)
    return [found.get(there, Match(None)) for there in range(len(new))]


def key(value: Any) -> Hashable:
    """Equal for what is equal, types included."""
    if isinstance(value, dict):
        return frozenset((name, key(each)) for name, each in value.items())
    if isinstance(value, list):
        return tuple(map(key, value))
    return type(value).__name__, value


def longest(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[tuple[int, int]]:
    """A longest common subsequence, as places in both."""
    start = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))
    rest = min(len(left), len(right)) - start
    backwards = zip(reversed(left), reversed(right), strict=False)
    end = min(rest, sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], backwards)))
    rows, columns = range(start, len(left) - end), range(start, len(right) - end)
    if len(rows) * len(columns) > _MOST_CELLS:
        middle = _guess(left, right, rows, columns)
    else:
        middle = _best(rows, columns, lambda row, column: 1 if left[row] == right[column] else 0)
    same_end = [(len(left) - back, len(right) - back) for back in range(end, 0, -1)]
    return [*((each, each) for each in range(start)), *middle, *same_end]


def _guess(left: Sequence[Hashable], right: Sequence[Hashable], rows: range, columns: range) -> list[tuple[int, int]]:
    matcher = SequenceMatcher(None, left[rows.start : rows.stop], right[columns.start : columns.stop], autojunk=False)
    return [
        (rows[block.a + each], columns[block.b + each])
        for block in matcher.get_matching_blocks()
        for each in range(block.size)
    ]


def _best(rows: Sequence[int], columns: Sequence[int], worth: Callable[[int, int], float]) -> list[tuple[int, int]]:
    """The pairs, in the order of both, that are worth most together."""
    table = [[0.0] * (len(columns) + 1) for _ in range(len(rows) + 1)]
    worths = [[worth(row, column) for column in columns] for row in rows]
    for i in range(len(rows) - 1, -1, -1):
        for j in range(len(columns) - 1, -1, -1):
            paired = worths[i][j] + table[i + 1][j + 1] if worths[i][j] else 0.0
            table[i][j] = max(table[i + 1][j], table[i][j + 1], paired)
    pairs, i, j = [], 0, 0
    while i < len(rows) and j < len(columns):
        if worths[i][j] and table[i][j] == worths[i][j] + table[i + 1][j + 1]:
            pairs.append((rows[i], columns[j]))
            i, j = i + 1, j + 1
        elif table[i][j] == table[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _moves(
    before: Sequence[Hashable], after: Sequence[Hashable], free: set[int], found: dict[int, Match]
) -> Iterator[tuple[int, int]]:
    """New items that stood elsewhere, with where."""
    waiting: dict[Hashable, list[int]] = {}
    for here in sorted(free, reverse=True):
        waiting.setdefault(before[here], []).append(here)
    for there, item in enumerate(after):
        if there not in found and waiting.get(item):
            yield there, waiting[item].pop()


def _alike(
    old: Sequence[Any], new: Sequence[Any], rows: Sequence[int], columns: Sequence[int]
) -> list[tuple[int, int]]:
    if len(rows) * len(columns) > _MOST_CELLS // 10:
        return list(zip(rows, columns, strict=False))
    return _best(rows, columns, lambda row, column: _likeness(old[row], new[column]))


def _likeness(old: Any, new: Any) -> float:
    """0: nothing alike; an item that shares nothing with what it replaces has nothing to do with its comments."""
    if isinstance(old, dict) and isinstance(new, dict):
        return float(sum(1 for name, value in old.items() if name in new and key(value) == key(new[name])))
    if isinstance(old, str) and isinstance(new, str):
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
        return 1 + same / max(len(old), len(new), 1)
    return 0.5
