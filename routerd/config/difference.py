"""One thing that a new config changes, in words; and the words for values, lists and fields."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from routerd.config.problem import Path, path_text

if TYPE_CHECKING:
    from routerd.config.model import Shape

Kind = Literal[
    "recipient", "origin", "reference", "admin", "access", "key", "provider", "targets", "route", "client", "server",
    "defaults", "price",
]  # fmt: skip
ORDER: tuple[Kind, ...] = (
    "recipient", "origin", "reference", "admin", "access", "key", "provider", "targets", "route", "client", "server",
    "defaults", "price",
)  # fmt: skip
"""What could be meant badly comes first: who can read keys, where keys go, who may change or call anything."""

_NOUNS = {"providers": "provider", "routes": "route", "clients": "client", "admins": "admin", "prices": "price of"}
_TIMES = frozenset({
    "connect",
    "cooldown",
    "delay",
    "drain",
    "first_token",
    "idle",
    "interval",
    "retention",
    "timeout",
    "total",
})


_UNITS = (("d", 86400), ("h", 3600), ("m", 60))
_LONGEST_BRIEF = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """One change: what it is about, and what it is. `brief` is what a summary says; no secret is in either."""

    kind: Kind
    path: Path
    words: str
    brief: str

    @property
    def subject(self) -> str:
        """Whose change it is: `provider groq`."""
        noun = _NOUNS.get(str(self.path[0]))
        return f"{noun} {self.path[1]}" if noun and len(self.path) > 1 else str(self.path[0])

    def __str__(self) -> str:
        return f"{self.subject}: {self.words}"

    def as_json(self) -> dict[str, Any]:
        """The shape that `--json` and the API give."""
        return {
            "kind": self.kind,
            "path": path_text(self.path),
            "words": self.words,
            "brief": self.brief,
            "subject": self.subject,
        }


def change(kind: Kind, path: Path, words: str, brief: str | None = None) -> Difference:
    """A difference; a summary says the same, as far as it fits, if it has no words of its own for it."""
    if brief is None:
        brief = words.replace("; ", ", ")
        brief = brief if len(brief) <= _LONGEST_BRIEF else brief[:_LONGEST_BRIEF].rpartition(" ")[0] + " …"
    return Difference(kind, path, words, brief)


def said(value: Any, field: str = "") -> str:
    """A value that is no secret, for people."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    if field in _TIMES:
        return next((f"{value / long:g}{unit}" for unit, long in _UNITS if value % long == 0), f"{value:g}s")
    if field == "max_body":
        return f"{value / 2**20:g}MiB"
    return str(value)


def gained_and_lost(old: Sequence[str], new: Sequence[str]) -> str | None:
    """`+ a, b; - c`; None when it is the same but for its order."""
    gained, lost = Counter(new) - Counter(old), Counter(old) - Counter(new)
    parts = [f"{sign} {', '.join(found.elements())}" for sign, found in (("+", gained), ("-", lost)) if found]
    return "; ".join(parts) or None


def of_list(name: str, old: Sequence[str], new: Sequence[str]) -> str | None:
    """What is different about a list, if anything."""
    if list(old) == list(new):
        return None
    return f"{name} {gained_and_lost(old, new) or f'in another order: {said(list(new))}'}"


def of_fields(old: Shape, new: Shape, names: Iterable[str], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The fields that have another value, each with words for it."""
    from routerd.config.model import Shape  # here: a difference is told, too, where nothing is compared

    for name in names:
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        if isinstance(before, Shape) and type(before) is type(after):
            yield from of_fields(before, after, type(before).model_fields, f"{prefix}{name}.")
        elif isinstance(before, list) and isinstance(after, list):
            yield f"{prefix}{name}", of_list(f"{prefix}{name}", before, after) or name
        elif isinstance(before, Shape | dict) or isinstance(after, Shape | dict):
            yield f"{prefix}{name}", f"{prefix}{name}{_keys(before, after)}"
        else:
            yield f"{prefix}{name}", f"{prefix}{name} {said(before, name)} → {said(after, name)}"


def _keys(before: Any, after: Any) -> str:
    """Which keys of free maps are others; their values are nobody's business."""
    old, new = _as_map(before), _as_map(after)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return f" ({', '.join(names)})" if names else ""


def _as_map(value: Any) -> Mapping[str, Any]:
    from routerd.config.model import Shape

    if isinstance(value, Shape):
        return value.model_dump(exclude_unset=True)
    return value or {}


def summary(differences: Sequence[Difference], most: int = 8) -> str:
    """All of it on one line: `route smart: + anthropic/claude-sonnet-4-5; provider groq: key`."""
    said_of: dict[str, list[str]] = {}
    for each in differences[:most]:
        briefs = said_of.setdefault(each.subject, [])
        briefs += [each.brief] if each.brief not in briefs else []
    parts = [f"{subject}: {', '.join(briefs)}" for subject, briefs in said_of.items()]
    parts += [f"and {len(differences) - most} more"] if len(differences) > most else []
    return "; ".join(parts) or "nothing that traffic would notice"
