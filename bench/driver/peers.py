"""Other gateways beside routerd and nginx, measured by the same functions as the main table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from driver.ask import seconds_to_first_answer
from driver.bench import Bench
from driver.load import LoadFailed
from driver.process import DidNotStart
from driver.recipes import LEFT_OUT, RECIPES, CannotInstall, Peer, Recipe
from driver.report import number, sentence, write_json
from driver.rows.capacity import per_cpu_second
from driver.rows.crowd import crowd
from driver.rows.footprint import memory_of
from driver.rows.latency import medians_of_one
from driver.subjects import Installation, Nginx, Subject

# Column → key of a row. All shares are of (or ×) nginx's, taken in the same rounds.
_COLUMNS = {
    "requests/CPU-s": "requests", "of nginx": "requests-share", "50 kB": "50k", "of nginx, 50 kB": "50k-share",
    "200 kB": "200k", "of nginx, 200 kB": "200k-share", "stream events, of nginx": "events-share",
    "c=1, × nginx": "latency-share", "MB idle": "idle", "MB loaded": "loaded", "cold start, s": "start",
    "of 1,000 streams": "complete", "kB each": "kilobytes",
}  # fmt: skip
_BEST_FACTOR = 1.9


@dataclass
class Row:
    """One gateway's figures; one that could not be taken is missing, and `trouble` says why."""

    name: str
    language: str
    figures: dict[str, float] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Candidate:
    """Something to measure: `start` spawns it before that port of the mock."""

    name: str
    language: str
    start: Callable[[str], Subject]


@dataclass(frozen=True)
class Comparison:
    """All rows, and who was skipped for which reason."""

    rows: Sequence[Row]
    skipped: Mapping[str, str]

    def verdict(self) -> str:
        """routerd against the best gateway written in Rust or Go."""
        shares = {row.name: row.figures["requests-share"] for row in self.rows if "requests-share" in row.figures}
        rivals = [row.name for row in self.rows if row.language in {"Rust", "Go"} and row.name in shares]
        if "routerd" not in shares or not rivals:
            return ""
        best = max(rivals, key=shares.__getitem__)
        factor = shares["routerd"] / shares[best]
        said = "reached" if factor >= _BEST_FACTOR else "MISSED"
        return f"routerd brings {factor:.2f} × the best Rust or Go gateway, {best} (at least {_BEST_FACTOR}): {said}"

    def table(self) -> list[list[str]]:
        head = ["gateway", *_COLUMNS]
        return [head, *([_title(row), *(_cell(row, key) for key in _COLUMNS.values())] for row in self.rows)]

    def remarks(self) -> list[str]:
        said = [f"{row.name}: {trouble}" for row in self.rows for trouble in row.trouble]
        return [*filter(None, [self.verdict()]), *said, *(f"{name}: {why}" for name, why in self.skipped.items())]

    def plain(self) -> str:
        columns = list(zip(*self.table(), strict=True))
        widths = [max(map(len, column)) for column in columns]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in self.table()]
        return "\n".join([*lines, "", *self.remarks()])

    def markdown(self, machine: Mapping[str, str], how: str) -> str:
        head, *rows = ["| " + " | ".join(row) + " |" for row in self.table()]
        rule = "|---" * (len(_COLUMNS) + 1) + "|"
        remarks = [f"- {line}" for line in self.remarks()]
        return "\n".join([f"{how}. {sentence(machine)}", "", head, rule, *rows, "", *remarks])

    def save(self, path: Path, machine: Mapping[str, str], how: str) -> None:
        rows = [asdict(row) for row in self.rows]
        write_json(path, {"how": how, "machine": dict(machine), "rows": rows, "skipped": dict(self.skipped)})


def _title(row: Row) -> str:
    return f"{row.name} ({row.language})"


def _cell(row: Row, key: str) -> str:
    return number(row.figures[key]) if key in row.figures else "–"


def compare(bench: Bench, names: Sequence[str]) -> Comparison:
    """Measure routerd and the named gateways (all that are known, when none is named)."""
    wanted = [recipe for recipe in RECIPES if not names or recipe.name in names]
    skipped = dict(LEFT_OUT) if not names else {name: "not known" for name in names if not _is_known(name)}
    candidates = [Candidate(one.name, "Python", partial(_start_routerd, bench, one)) for one in bench.installations]
    for recipe in wanted:
        try:
            bench.progress(f"{recipe.name}: installing")
            recipe.install()
            candidates.append(_candidate(bench, recipe))
        except CannotInstall as why:
            skipped[recipe.name] = f"skipped, can't be installed: {why}"
            bench.progress(f"{recipe.name}: {skipped[recipe.name]}")
    nginx = bench.start_nginx()
    with nginx.process:
        return Comparison([_measure(bench, nginx, one) for one in candidates], skipped)


def _start_routerd(bench: Bench, installed: Installation, upstream: str) -> Subject:
    """One routerd serves every port of the mock, by the model that is asked for."""
    return bench.spawn_routerd(installed)


def _is_known(name: str) -> bool:
    return any(recipe.name == name for recipe in RECIPES)


def _candidate(bench: Bench, recipe: Recipe) -> Candidate:
    def start(upstream: str) -> Peer:
        return Peer(recipe, bench.mock.ports[upstream], bench.cores.proxy, bench.folder)

    return Candidate(f"{recipe.name} {recipe.version()}", recipe.language, start)


def _measure(bench: Bench, nginx: Nginx, candidate: Candidate) -> Row:
    row = Row(candidate.name, candidate.language)
    bench.progress(f"{candidate.name}: measuring")
    try:
        subject = candidate.start("fast")
    except (OSError, DidNotStart) as trouble:
        row.trouble.append(str(trouble))
        return row
    with subject.process:
        _each(row, {
            "start": lambda: _start(bench, subject, row),
            "memory": lambda: _memory(bench, subject, row),
            "requests": lambda: _share(bench, nginx, subject, row, "requests", 1000),
            "prompts of 50 kB": lambda: _share(bench, nginx, subject, row, "50k", 50_000),
            "prompts of 200 kB": lambda: _share(bench, nginx, subject, row, "200k", 200_000),
            "streams": lambda: _share(bench, nginx, subject, row, "events", 1000, stream=True),
            "latency": lambda: _latency(bench, nginx, subject, row),
        })  # fmt: skip
    _each(row, {"a thousand streams": lambda: _crowd(bench, candidate, row)})
    return row


def _each(row: Row, steps: Mapping[str, Callable[[], None]]) -> None:
    """Every step, whatever became of the one before it; a gateway that never starts has no others."""
    for name, step in steps.items():
        try:
            step()
        except DidNotStart as trouble:
            row.trouble.append(f"{name}: {_first_line(trouble)}")
            return
        except LoadFailed as trouble:
            row.trouble.append(f"{name}: {_first_line(trouble)}")


def _first_line(trouble: Exception) -> str:
    return str(trouble).replace("\n", " ")[:240]


def _start(bench: Bench, subject: Subject, row: Row) -> None:
    door = subject.door("fast")
    row.figures["start"] = seconds_to_first_answer(subject.process, door, bench.bodies.chat(door.model))


def _memory(bench: Bench, subject: Subject, row: Row) -> None:
    row.figures["idle"], row.figures["loaded"], _ = memory_of(bench, subject)


def _share(bench: Bench, nginx: Nginx, subject: Subject, row: Row, key: str, size: int, stream: bool = False) -> None:
    samples = per_cpu_second(bench, [nginx, subject], size=size, stream=stream)
    row.figures[key] = samples.medians()[subject.name]
    row.figures[f"{key}-share"] = samples.ratio(subject.name, "nginx")


def _latency(bench: Bench, nginx: Nginx, subject: Subject, row: Row) -> None:
    row.figures["latency-share"] = medians_of_one(bench, [nginx, subject]).ratio(subject.name, "nginx")


def _crowd(bench: Bench, candidate: Candidate, row: Row) -> None:
    subject = candidate.start("slow")
    with subject.process:
        door = subject.door("slow")
        seconds_to_first_answer(subject.process, door, bench.bodies.chat(door.model))
        outcome, row.figures["kilobytes"] = crowd(bench, subject)
        row.figures["complete"] = outcome.ok - outcome.incomplete
