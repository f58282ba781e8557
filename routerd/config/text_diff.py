"""Two texts of router.yaml line by line, for people: sealed keys are folded, and plain ones not shown."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from difflib import unified_diff

from routerd.config.document import Node, parse
from routerd.config.leaks import shaped
from routerd.config.places import SECRET_HEADER, password_of, proxy_origin
from routerd.config.problem import Path
from routerd.config.references import BadReference, parse_value
from routerd.config.sealed import ARMOR, PREFIX

Fingerprint = Callable[[str], str]
"""Tells keys apart without telling them."""

_SEALED = re.compile(r"age:[A-Za-z0-9+/]{24,}={0,2}")
_PUBLIC = re.compile(r"(?:key|token)_sha256|max_tokens\w*|first_token|require_token|tool_call_ids")
_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))#.*")
# What follows a key where no parser can say what a line means: in comments, and in texts that are no YAML.
_AFTER_KEY = re.compile(
    r"""(?i)(\b[\w-]*(?:authorization|api[-_]?key|token|secret|password|cookie)["']?\s*:\s*["']?)"""
    r"""(\$\{\w+\}|[^\s"',}#\[{|>&*]+)"""
)
_PASSWORD = re.compile(r"(://[^\s:@/]*:)([^\s@/]+)(?=@)")


def text_diff(old: str, new: str, fingerprint: Fingerprint, name: str = "router.yaml") -> str:
    """A unified diff without secrets; empty when nothing is different but ends of lines."""
    before, after = (redacted(text, fingerprint).splitlines() for text in (old, new))
    return "".join(f"{line}\n" for line in unified_diff(before, after, f"a/{name}", f"b/{name}", lineterm=""))


def redacted(text: str, fingerprint: Fingerprint) -> str:
    """The text to be shown: each key is told by its fingerprint, a sealed one by a digest of what is sealed."""
    text = text.removeprefix("\ufeff")
    root = parse(text).root
    for start, end, said in sorted(set(_secrets(text, root, fingerprint)), reverse=True):
        text = text[:start] + said + text[end:]
    if root is None:
        text = _without_keys(text, fingerprint)
    text = _COMMENT.sub(lambda found: _without_keys(found[0], fingerprint), text)
    text = _PASSWORD.sub(lambda found: found[1] + _value(found[2], fingerprint), text)
    text = _SEALED.sub(lambda found: _folded(found[0]), text)
    for found in reversed(list(shaped(text))):
        text = text[: found.start()] + _hidden(found[0], fingerprint) + text[found.end() :]
    return text


def _without_keys(text: str, fingerprint: Fingerprint) -> str:
    return _AFTER_KEY.sub(lambda found: found[1] + _value(found[2], fingerprint), text)


def _secrets(text: str, root: Node | None, fingerprint: Fingerprint) -> Iterator[tuple[int, int, str]]:
    """What stands where a secret does, with what is to be shown instead."""
    waiting: list[tuple[Path, Node]] = [] if root is None else [((), root)]
    while waiting:
        path, node = waiting.pop()
        node = node.original or node
        if isinstance(node.value, dict):
            waiting += [((*path, name), entry.value) for name, entry in node.value.items()]
        elif isinstance(node.value, list):
            waiting += [((*path, at), item) for at, item in enumerate(node.value)]
        elif isinstance(node.value, str) and (said := _at(path, node.value, fingerprint)) != node.value:
            begin = node.start + len(text[node.start : node.end]) - len(_without_anchor(text[node.start : node.end]))
            ending = text[begin : node.end]
            yield begin, node.end, said + ending[len(ending.rstrip()) :]


def _without_anchor(text: str) -> str:
    return re.sub(r"\A&\S+\s*", "", text)


def _at(path: Path, value: str, fingerprint: Fingerprint) -> str:
    """What is shown of the text at a path."""
    name = next((step for step in reversed(path) if isinstance(step, str)), "")
    if name == "proxy":
        password = password_of(value)
        return value if password is None else f"{proxy_origin(value)} {_value(password, fingerprint)}"
    if path[:1] != ("routes",) and SECRET_HEADER.search(name.replace("_", "-")) and not _PUBLIC.fullmatch(name):
        return _value(value, fingerprint)
    return _folded(value) if value.startswith((PREFIX, ARMOR)) else value


def _value(value: str, fingerprint: Fingerprint) -> str:
    """A reference is shown as it is, a sealed key folded, anything else not at all."""
    if value.startswith((PREFIX, ARMOR)):
        return _folded(value)
    try:
        is_reference = parse_value(value).kind != "plain"
    except BadReference:
        is_reference = False
    return value if is_reference or value.startswith("‹") else _hidden(value, fingerprint)


def _folded(value: str) -> str:
    return f"age:‹{hashlib.sha256(value.strip().encode()).hexdigest()[:8]}›"


def _hidden(value: str, fingerprint: Fingerprint) -> str:
    return f"‹key {fingerprint(value)}›"
