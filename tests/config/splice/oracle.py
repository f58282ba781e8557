"""Which lines an edit may touch, told from the text before it and the rules alone; nothing of splice is used here.

A line holds the paths whose key, dash, scalar or bracket stands on it. A line that holds no path that the edit is about
has to be in the result, byte for byte. A comment directly above an entry, at its column, is about that entry, and so is
a deeper one directly below; others are about nothing, and stay whatever happens.

What an edit does to an anchor's value is not meant for its aliases: the first of those that the edit is not about may
become a value of its own, with the anchor if there are more of them. The others stay, and all that is beside them.
"""

from __future__ import annotations

import copy
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from routerd.config.document import Node, parse
from routerd.config.problem import Path
from routerd.config.splice import Change, Drop, Rename

BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
NOTHING = re.compile("(?:[ \t\n\r\x85\u2028\u2029]|#[^\n\r\x85\u2028\u2029]*)*")
MISSING = object()


@dataclass
class Anchored:
    """An anchor: its name and path, whether it is one of a key, where it stands, and where its aliases do."""

    name: str
    path: Path
    is_key: bool
    place: tuple[int, int]
    aliases: list[tuple[Path, tuple[int, int]]] = field(default_factory=list)


@dataclass
class Held:
    """A text by lines. `starts`: the path of the entry that begins at an index; `flows`: lines inside of brackets."""

    text: str
    lines: list[str] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)
    paths: list[set[Path]] = field(default_factory=list)
    tails: dict[int, int] = field(default_factory=dict)
    starts: dict[int, Path] = field(default_factory=dict)
    first: dict[Path, int] = field(default_factory=dict)
    ends: dict[Path, int] = field(default_factory=dict)
    columns: dict[Path, int] = field(default_factory=dict)
    flows: dict[Path, tuple[int, int]] = field(default_factory=dict)
    beside: dict[Path, int] = field(default_factory=dict)
    anchors: dict[int, Anchored] = field(default_factory=dict)
    root: Node | None = None

    def line(self, index: int) -> int:
        return bisect_right(self.begins, index) - 1

    def is_comment(self, line: int) -> bool:
        return not self.paths[line] and self.lines[line].lstrip(" \t").startswith("#")

    def indent(self, line: int) -> int:
        return len(self.lines[line]) - len(self.lines[line].lstrip(" \t"))

    def about(self, line: int) -> Path | None:
        """The entry that a comment stands directly above of."""
        indent = self.indent(line)
        in_flow = self.in_flow(line)
        top = line
        while top > 0 and self.is_comment(top - 1) and (in_flow or self.indent(top - 1) == indent):
            top -= 1
        below = line + 1
        while below < len(self.lines) and self.is_comment(below) and (in_flow or self.indent(below) == indent):
            below += 1
        if top == 0 or below == len(self.lines) or not self.paths[below]:
            return None
        if not in_flow and self.indent(below) != indent:
            return None
        return self.starts.get(self.begins[below] + self.indent(below))

    def comment(self, line: int) -> str | None:
        """What is said on a line, behind what it holds."""
        start = self.tails.get(line, self.begins[line])
        found = re.match(r"(?:[,:\[\]{}\s]|&\S+)*(#.*)", self.lines[line][start - self.begins[line] :])
        return found[1].rstrip() if found else None

    def in_flow(self, line: int) -> bool:
        return any(start < line <= end for start, end in self.flows.values())

    def below(self, line: int) -> Iterator[Path]:
        """The entries that a deeper comment stands directly below of."""
        least = self.indent(line)
        at = line - 1
        while at >= 0 and self.is_comment(at):
            least = min(least, self.indent(at))
            at -= 1
        if at >= 0:
            yield from (path for path, end in self.ends.items() if end == at and self.columns[path] < least)


def held(text: str) -> Held:
    """What each line of `text` holds."""
    found = Held(text)
    found.begins = [0, *(match.end() for match in BREAK.finditer(text))]
    found.lines = [text[start:end] for start, end in zip(found.begins, [*found.begins[1:], len(text)], strict=True)]
    if not found.lines[-1]:
        del found.lines[-1]
    found.paths = [set() for _ in found.begins]
    found.root = parse(text).root
    if found.root is not None:
        _walk(found, found.root, ())
    return found


def _end_of_text(text: str) -> int:
    """How much of a scalar's text is on lines of its own: empty lines after it are not, unless it says so."""
    return len(text) if re.match(r"[|>][0-9]*\+", text) else len(text.rstrip())


def _mark(found: Held, path: Path, start: int, end: int) -> None:
    for line in range(found.line(start), found.line(max(start, end - 1)) + 1):
        found.paths[line].add(path)
        stop = min(end, found.begins[line] + len(found.lines[line]) if line < len(found.lines) else end)
        found.tails[line] = max(stop, found.tails.get(line, 0))


def _walk(found: Held, node: Node, path: Path) -> int:
    """Marks what a node holds; gives the index where it ends."""
    if node.original is not None:
        found.anchors[id(node.original)].aliases.append((path, (node.start, node.end)))
    elif node.is_anchored:
        _anchor(found, node, path)
    if node.original is not None or not isinstance(node.value, dict | list):
        end = _end_of_text(found.text[node.start : node.end]) + node.start
        if path:
            _mark(found, path, node.start, end)
        return end
    if node.is_flow:
        _mark(found, path, node.start, node.start + 1)
        _mark(found, path, node.end - 1, node.end)
        found.flows[path] = (found.line(node.start), found.line(node.end - 1))
    end = node.start
    for name, start, key, value in _entries(found, node):
        below = (*path, name)
        _mark(found, below, start, start + 1 if key is None else key.end)
        found.starts.setdefault(start, below)
        if key is not None:
            if key.is_anchored:
                _anchor(found, key, below, is_key=True)
            colon = NOTHING.match(found.text, key.end)
            assert colon is not None
            _mark(found, below, colon.end(), colon.end() + 1)
        end = max(_walk(found, value, below), start + 1)
        if not node.is_flow:
            found.first[below], found.ends[below] = found.line(start), found.line(end - 1)
            found.columns[below] = start - found.begins[found.line(start)]
            if found.text[found.begins[found.line(start)] : start].strip():
                found.beside[below] = found.line(start)
    return node.end if node.is_flow else end


def _anchor(found: Held, node: Node, path: Path, *, is_key: bool = False) -> None:
    text = re.match(r"&([\w-]+) *", found.text[node.start :])
    assert text is not None
    found.anchors[id(node)] = Anchored(text[1], path, is_key, (node.start, node.start + text.end()))


def _entries(found: Held, node: Node) -> Iterator[tuple[str | int, int, Node | None, Node]]:
    if isinstance(node.value, dict):
        for name, (key, value) in node.value.items():
            before = found.text[: key.start].rstrip(" ")
            is_explicit = before.endswith("?") and not node.is_flow
            yield name, len(before) - 1 if is_explicit else key.start, key, value
        return
    assert isinstance(node.value, list)
    for at, item in enumerate(node.value):
        yield at, item.start if node.is_flow else _dash(found.text, item.start), None, item


def _dash(text: str, index: int) -> int:
    dash = text.rindex("-", 0, index)
    while not NOTHING.fullmatch(text, dash + 1, index):
        dash = text.rindex("-", 0, dash)
    return dash


# What an edit is about


@dataclass
class Touched:
    """Paths of the old text: entries that go, those whose own text changes, and collections that get other entries."""

    removed: set[Path] = field(default_factory=set)
    changed: set[Path] = field(default_factory=set)
    shuffled: set[Path] = field(default_factory=set)
    reordered: set[Path] = field(default_factory=set)
    renamed: set[Path] = field(default_factory=set)

    def is_about(self, path: Path) -> bool:
        """Whether the value at a path may become another, or come elsewhere."""
        others = (self.changed | self.removed | self.shuffled) - (self.renamed & {path})  # a key's name is no value
        is_within = any(each[: len(path)] == path for each in others)
        return is_within or self.removes(path) or any(path[: len(each)] == each for each in self.reordered)

    def names(self, path: Path) -> bool:
        """Whether a key may get another name, or go."""
        return path in self.renamed or self.removes(path)

    def removes(self, path: Path) -> bool:
        return any(path[: len(gone)] == gone for gone in self.removed)


def data_of(text: str) -> Any:
    """What a text says; nothing at all is an empty map."""
    document = parse(text)
    return {} if document.root is None else document.data


def at_path(data: Any, path: Path) -> Any:
    for step in path:
        is_there = isinstance(data, dict) and step in data
        if not is_there and not (isinstance(data, list) and isinstance(step, int) and step < len(data)):
            return MISSING
        data = data[step]
    return data


def touched(data: Any, changes: Iterable[Change]) -> Touched:
    """What independent changes of `data` are about."""
    found = Touched()
    for change in changes:
        path = change.path
        if isinstance(change, Rename):
            found.changed.add(path)
            found.renamed.add(path)
        elif isinstance(change, Drop):
            _drop(found, data, path)
        elif (old := at_path(data, path)) is not MISSING:
            _compare(found, old, change.value, path)
        else:
            _add(found, data, path)
    return found


def _drop(found: Touched, data: Any, path: Path) -> None:
    found.removed.add(path)
    found.shuffled.add(path[:-1])
    gone = {each for each in found.removed if each[:-1] == path[:-1]}
    if len(gone) == len(at_path(data, path[:-1])):
        found.changed.add(path[:-1])


def _add(found: Touched, data: Any, path: Path) -> None:
    above = path[:-1]
    while at_path(data, above) is MISSING:
        above = above[:-1]
    found.shuffled.add(above)
    if not at_path(data, above):
        found.changed.add(above)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[name]) for name, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and bool(left == right)


def _compare(found: Touched, old: Any, new: Any, path: Path) -> None:
    if same(old, new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        if not old or not new:
            found.changed.add(path)
        found.shuffled |= {path} if old.keys() != new.keys() else set()
        for name, value in old.items():
            if name in new:
                _compare(found, value, new[name], (*path, name))
            else:
                found.removed.add((*path, name))
    elif isinstance(old, list) and isinstance(new, list):
        _compare_lists(found, old, new, path)
    elif isinstance(old, list) and len(path) == 2 and path[0] == "routes" and isinstance(new, dict):
        found.changed.add(path)
        nodes = new.get("nodes")
        _compare_lists(found, old, nodes if isinstance(nodes, list) else [], path)
    else:
        found.changed.add(path)
        found.removed |= {(*path, name) for name in (old if isinstance(old, dict) else ())}
        found.removed |= {(*path, at) for at in range(len(old) if isinstance(old, list) else 0)}


def _compare_lists(found: Touched, old: list[Any], new: list[Any], path: Path) -> None:
    if not old or not new:
        found.changed.add(path)
    found.shuffled.add(path)
    found.reordered.add(path)
    for at, item in enumerate(old):
        twins = [sum(same(item, each) for each in items) for items in (old, new)]
        if twins[0] > twins[1]:  # which of them goes is all the same
            found.removed.add((*path, at))


# What has to stay


@dataclass
class Verdict:
    """What is wrong with a result, if anything, and how many lines it touched of how many that it had to."""

    wrong: str | None
    touched: int = 0
    least: int = 0


def meant(data: Any, changes: Iterable[Change]) -> Any:
    """The data after the changes."""
    data = copy.deepcopy(data)
    for change in changes:
        *above, last = change.path
        holder = data
        for step in above:
            if isinstance(holder, dict) and holder.get(step) is None:
                holder[step] = {}
            holder = holder[step]
        if isinstance(change, Drop):
            del holder[last]
        elif isinstance(change, Rename):
            holder[change.name] = holder.pop(last)
        elif isinstance(holder, list) and last == len(holder):
            holder.append(copy.deepcopy(change.value))
        else:
            holder[last] = copy.deepcopy(change.value)
    return data


def judge(before: str, changes: Sequence[Change], after: str) -> Verdict:
    """Whether the result says what was meant, and has every line that the changes are not about."""
    data, document = data_of(before), parse(after)
    if document.problems or not same(data_of(after), meant(data, changes)):
        return Verdict("the data")
    if before.startswith("\ufeff") != after.startswith("\ufeff"):
        return Verdict("the byte order mark")
    before, after = before.removeprefix("\ufeff"), after.removeprefix("\ufeff")
    if before and not BREAK.fullmatch(before[-1]):
        before, after = before + _ending(before, before), after + _ending(after, before)
    old, new = held(before), held(after)
    about = touched(data, changes)
    ordered, unordered, like, reworded = _must_stay(old, about)
    rest = iter(new.lines)
    for line in ordered:
        if line not in rest:
            return Verdict(f"this line is gone, or stands elsewhere: {line!r}")
    stripped = [line.lstrip(" ") for line in unordered]  # a route's nodes may have to be indented
    gone = Counter(ordered) - Counter(new.lines) + (Counter(stripped) - Counter(line.lstrip(" ") for line in new.lines))
    if gone:
        return Verdict(f"lines are gone: {list(gone)!r}")
    left = [bare(line) for line in new.lines]
    others = [line for line in like if not any(bare(line) in each for each in left)]
    if others:
        return Verdict(f"lines are another: {others!r}")
    worded = [form for form in reworded if not any(map(re.compile(form).fullmatch, new.lines))]
    if worded:
        return Verdict(f"more than an alias is another: {worded!r}")
    comments = Counter(filter(None, map(new.comment, range(len(new.lines)))))
    lost = Counter(_comments_that_stay(old, about)) - comments
    if lost:
        return Verdict(f"comments are gone: {list(lost)!r}")
    removed, added = line_diff(old.lines, new.lines)
    moved = {old.lines[at] for at in removed}
    useless = [at for at in added if not (new.paths[at] or new.lines[at] in moved or _parts_sections(new, at))]
    return Verdict(None, len(removed) + len(added), len(removed) + len(added) - len(useless))


def _ending(text: str, before: str) -> str:
    """The line end that the last line of `text` would have, as it had it when it was not the last."""
    lines = held(before).lines
    last = BREAK.split(text)[-1]
    found = next((line for line in lines if line.rstrip("\r\n\x85\u2028\u2029") == last != line), "")
    usual = re.search("\r?\n|\r", before)
    return found[len(last) :] or (usual[0] if usual else "\n")


def _parts_sections(new: Held, line: int) -> bool:
    """Whether an empty line stands before a section, the last one."""
    last = {path for path in new.ends if len(path) == 1}
    return not new.lines[line].strip() and bool(last) and line + 1 < len(new.lines) and bool(last & new.paths[line + 1])


def bare(line: str) -> str:
    """A line inside of brackets without what may change when its neighbours do."""
    return re.sub(r"[\[\]{},\s]", "", line)


def _must_stay(old: Held, about: Touched) -> tuple[list[str], list[str], list[str], list[str]]:
    """The lines that stay in their order, those that stay somewhere, and those that stay but for commas.

    And what those must match that stay but for an anchor or an alias.
    """
    ordered: list[str] = []
    unordered: list[str] = []
    like: list[str] = []
    reworded: list[str] = []
    spans = _may_be_reworded(old, about)
    following = {_following(old, about, path) for path in about.removed if path in old.beside}
    for line, text in enumerate(old.lines):
        if line in following or _may_go(old, about, line):
            continue
        pieces = _but_for(old, line, [span for span in spans if old.line(span[0]) == line])
        paths = old.paths[line] or {path for path in [old.about(line), *old.below(line)] if path is not None}
        paths = paths or {path for path, end in old.ends.items() if old.first[path] < line <= end}
        is_moved = any(path[: len(each)] == each != path for path in paths for each in about.reordered)
        is_shuffled = any(start <= line <= end and path in about.shuffled for path, (start, end) in old.flows.items())
        if is_shuffled or _opens_flow(old, about, line) or (is_moved and old.in_flow(line)):
            like += pieces
        elif len(pieces) > 1:
            form = ".*".join(map(re.escape, pieces))
            reworded.append(" *" + form.lstrip("\\ ") if is_moved else form)
        else:
            (unordered if is_moved else ordered).append(text)
    return ordered, unordered, like, reworded


def _may_be_reworded(old: Held, about: Touched) -> list[tuple[int, int]]:
    """Where an anchor may go, and the alias that may take its place."""
    spans: list[tuple[int, int]] = []
    moved: set[str] = set()
    for anchor in old.anchors.values():
        left = _left(anchor, about)
        if _is_about(anchor, about):
            moved |= {anchor.name} if len(left) > 1 else set()
            spans += left[:1]
        spans += [place for path, place in anchor.aliases if about.is_about(path)]
    for anchor in old.anchors.values():  # more than one has the name, if it stands for two things one after the other
        if anchor.name in moved and (_is_about(anchor, about) or not _left(anchor, about)):
            spans.append(anchor.place)
    return sorted(spans)


def _left(anchor: Anchored, about: Touched) -> list[tuple[int, int]]:
    """The aliases that are to say what they said."""
    return [place for path, place in anchor.aliases if not about.is_about(path)]


def _is_about(anchor: Anchored, about: Touched) -> bool:
    """Whether what an anchor stands for may become another, or go."""
    return about.names(anchor.path) if anchor.is_key else about.is_about(anchor.path)


def _but_for(old: Held, line: int, spans: Sequence[tuple[int, int]]) -> list[str]:
    """The pieces of a line that stay when there is something else at the `spans` of the text."""
    at, pieces = old.begins[line], []
    for start, stop in spans:
        pieces.append(old.text[at:start].rstrip(" "))
        at = stop
    return [*pieces, old.text[at : old.begins[line] + len(old.lines[line])]]


def _comments_that_stay(old: Held, about: Touched) -> Iterator[str]:
    """Those behind what does not go."""
    for line in range(len(old.lines)):
        said = old.comment(line)
        flows = {path for path, (start, end) in old.flows.items() if start <= line < end}
        is_inside = any(about.removes(path) or path in about.changed for path in flows)
        if said is not None and old.paths[line] and not is_inside and not any(map(about.removes, old.paths[line])):
            yield said


def _opens_flow(old: Held, about: Touched, line: int) -> bool:
    return any(path in old.flows and path in about.shuffled for path in old.paths[line])


def _following(old: Held, about: Touched, path: Path) -> int:
    """The line of the first entry that stays after one that stands beside a dash: it moves up when that goes."""
    stay = [old.first[each] for each in old.first if each[:-1] == path[:-1] and not about.removes(each)]
    return min(stay, default=-1)


def _may_go(old: Held, about: Touched, line: int) -> bool:
    paths = old.paths[line]
    if any(about.removes(path) or path in about.changed for path in paths):
        return True
    if any(path in old.beside and path[:-1] in about.shuffled for path in paths):
        return True
    beside = {each for each in about.reordered if (*each, 0) in old.beside}  # where items have no lines of their own
    if any(path[: len(each)] == each for path in paths for each in beside):
        return True
    flows = [path for path, (start, end) in old.flows.items() if start <= line <= end]
    if any(about.removes(path) or path in about.changed for path in flows):
        return True
    if any(path in about.shuffled and (path in paths or _members(paths, path) > 1) for path in flows):
        return True
    if any(old.first[path] <= line <= old.ends[path] for path in about.removed if path in old.ends):
        return True
    if old.is_comment(line):
        above = old.about(line)
        return (above is not None and about.removes(above)) or any(map(about.removes, old.below(line)))
    return False


def _members(paths: set[Path], container: Path) -> int:
    return len({path[: len(container) + 1] for path in paths if path[: len(container)] == container != path})


def line_diff(old: list[str], new: list[str]) -> tuple[list[int], list[int]]:
    """The old lines that are not in the new ones, and the other way round, as few as can be."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    rows, columns = range(start, len(old) - end), range(start, len(new) - end)
    table = {(row, column): 0 for row in (*rows, rows.stop) for column in (*columns, columns.stop)}
    for row in reversed(rows):
        for column in reversed(columns):
            same_line = old[row] == new[column]
            table[row, column] = max(
                table[row + 1, column], table[row, column + 1], table[row + 1, column + 1] + same_line
            )
    removed, added = [], []
    row, column = rows.start, columns.start
    while row < rows.stop or column < columns.stop:
        if row < rows.stop and column < columns.stop and old[row] == new[column]:
            row, column = row + 1, column + 1
        elif column == columns.stop or (row < rows.stop and table[row + 1, column] >= table[row, column + 1]):
            removed.append(row)
            row += 1
        else:
            added.append(column)
            column += 1
    return removed, added
