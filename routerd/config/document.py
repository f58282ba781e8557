"""YAML text to a tree that knows where everything stands. Owns PyYAML, of which only libyaml's events are used.

Its composer recurses in C: 50,000 opening brackets end the process. Its YAML 1.1 resolver turns `no` into false. And
ruamel.yaml's copy of libyaml is too old to read `{api_key: env:NAME}`. So nodes and values are made here: YAML 1.2 core
schema, one document, no tags, no merge keys, no duplicate or structured keys, no recursive aliases.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, NoReturn

import yaml

from routerd.config.problem import Path, Problem, path_text
from routerd.config.scalars import NotANumber, Scalar, resolve
from routerd.config.syntax import explain

MOST_BYTES = 1024 * 1024
MOST_NODES = 20_000
MOST_DEPTH = 32

# PyYAML's wheels bring libyaml; built without, its own parser gives the same events at a twentieth of the speed.
_Events: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_UNPRINTABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class Node:
    """One value of the text. `line` and `column` count from 1; `start` and `end` are indices into the text.

    `size` is the number of nodes in it with aliases expanded, `height` the number of levels below it. A scalar that
    was written without quotes keeps its `text`. An alias stands where it stands; `original` is what it stands for.
    """

    line: int
    column: int
    start: int
    end: int
    value: dict[str, Entry] | list[Node] | Scalar = None
    text: str | None = None
    is_flow: bool = False
    size: int = 1
    height: int = 0
    is_anchored: bool = False
    original: Node | None = None


class Entry(NamedTuple):
    """One key of a map and its value."""

    key: Node
    value: Node


class Found(NamedTuple):
    """What stands at a path: the part of the path that the text really has, the key's node if any, the value's."""

    path: Path
    key: Node | None
    value: Node


@dataclass(slots=True)
class Anchor:
    """What `&name` stands for; None while it is still being read."""

    node: Node | None = None


class Document:
    """A parsed text: its tree, its data, and the problems that the parser itself found."""

    def __init__(self, root: Node | None, problems: tuple[Problem, ...], holes: frozenset[Path] = frozenset()) -> None:
        self.root = root
        self.problems = problems
        self.holes = holes  # the maps that lack an entry, since it could not be taken

    @cached_property
    def data(self) -> Any:
        """The tree as plain maps, lists and scalars, aliases copied out; None when there is no usable tree."""
        return None if self.root is None else plain(self.root)

    def find(self, path: Path) -> Found:
        """The node at `path`, or the nearest above it.

        A path may name what a short form leaves out: `nodes` of a route that is a list stands for the list itself, and
        what is below a node written as `PROVIDER/MODEL` for that text.
        """
        assert self.root is not None
        found = Found((), None, self.root)
        for step in path:
            below = _child(found, step)
            if below is None:
                break
            found = below
        return found

    def position(self, path: Path, key: bool = False) -> tuple[int, int]:
        """Line and column, from 1, of the value at `path`, or of its key."""
        found = self.find(path)
        node = found.key if key and found.key is not None else found.value
        return node.line, node.column


def _child(found: Found, step: str | int) -> Found | None:
    value = found.value.value
    if isinstance(value, dict) and step in value:
        entry = value[str(step)]
        return Found((*found.path, step), entry.key, entry.value.original or entry.value)
    if isinstance(value, list) and step == "nodes":
        return found
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return Found((*found.path, step), None, value[step].original or value[step])
    return None


def plain(node: Node) -> Any:
    """A node as plain data."""
    if isinstance(node.value, dict):
        return {name: plain(entry.value) for name, entry in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def parse(text: str, is_draft: bool = False) -> Document:
    """The document in `text`, with every problem of the YAML itself. Never raises for what is in the text.

    A draft has a tree also where an alias lacks its anchor: that is a problem, but it may get one yet.
    """
    text = text.removeprefix("\ufeff")
    if (refused := _refused(text)) is not None:
        return Document(None, (refused,))
    composer = _Composer(text, is_draft)
    try:
        root = composer.document()
    except _Fatal:
        root = None
    except yaml.MarkedYAMLError as error:
        composer.problems.append(explain(error, text))
        root = None
    return Document(root, tuple(composer.problems), frozenset(composer.holes))


def data_of(text: str) -> Any:
    """The data in a text, as `Document.data` has it."""
    return parse(text).data


def _refused(text: str) -> Problem | None:
    """What makes a text unfit to be looked at."""
    if (found := _UNPRINTABLE.search(text)) is not None:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        character = f"U+{ord(found[0]):04X}"
        return Problem("error", line, column, "", f"the character {character} is not allowed in YAML", "delete it")
    if len(text.encode()) > MOST_BYTES:
        return Problem("error", 1, 1, "", "the text is larger than 1 MiB")
    return None


class _Fatal(Exception):
    """A problem after which reading on makes no sense."""


@dataclass
class _Composer:
    """Events in, nodes out: one method for each kind of event."""

    text: str
    is_draft: bool = False
    problems: list[Problem] = field(default_factory=list)
    anchors: dict[str, Anchor] = field(default_factory=dict)
    holes: set[Path] = field(default_factory=set)
    nodes: int = 0

    def document(self) -> Node | None:
        self.events = _Events(self.text)
        self.events.get_event()  # the start of the stream
        start = self.events.get_event()
        if isinstance(start, yaml.StreamEndEvent):
            return None
        if start.version not in (None, (1, 2)):
            self._problem(start, (), "this is read as YAML 1.2", "delete the %YAML line")
        root = self._node(self.events.get_event(), (), 0)
        self.events.get_event()  # the end of the document
        following = self.events.get_event()
        if not isinstance(following, yaml.StreamEndEvent):
            self._problem(following, (), "a second document begins here", "keep everything in one, without `---`")
        return None if root.value is None else root

    def _node(self, event: Any, path: Path, depth: int) -> Node:
        if depth > MOST_DEPTH:
            self._stop(event, (), f"this is nested more than {MOST_DEPTH} levels deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path, depth)
        if event.tag is not None:
            self._problem(event, path, "tags are not allowed", "delete the `!…`; quotes make a text of a number")
        node = Node(
            event.start_mark.line + 1, event.start_mark.column + 1, event.start_mark.index, event.end_mark.index
        )
        anchor = self._anchor(event)
        node.is_anchored = anchor is not None
        self._count(event, path, 1)
        if isinstance(event, yaml.MappingStartEvent):
            self._map(node, event, path, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._list(node, event, path, depth)
        else:
            self._scalar(node, event, path)
        if anchor is not None:
            anchor.node = node
        return node

    def _anchor(self, event: Any) -> Anchor | None:
        if event.anchor is None:
            return None
        self.anchors[event.anchor] = anchor = Anchor()
        return anchor

    def _alias(self, event: Any, path: Path, depth: int) -> Node:
        anchor = self.anchors.get(event.anchor)
        if anchor is None:
            return self._alias_of_nothing(event, path)
        if anchor.node is None:
            self._stop(event, path, "this alias is inside of what it stands for")
        self._count(event, path, anchor.node.size)
        if depth + anchor.node.height > MOST_DEPTH:
            self._stop(event, (), f"this is nested more than {MOST_DEPTH} levels deep")
        node = _begin(event)
        original = anchor.node
        node.value, node.text, node.is_flow = original.value, original.text, original.is_flow
        node.size, node.height, node.original = original.size, original.height, original
        return node

    def _alias_of_nothing(self, event: Any, path: Path) -> Node:
        told = "no anchor of this name stands above", "quote the text if no alias is meant"
        if not self.is_draft:
            self._stop(event, path, *told)
        self._problem(event, path, *told)
        node = _begin(event)
        node.original = _begin(event)
        return node

    def _map(self, node: Node, start: Any, path: Path, depth: int) -> None:
        entries: dict[str, Entry] = {}
        node.is_flow = start.flow_style
        while not isinstance(event := self.events.get_event(), yaml.MappingEndEvent):
            key = self._key(event, path, depth)
            name = key.value if isinstance(key.value, str) else None
            value = self._node(self.events.get_event(), path if name is None else (*path, name), depth + 1)
            _grow(node, value)
            if name is not None and self._may_stand(name, key, value, node, entries, path):
                entries[name] = Entry(key, value)
            else:
                self.holes.add(path)
        node.value = entries
        node.end = _end(event)

    def _key(self, event: Any, path: Path, depth: int) -> Node:
        """The key as text, whatever it looks like; its value is None when it can't be one."""
        if not isinstance(event, yaml.ScalarEvent):
            found = len(self.problems)
            node = self._node(event, path, depth + 1)
            del self.problems[found:]  # what is wrong inside of it is no news any more
            hint = "quote it if it is a text" if isinstance(event, yaml.MappingStartEvent) else None
            self._problem(event, path, "a key must be a plain word", hint)
            return Node(node.line, node.column, node.start, node.end)
        self._count(event, path, 0)
        node = _begin(event)
        node.value = event.value
        if event.tag is not None:
            self._problem(event, path, "tags are not allowed", "delete the `!…`")
        if event.anchor is not None:
            self.anchors[event.anchor] = Anchor(node)
            node.is_anchored = True
        node.text = event.value if event.implicit[0] else None
        return node

    def _may_stand(self, name: str, key: Node, value: Node, node: Node, entries: dict[str, Entry], path: Path) -> bool:
        """Whether a key may be taken into its map; says why when it may not."""
        if name == "":
            self._problem_at(key, path, "a key is missing before the colon")
        elif name == "<<" and key.text is not None:
            hint = "repeat the keys, or give a whole value a name: `timeouts: *usual`"
            self._problem_at(key, path, "YAML 1.2 has no merge keys", hint)
        elif name in entries:
            first = entries[name].key.line
            self._problem_at(key, (*path, name), f"this key stands already on line {first}", "keep one of them")
        elif value.text == "" and key.end <= value.start and ":" not in self.text[key.end : value.start]:
            # What was run together may hold a secret, `{api_key:sk-…}` is one word to YAML, so it is not repeated.
            lacking = "a space is missing after the colon" if ":" in name else "a colon is missing after this key"
            self._problem_at(key, path, lacking)
        else:
            return True
        return False

    def _list(self, node: Node, start: Any, path: Path, depth: int) -> None:
        items: list[Node] = []
        node.is_flow = start.flow_style
        while not isinstance(event := self.events.get_event(), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items)), depth + 1))
            _grow(node, items[-1])
        node.value = items
        node.end = _end(event)

    def _scalar(self, node: Node, event: Any, path: Path) -> None:
        is_plain = event.implicit[0] and event.tag is None
        node.text = event.value if is_plain else None
        try:
            node.value = resolve(event.value) if is_plain else event.value
        except NotANumber:
            self._problem(event, path, "this number is not finite, or too long", "quote it if it is a text")
            node.value = event.value

    def _count(self, event: Any, path: Path, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > MOST_NODES:
            self._stop(event, path, f"there are more than {MOST_NODES:,} values, aliases counted in full")

    def _problem(self, event: Any, path: Path, message: str, hint: str | None = None) -> None:
        mark = event.start_mark
        self.problems.append(Problem("error", mark.line + 1, mark.column + 1, path_text(path), message, hint))

    def _problem_at(self, node: Node, path: Path, message: str, hint: str | None = None) -> None:
        self.problems.append(Problem("error", node.line, node.column, path_text(path), message, hint))

    def _stop(self, event: Any, path: Path, message: str, hint: str | None = None) -> NoReturn:
        self._problem(event, path, message, hint)
        raise _Fatal


def _begin(event: Any) -> Node:
    start = event.start_mark
    return Node(start.line + 1, start.column + 1, start.index, _end(event))


def _end(event: Any) -> int:
    return int(event.end_mark.index)


def _grow(node: Node, child: Node) -> None:
    node.size += child.size
    node.height = max(node.height, child.height + 1)
