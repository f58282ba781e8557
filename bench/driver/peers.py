"""Other gateways beside routerd and nginx, measured by the same functions as the main table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from driver.ask import seconds_to_first_answer
from driver.bench import Bench
from driver.figures import MISSED
from driver.load import LoadFailed
from driver.process import DidNotStart
from driver.recipes import LEFT_OUT, RECIPES, CannotInstall, Peer, Recipe
from driver.report import number, sentence, write_json
from driver.rows.capacity import per_cpu_second
from driver.rows.crowd import crowd
from driver.rows.footprint import memory_of
from driver.rows.latency import medians_of_one
from driver.subjects import Installation, Subject

# Column → key of a row. All shares are of (or ×) nginx's, taken in the same rounds.
_COLUMNS = {
    "requests/CPU-s": "requests", "of nginx": "requests-share", "50 kB": "50k", "of nginx, 50 kB": "50k-share",
    "200 kB": "200k", "of nginx, 200 kB": "200k-share", "stream events, of nginx": "events-share",
    "c=1, × nginx": "latency-share", "MB idle": "idle", "MB loaded": "loaded", "cold start, s": "start",
    "of 1,000 streams": "complete", "kB each": "kilobytes",
}  # fmt: skip
# The same for routerd's multiple of the gateway, taken in the same rounds.
_MULTIPLES = {
    "requests/CPU-s": "requests-multiple", "50 kB prompts": "50k-multiple", "200 kB prompts": "200k-multiple",
    "stream events/CPU-s": "events-multiple",
}  # fmt: skip
_BEST_FACTOR = 1.9
_Table = list[list[str]]


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

    def best(self) -> tuple[float, str] | None:
        """What routerd brings for each request of the best gateway written in Rust or Go, and which that is."""
        key = "requests-multiple"
        rivals = [row for row in self.rows if row.language in {"Rust", "Go"} and key in row.figures]
        return min(((row.figures[key], row.name) for row in rivals), default=None)

    def is_missed(self) -> bool:
        """Whether routerd brings less than it must."""
        best = self.best()
        return best is not None and best[0] < _BEST_FACTOR

    def verdict(self) -> str:
        """routerd against the best gateway written in Rust or Go."""
        best = self.best()
        if best is None:
            return ""
        factor, name = best
        said = MISSED if self.is_missed() else "reached"
        what = "requests/CPU-s, 1 kB replies: routerd brings"
        return f"{what} {factor:.2f} × the best Rust or Go gateway, {name} (at least {_BEST_FACTOR}): {said}"

    def table(self) -> _Table:
        """Everybody's own figures, and shares of nginx's."""
        return [["gateway", *_COLUMNS], *(_cells(row, _COLUMNS) for row in self.rows)]

    def multiples(self) -> _Table:
        """routerd's multiples of the others; empty when there are none."""
        others = [row for row in self.rows if any(key in row.figures for key in _MULTIPLES.values())]
        head = ["routerd, as a multiple of", *_MULTIPLES]
        return [head, *(_cells(row, _MULTIPLES) for row in others)] if others else []

    def remarks(self) -> list[str]:
        said = [f"{row.name}: {trouble}" for row in self.rows for trouble in row.trouble]
        return [*filter(None, [self.verdict()]), *said, *(f"{name}: {why}" for name, why in self.skipped.items())]

    def plain(self) -> str:
        tables = map(_aligned, filter(None, [self.table(), self.multiples()]))
        return "\n\n".join([*tables, "\n".join(self.remarks())])

    def markdown(self, machine: Mapping[str, str], how: str) -> str:
        remarks = "\n".join(f"- {line}" for line in self.remarks())
        tables = map(_in_markdown, filter(None, [self.table(), self.multiples()]))
        return "\n\n".join([f"{how}. {sentence(machine)}", *tables, remarks]).rstrip()

    def save(self, path: Path, machine: Mapping[str, str], how: str) -> None:
        rows = [asdict(row) for row in self.rows]
        write_json(path, {"how": how, "machine": dict(machine), "rows": rows, "skipped": dict(self.skipped)})


def _cells(row: Row, columns: Mapping[str, str]) -> list[str]:
    figures = (number(row.figures[key]) if key in row.figures else "–" for key in columns.values())
    return [f"{row.name} ({row.language})", *figures]


def _aligned(table: _Table) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table
    )  # fmt: skip


def _in_markdown(table: _Table) -> str:
    head, *rows = ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join([head, "|---" * len(table[0]) + "|", *rows])


def compare(bench: Bench, names: Sequence[str]) -> Comparison:
    """Measure routerd and the named gateways (all that are known, when none is named)."""
    skipped = dict(LEFT_OUT) if not names else {name: "not known" for name in names if not _is_known(name)}
    wanted = [recipe for recipe in RECIPES if not names or recipe.name in names]
    ours = [Candidate(one.name, "Python", partial(_start_routerd, bench, one)) for one in bench.installations]
    peers = list(_installed(bench, wanted, skipped))
    nginx = bench.start_nginx()
    with nginx.process:
        rows = [_measure(bench, [nginx], one) for one in ours]
        routerd = bench.start_routerd()
        with routerd.process:
            rows += [_measure(bench, [nginx, routerd], one) for one in peers]
    return Comparison(rows, skipped)


def _installed(bench: Bench, wanted: Iterable[Recipe], skipped: dict[str, str]) -> Iterator[Candidate]:
    """Those that are or can be installed; why not goes into `skipped`."""
    for recipe in wanted:
        try:
            bench.progress(f"{recipe.name}: installing")
            recipe.install()
            yield _candidate(bench, recipe)
        except CannotInstall as why:
            skipped[recipe.name] = f"skipped, can't be installed: {why}"
            bench.progress(f"{recipe.name}: {skipped[recipe.name]}")


def _start_routerd(bench: Bench, installed: Installation, upstream: str) -> Subject:
    """One routerd serves every port of the mock, by the model that is asked for."""
    return bench.spawn_routerd(installed)


def _is_known(name: str) -> bool:
    return any(recipe.name == name for recipe in RECIPES)


def _candidate(bench: Bench, recipe: Recipe) -> Candidate:
    def start(upstream: str) -> Peer:
        return Peer(recipe, bench.mock.ports[upstream], bench.cores.proxy, bench.folder)

    return Candidate(f"{recipe.name} {recipe.version()}", recipe.language, start)


def _measure(bench: Bench, beside: Sequence[Subject], candidate: Candidate) -> Row:
    """One gateway's figures; its capacity is taken in the same rounds as that of everybody beside it, nginx first."""
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
            "requests": lambda: _share(bench, [*beside, subject], row, "requests", 1000),
            "prompts of 50 kB": lambda: _share(bench, [*beside, subject], row, "50k", 50_000),
            "prompts of 200 kB": lambda: _share(bench, [*beside, subject], row, "200k", 200_000),
            "streams": lambda: _share(bench, [*beside, subject], row, "events", 1000, stream=True),
            "latency": lambda: _latency(bench, beside[0], subject, row),
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


def _share(bench: Bench, subjects: list[Subject], row: Row, key: str, size: int, stream: bool = False) -> None:
    """The last of the subjects as a share of the first, nginx; routerd as a multiple of it, where it is between."""
    nginx, *ours, subject = subjects
    samples = per_cpu_second(bench, subjects, size=size, stream=stream)
    row.figures[key] = samples.medians()[subject.name]
    row.figures[f"{key}-share"] = samples.ratio(subject.name, nginx.name)
    for routerd in ours:
        row.figures[f"{key}-multiple"] = samples.ratio(routerd.name, subject.name)


def _latency(bench: Bench, nginx: Subject, subject: Subject, row: Row) -> None:
    row.figures["latency-share"] = medians_of_one(bench, [nginx, subject]).ratio(subject.name, nginx.name)


def _crowd(bench: Bench, candidate: Candidate, row: Row) -> None:
    subject = candidate.start("slow")
    with subject.process:
        door = subject.door("slow")
        seconds_to_first_answer(subject.process, door, bench.bodies.chat(door.model))
        outcome, row.figures["kilobytes"] = crowd(bench, subject)
        row.figures["complete"] = outcome.ok - outcome.incomplete
