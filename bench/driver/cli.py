"""The command line of bench/run."""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from driver import peers, report
from driver.bench import FULL, QUICK, Bench, Cores, Length
from driver.bodies import Bodies
from driver.build import MissingTool, build, compiled
from driver.figures import Figure, is_missed
from driver.load import Load, LoadFailed
from driver.machine import NOISY, Neighbours, describe
from driver.mock import Mock
from driver.places import DOCUMENT, REPOSITORY, RESULTS
from driver.process import DidNotStart
from driver.rounds import MOST_STOLEN, Census
from driver.rows import ROWS
from driver.subjects import Installation

# What is left to do with what was measured, once everything has stopped: (machine, how) → exit status.
Publish = Callable[[Mapping[str, str], str], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """0: measured, every target reached. 1: a target was missed, or a row failed. 2: it could not run at all."""
    options = _parser().parse_args(arguments)
    length = QUICK if options.quick else FULL
    neighbours = Neighbours()
    try:
        forms = _forms(options)
        installations = [Installation(name, options.python, place) for name, (place, _) in forms.items()]
        with prepared(options, length, installations) as bench:
            measure = _rows if options.peers is None else _peers
            publish = measure(bench, options)
    except MissingTool as missing:
        print(f"bench: {missing}", file=sys.stderr)
        return 2
    meanwhile = _meanwhile(neighbours, bench.rounds.census)
    told = {f"{name}'s hot path": form for name, (_, form) in forms.items()}
    return publish({**describe(options.python), **told, **meanwhile}, f"{length.name.capitalize()} run")


def _forms(options: argparse.Namespace) -> dict[str, tuple[Path, str]]:
    """Where each routerd to be measured is taken from, and in which form. Raises MissingTool."""
    trees = {"routerd": options.tree, "baseline": options.baseline}
    return {name: _form(tree.resolve(), options) for name, tree in trees.items() if tree}


def _form(tree: Path, options: argparse.Namespace) -> tuple[Path, str]:
    place = (compiled(tree, options.python) if options.compiled else None) or tree
    return place, "compiled" if any(place.glob("routerd__mypyc.*")) else "interpreted"


def _meanwhile(neighbours: Neighbours, census: Census) -> dict[str, str]:
    """Who else used the machine, in words; said aloud when it was much."""
    others, stolen = neighbours.others(), neighbours.stolen()
    if others > NOISY or stolen > MOST_STOLEN:
        print(f"\nNot a quiet machine: others used {others:.0%} of it meanwhile, and {stolen:.1%} was stolen by the "
              "hypervisor. Don't trust single figures.")  # fmt: skip
    return {
        "used by others meanwhile": f"{others:.0%} of the machine",
        "stolen by the hypervisor": f"{stolen:.1%}",
        "rounds taken again for it": str(census),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/run", description="Measure routerd against nginx on this machine.")
    parser.add_argument("--quick", action="store_true", help="four minutes instead of fifteen")
    parser.add_argument("--baseline", type=Path, metavar="TREE", help="measure this other source tree of routerd too")
    parser.add_argument("--compiled", action="store_true", help="measure the hot path as machine code")
    parser.add_argument("--only", action="append", metavar="ROW", choices=list(ROWS), help=f"one of {', '.join(ROWS)}")
    parser.add_argument("--peers", nargs="*", metavar="NAME", help="measure other gateways (all, or these) instead")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    add_common_options(parser)
    return parser


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """What bench/run and bench/profile both understand."""
    parser.add_argument("--python", type=Path, default=_default_python(), help="the interpreter that runs routerd")
    parser.add_argument("--tree", type=Path, default=REPOSITORY, help="the source tree of routerd (this one)")
    parser.add_argument("--cores", default="0,1", help="proxy's core, core of mock and load (0,1)")


def _default_python() -> Path:
    installed = REPOSITORY / ".venv" / "bin" / "python"
    return installed if installed.exists() else Path(sys.executable)


@contextmanager
def prepared(
    options: argparse.Namespace, length: Length, installations: Sequence[Installation] = ()
) -> Iterator[Bench]:
    """Everything a row needs, in a folder that is removed at the end. Raises MissingTool.

    Without `installations` it is the source tree that is run.
    """
    cores = _cores(options.cores)
    os.sched_setaffinity(0, {cores.load})
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    tools = build()
    installations = installations or [Installation("routerd", options.python, options.tree.resolve())]
    with tempfile.TemporaryDirectory(prefix="routerd-bench-") as name:
        folder = Path(name)
        with Mock(tools, cores.load, folder) as mock:
            load, bodies = Load(tools.load, cores.load), Bodies(folder)
            yield Bench(tools, mock, load, bodies, cores, length, folder, installations)


def _cores(text: str) -> Cores:
    proxy, _, load = text.partition(",")
    usable = os.sched_getaffinity(0)
    if {int(proxy), int(load or -1)} - usable or proxy == load:
        raise MissingTool(f"needs two cores, one for the proxy alone; usable here: {sorted(usable)} (--cores A,B)")
    return Cores(int(proxy), int(load))


def _rows(bench: Bench, options: argparse.Namespace) -> Publish:
    figures: list[Figure] = []
    failed = False
    for name in options.only or list(ROWS):
        begun, neighbours, census = time.monotonic(), Neighbours(), bench.rounds.census
        try:
            found = ROWS[name](bench)
            stolen, rounds = neighbours.stolen(), bench.rounds.census - census
            figures += [replace(figure, stolen=round(stolen, 4), repeated=rounds.repeated) for figure in found]
            seconds = time.monotonic() - begun
            bench.progress(f"{name}: measured in {seconds:.0f} s, {stolen:.1%} stolen, rounds taken again {rounds}")
        except (LoadFailed, DidNotStart) as trouble:
            failed = True
            bench.progress(f"{name}: FAILED: {trouble}")
    return partial(_publish, options, figures, failed)


def _publish(
    options: argparse.Namespace, figures: list[Figure], failed: bool, machine: Mapping[str, str], how: str
) -> int:
    if figures:
        print("\n" + report.plain(figures) + "\n" + report.sentence(machine))
        name = "-".join(options.only) if options.only else how.split()[0].lower()
        report.save(RESULTS / f"{name}.json", figures, machine, how)
    if figures and options.write and not options.only:
        report.insert(DOCUMENT, "bench", report.markdown(figures, machine, how))
    return 1 if failed or any(map(is_missed, figures)) else 0


def _peers(bench: Bench, options: argparse.Namespace) -> Publish:
    return partial(_publish_peers, options, peers.compare(bench, options.peers))


def _publish_peers(
    options: argparse.Namespace, comparison: peers.Comparison, machine: Mapping[str, str], how: str
) -> int:
    print("\n" + comparison.plain() + "\n" + report.sentence(machine))
    comparison.save(RESULTS / "peers.json", machine, how)
    if options.write:
        report.insert(DOCUMENT, "peers", comparison.markdown(machine, how))
    return 1 if comparison.is_missed() else 0
