"""Aliases after an edit: each one that would not say what is meant gets a value of its own.

An edit leaves aliases as they are, whatever becomes of what they stand for, so its draft may say too much, or lack an
anchor. Then each anchor is looked at with its aliases, in the order of the text. An alias that disagrees takes the
anchor over, with the value that is meant, if more of those that follow agree with it than with the one it would take it
from; else it is written out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from routerd.config import rendering
from routerd.config.alignment import key
from routerd.config.blocks import Patch, Slot, style_of
from routerd.config.document import Node, plain
from routerd.config.layout import Layout

_BRACKETS = ("[", "{")
_QUOTES = ("'", '"')


class Use(NamedTuple):
    """An anchor or an alias, and the value that is meant there; `slot` is None where a value takes no lines.

    `says` is equal where the same value is meant.
    """

    node: Node
    name: str
    value: Any
    says: Hashable
    slot: Slot | None = None

    @property
    def is_alias(self) -> bool:
        """Whether it stands for what stands elsewhere."""
        return self.node.original is not None


def openings(text: str, root: Node | None) -> dict[str, str]:
    """The character that the value of each anchor begins with: it tells brackets and quotes from the rest."""
    if root is None:
        return {}
    layout = Layout(text)
    anchors = (use for use in _Sharing(layout, root, {}).uses(root, plain(root), None) if not use.is_alias)
    return {use.name: text[layout.begin(use.node) : use.node.end][:1] for use in anchors}


def unshared(text: str, root: Node, wanted: Any, styles: Mapping[str, str]) -> list[Patch]:
    """What to change in a draft, whose last line has its end, so that its aliases say what is `wanted`; in order.

    `styles`: the openings of what the anchors stood for before the edit, which is how their values are written.
    """
    sharing = _Sharing(Layout(text), root, styles)
    groups = _groups(sharing.uses(root, wanted, Slot((), 0, 0)))
    return sorted(patch for group in groups for patch in sharing.settled(group))


def _groups(uses: Iterator[Use]) -> list[list[Use]]:
    """Each anchor with the aliases that come after it, up to the next anchor of the name."""
    groups: list[list[Use]] = []
    open_groups: dict[str, list[Use]] = {}
    for use in uses:
        if not use.is_alias or use.name not in open_groups:
            open_groups[use.name] = []
            groups.append(open_groups[use.name])
        open_groups[use.name].append(use)
    return groups


class _Sharing:
    """The anchors and aliases of one draft."""

    def __init__(self, layout: Layout, root: Node, styles: Mapping[str, str]) -> None:
        self._layout = layout
        self._text = layout.text
        self._root = root
        self._styles = styles

    def uses(self, node: Node, value: Any, slot: Slot | None) -> Iterator[Use]:
        """Every anchor and alias below a node that is to say `value`, as they stand in the text."""
        if node.original is not None:
            yield Use(node, self._text[node.start + 1 : node.end], value, key(value), slot)
            return
        if node.is_anchored:
            yield self._anchor(node, value)
        if isinstance(node.value, dict) and isinstance(value, dict):
            for name, (name_node, child) in node.value.items():
                if name_node.is_anchored:
                    yield self._anchor(name_node, name)
                yield from self.uses(child, value.get(name), None if node.is_flow else self._slot(name_node, slot))
        elif isinstance(node.value, list) and isinstance(value, list):
            for item, each in zip(node.value, value, strict=False):
                yield from self.uses(item, each, None)

    def _anchor(self, node: Node, value: Any) -> Use:
        return Use(node, self._text[node.start + 1 : self._behind(node)], value, key(value))

    def _behind(self, anchored: Node) -> int:
        return self._layout.behind_anchor(anchored) or anchored.start

    def _slot(self, name: Node, above: Slot | None) -> Slot | None:
        """Where the value of a key stands, if the key is in nothing but blocks of keys."""
        if above is None:
            return None
        return Slot((*above.path, str(name.value)), self._layout.column(name.start), self._layout.skip(name.end) + 1)

    def settled(self, group: Sequence[Use]) -> Iterator[Patch]:
        """The patches after which all of a group say what is meant."""
        following = Counter(use.says for use in group)
        anchor, is_used = None, False
        for use in group:
            following[use.says] -= 1
            if not use.is_alias:
                anchor, is_used = use, False
            elif anchor is not None and use.says == anchor.says:
                is_used = True
            elif following[use.says] > (following[anchor.says] if anchor else 0):
                yield from [] if anchor is None or is_used else [self._loose(anchor.node)]
                yield from self._own(use, f"&{use.name}")
                anchor, is_used = use, True
            else:
                yield from self._own(use)

    def _own(self, use: Use, anchor: str = "") -> Iterator[Patch]:
        """A value in the place of an alias; it takes lines below its key if it would there, and did at its anchor."""
        node, slot = use.node, use.slot
        if slot is None or not self._takes_lines(use, slot):
            style = self._styles.get(use.name)
            said = rendering.flow(use.value, style if style in _QUOTES else None)
            yield Patch(node.start, node.end, f"{anchor} {said}" if anchor else said)
            return
        lines = rendering.block(use.value, slot.path, slot.indent, style_of(self._layout, self._root))
        at = self._layout.line_end(node.end)
        yield Patch(slot.after, node.end, f" {anchor}" if anchor else "")
        yield Patch(at, at, "".join(line + self._layout.line_ending(at) for line in lines))

    def _takes_lines(self, use: Use, slot: Slot) -> bool:
        is_beside = self._layout.line_start(use.node.start) <= slot.after
        has_brackets = self._styles.get(use.name) in _BRACKETS
        return is_beside and not has_brackets and rendering.is_block(slot.path, use.value, slot.indent)

    def _loose(self, node: Node) -> Patch:
        """A value loses its anchor, and the space or the line that went with it."""
        begin, behind = self._layout.begin(node), self._behind(node)
        start, end = self._layout.line_start(node.start), self._layout.line_break(node.start)
        if behind < begin <= end:
            return Patch(node.start, begin, "")
        if self._layout.is_first(node.start) and not self._text[behind:end].strip(" \t"):
            return Patch(start, self._layout.line_end(node.start), "")
        return Patch(start + len(self._text[start : node.start].rstrip(" ")), behind, "")
