"""Figures as a table: on the terminal, as JSON, and between the markers of docs/performance.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from driver.figures import TARGETS, Figure, Target

_HEADINGS = ("what", "nginx", "routerd", "result", "at least", "aim", "")


def number(value: float) -> str:
    """As many digits as a person compares: 23,400 · 131 · 4.2 · 0.452."""
    size = abs(value)
    if size >= 10_000:
        return f"{round(value, -2):,.0f}"
    if size >= 1000:
        return f"{round(value, -1):,.0f}"
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"


def rows(figures: Iterable[Figure]) -> list[tuple[str, ...]]:
    """The cells of the table, one row for each figure."""
    return [_row(figure, TARGETS.get(figure.key)) for figure in figures]


def _row(figure: Figure, target: Target | None) -> tuple[str, ...]:
    cells = [_shown(figure.values, "nginx"), _shown(figure.values, "routerd"), number(figure.result)]
    if target is None:
        return (figure.what, *cells, "", "", "")
    sign = "≤ " if target.is_ceiling else ""
    aim = "" if target.aim is None else sign + number(target.aim)
    return (figure.what, *cells, sign + number(target.bound), aim, target.verdict(figure.result))


def _shown(values: Mapping[str, float], name: str) -> str:
    return number(values[name]) if name in values else ""


def plain(figures: Sequence[Figure]) -> str:
    """The table for a terminal, then the notes and whoever else was measured."""
    table = [_HEADINGS, *rows(figures)]
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEADINGS))]
    lines = [_aligned(row, widths) for row in table]
    return "\n".join([*lines, "", *_remarks(figures)])


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(row, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]).rstrip()


def _remarks(figures: Iterable[Figure]) -> list[str]:
    """One line for each figure with a note, or with subjects that have no column."""
    lines = []
    for figure in figures:
        others = [f"{name} {number(value)}" for name, value in figure.values.items() if name not in _HEADINGS]
        said = "; ".join(filter(None, [", ".join(others), figure.note]))
        if said:
            lines.append(f"{figure.what}: {said}")
    return lines


def markdown(figures: Sequence[Figure], machine: Mapping[str, str], how: str) -> str:
    """The table for a document, with what it was measured on."""
    head = ["| " + " | ".join(_HEADINGS) + " |", "|---" * len(_HEADINGS) + "|"]
    body = ["| " + " | ".join(row) + " |" for row in rows(figures)]
    remarks = [f"- {line}" for line in _remarks(figures)]
    return "\n".join([f"{how}. {sentence(machine)}", "", *head, *body, "", *remarks]).rstrip()


def sentence(machine: Mapping[str, str]) -> str:
    """The machine and the versions in one line."""
    return "; ".join(f"{name} {value}" for name, value in machine.items()) + "."


def save(path: Path, figures: Sequence[Figure], machine: Mapping[str, str], how: str) -> None:
    """Everything as JSON, the single rounds included."""
    write_json(path, {"how": how, "machine": dict(machine), "figures": [asdict(one) for one in figures]})


def write_json(path: Path, value: object) -> None:
    """Into a folder that is made when it is missing."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


def insert(document: Path, marker: str, text: str) -> None:
    """Put the text between `<!-- MARKER -->` and `<!-- /MARKER -->` of a document."""
    begin, end = f"<!-- {marker} -->", f"<!-- /{marker} -->"
    before, found, rest = document.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{document.name} has no {begin} … {end}")
    document.write_text(f"{before}{begin}\n{text}\n{end}{after}")
