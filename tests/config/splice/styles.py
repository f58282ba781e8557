"""Configs in random styles, as many hands would write them. The writer knows nothing of the code under test."""

from __future__ import annotations

import json
import random
from typing import Any

from routerd.config.document import parse
from tests.config.splice import edits

Lines = list[str]
COMMENTS = ["# a", "#b", "# c: d", "#  - e", "# {f", "# 'g", "#", "# ü"]


def config(rng: random.Random) -> dict[str, Any]:
    """A config, with values that need not make sense."""
    sections: dict[str, Any] = {
        "version": 1,
        "recipients": ["age1x", "ssh-ed25519 AAAA me"][: rng.randrange(3)],
        "server": {"max_body": "32MiB", "request_log": {"retention": "30d"}},
        "providers": {name: _provider(rng) for name in rng.sample(["a", "b c", "d-e", "ö"], rng.randrange(4))},
        "routes": {name: _route(rng) for name in rng.sample(["r", "s t", "u/v", "404"], rng.randrange(4))},
        "clients": {name: {"key_sha256": "ab" * 32, "routes": ["r"]} for name in ["c", "d"][: rng.randrange(3)]},
        "other": edits.value(rng),
    }
    return {name: value for name, value in sections.items() if rng.random() < 0.7}


def _provider(rng: random.Random) -> Any:
    everything = {
        "vendor": "openai", "base_url": "https://x.example.org/v1",
        "api_key": rng.choice(["env:X", "a\nb\n", "k" * 90]),
        "models": ["m", "n:o", "p q"][: rng.randrange(4)], "is_active": True, "max_in_flight": 20,
        "timeouts": {"connect": "5s", "idle": 1.5}, "metadata": edits.value(rng),
    }  # fmt: skip
    return {name: value for name, value in everything.items() if rng.random() < 0.5}


def _route(rng: random.Random) -> Any:
    nodes = [rng.choice(["a/m", "a/n", _node(rng)]) for _ in range(rng.randrange(5))]
    if rng.random() < 0.4:
        return nodes
    return {"mode": "multi", "match": ["m*"], "nodes": nodes} if rng.random() < 0.7 else {"nodes": nodes}


def _node(rng: random.Random) -> Any:
    everything = {"provider": "a", "models": ["m", "n"][: rng.randrange(3)], "priority": rng.randrange(3)}
    return {name: value for name, value in everything.items() if name == "provider" or rng.random() < 0.6}


class Writer:
    """Writes data in one style: its indentation, how much is said in comments, what stands in brackets."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.step = rng.choice([1, 2, 2, 2, 3, 4, 8])
        self.dash = rng.choice([0, self.step])
        self.chatty = rng.choice([0, 0.05, 0.3])
        self.empty = rng.choice([0, 0.1, 0.3])
        self.brackets = rng.choice([0, 0.3, 0.6, 1])
        self.many_lines = rng.choice([0, 0.2, 0.7])
        self.anchors = rng.choice([0, 0, 0.1, 0.5])
        self.named: list[tuple[str, str]] = []  # what has an anchor, and its name

    def document(self, data: dict[str, Any]) -> str:
        """The whole text, with whatever stands before and after."""
        rng = self.rng
        lines = ["# the head", "", *(["---"] if rng.random() < 0.3 else [])] if rng.random() < 0.3 else []
        if not data or self.brackets == 1:
            lines += [self.flow(data, 0)]
        else:
            lines += self.of_map(data, 0)
        lines += [*self.comments(0)]
        ending = rng.choice(["\n", "\n", "\r\n"])
        mixed = rng.random() < 0.1  # which have a last line end: what it would be else, nobody can tell
        text = "".join(
            line + (rng.choice(["\n", "\r\n"]) if mixed else ending) for line in "\n".join(lines).split("\n")
        )
        text = text.rstrip("\r\n") if rng.random() < 0.2 and not mixed else text
        return "\ufeff" + text if rng.random() < 0.1 else text

    def comments(self, indent: int) -> Lines:
        """What stands between two entries."""
        rng = self.rng
        lines = []
        while rng.random() < self.empty:
            lines.append(rng.choice(["", "", " " * indent]))
        while rng.random() < self.chatty:
            lines.append(" " * rng.choice([indent, indent, indent, 0, indent + 2]) + rng.choice(COMMENTS))
            if rng.random() < 0.3:
                lines.append("")
        return lines

    def trail(self) -> str:
        """What stands behind a value on its line."""
        rng = self.rng
        if rng.random() < self.chatty:
            return rng.choice([" ", "   ", "\t", " \t"]) + rng.choice(COMMENTS)
        return rng.choice(["", "", "", " ", "  "]) if self.empty else ""

    def of_map(self, data: dict[str, Any], indent: int) -> Lines:
        lines = []
        for name, value in data.items():
            lines += self.comments(indent)
            if self.rng.random() < 0.02:
                lines.append(f"{' ' * indent}? {self.scalar(name, True)}")
                lines += self.entry(f"{' ' * indent}:", value, indent)
            else:
                lines += self.entry(f"{' ' * indent}{self.key(name)}:", value, indent)
        return lines

    def of(self, value: dict[str, Any] | list[Any], indent: int) -> Lines:
        return self.of_map(value, indent) if isinstance(value, dict) else self.of_list(value, indent)

    def key(self, name: str) -> str:
        text = self.scalar(name, True)
        return text if len(text) < 120 else json.dumps(name)

    def entry(self, head: str, value: Any, indent: int) -> Lines:
        """A key or a dash, with what it has."""
        rng = self.rng
        said = json.dumps(value, sort_keys=True)
        names = [name for each, name in self.named if each == said]
        if names and rng.random() < 0.5:
            return [f"{head} *{rng.choice(names)}{self.trail()}"]
        if rng.random() < self.anchors:
            self.named.append((said, f"a{len(self.named)}"))
            head += f" &{self.named[-1][1]}"
        if isinstance(value, dict | list) and value and rng.random() >= self.brackets:
            inner = indent + self.step if isinstance(value, dict) else indent + self.dash
            return [head + self.trail(), *self.of(value, inner)]
        if isinstance(value, str) and "\n" in value and rng.random() < 0.7:
            text = value.rstrip("\n")
            header = ["|-", "|", "|+"][min(2, len(value) - len(text))]
            lines = [" " * (indent + self.step) + line if line else "" for line in text.split("\n")]
            return [f"{head} {header}{self.trail()}", *lines, *([""] * max(0, len(value) - len(text) - 1))]
        if value is None and rng.random() < 0.5:
            return [head + self.trail()]
        space = " " * rng.choice([1, 1, 1, 3])
        if rng.random() < 0.05:
            return [head, f"{' ' * (indent + self.step)}{self.flow(value, indent + self.step)}{self.trail()}"]
        return [f"{head}{space}{self.flow(value, indent)}{self.trail()}"]

    def of_list(self, items: list[Any], indent: int) -> Lines:
        lines = []
        for item in items:
            lines += self.comments(indent)
            dash = " " * indent + "-"
            if isinstance(item, dict | list) and item and self.rng.random() < 0.6 * (1 - self.brackets):
                gap = self.rng.choice([1, 1, 3])
                inner = self.of(item, indent + 1 + gap)
                if inner[0].lstrip()[:1] not in ("#", "") and self.rng.random() < 0.9:
                    lines += [dash + " " * gap + inner[0].lstrip(), *inner[1:]]
                else:
                    lines += [dash, *inner]
            else:
                lines += self.entry(dash, item, indent)
        return lines

    def flow(self, value: Any, indent: int) -> str:
        """A value inside of brackets, or a scalar."""
        if isinstance(value, dict):
            said = [f"{self.key(name)}: {self.flow(each, indent + 2)}" for name, each in value.items()]
            return self.bracketed("{", said, "}", indent)
        if isinstance(value, list):
            return self.bracketed("[", [self.flow(each, indent + 2) for each in value], "]", indent)
        return self.scalar(value, False)

    def bracketed(self, opening: str, said: list[str], closing: str, indent: int) -> str:
        rng = self.rng
        pad = rng.choice(["", "", " "])
        if not said or rng.random() >= self.many_lines:
            comma = rng.choice([", ", ", ", " , ", ","])
            return f"{opening}{pad}{comma.join(said)}{rng.choice(['', '', ',']) if said else ''}{pad}{closing}"
        space = " " * (indent + rng.choice([2, 2, 4]))
        lines = [opening + self.trail()]
        for at, each in enumerate(said):
            lines += [line.replace("\t", "") for line in self.comments(len(space))]
            comma = "," if at < len(said) - 1 or rng.random() < 0.5 else ""
            if rng.random() < 0.2 and not lines[-1].lstrip().startswith("#") and "#" not in lines[-1]:
                lines[-1] += (" " if at else "") + each + comma
            else:
                lines.append(space + each + comma)
            lines[-1] += self.trail()
        if "#" in lines[-1] or rng.random() < 0.7:
            return "\n".join([*lines, " " * max(indent, 1) + closing])
        return "\n".join(lines) + closing

    def scalar(self, value: Any, is_key: bool) -> str:
        rng = self.rng
        if value is None:
            return rng.choice(["~", "null"])
        if not isinstance(value, str):
            return json.dumps(value)
        quoted = ['"' + json.dumps(value)[1:-1].replace("\x7f", "\\x7f") + '"']
        if value.isprintable():
            quoted.append("'" + value.replace("'", "''") + "'")
        is_plain = value and parse(f"{{{value}: 1}}" if is_key else f"[{value}]").data in ({value: 1}, [value])
        return rng.choice(quoted) if not is_plain or rng.random() < 0.2 else value


def written(rng: random.Random) -> tuple[dict[str, Any], str] | None:
    """Data, and a text that says it; None when a style did not fit."""
    data = config(rng)
    text = Writer(rng).document(data)
    document = parse(text)
    same = json.dumps(document.data if document.root else {}, sort_keys=True) == json.dumps(data, sort_keys=True)
    return (data, text) if same and not document.problems else None
