"""The tables of docs/accuracy.md, in Markdown."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from kernel.bars import FIGURES, bars
from kernel.judging import KINDS, RUNS, Case, cases
from kernel.runs import TAPS, load
from kernel.score import Final
from tcptrace_py.machine.states import NAMES

MARKS = re.compile(r"(<!-- (runs|bars|figures|confusion|scenarios) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def fill(text: str) -> str:
    """The document with its tables as they should be."""
    makers = {"runs": recorded, "bars": demanded, "figures": figures, "confusion": confusion, "scenarios": scenarios}
    return MARKS.sub(lambda m: f"{m[1]}\n{makers[m[2]]()}\n{m[4]}", text)


def table(head: Sequence[str], rows: Iterator[Sequence[str]], left: int = 1) -> str:
    """The first ``left`` columns are text, the others figures."""
    lines = [head, ["---"] * left + ["---:"] * (len(head) - left), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def recorded() -> str:
    """What the runs are."""

    def rows() -> Iterator[list[str]]:
        for kind in KINDS:
            run = load(RUNS / kind)
            p = run.facts["parameters"]
            shares = [f"{p[name]:.1%}" for name in ("loss", "loss_upstream", "reorder", "dup")]
            seconds = f"{(run.end - run.begin) / 1e9:.0f}"
            yield [
                kind,
                p["preset"],
                *shares,
                seconds,
                str(len(run.truth)),
                str(run.facts["transitions"]),
                str(run.facts["samples_checked"]),
            ]

    head = [
        "run",
        "timers",
        "lost",
        "of these upstream",
        "late",
        "twice",
        "seconds",
        "connections",
        "transitions",
        "looks",
    ]
    return table(head, rows(), 2)


def demanded() -> str:
    """The bars."""

    def rows() -> Iterator[list[str]]:
        for figure in FIGURES:
            targets = [figure.target(kind) for kind in KINDS]
            yield [figure.title, *("" if target is None else f"{target:g}" for target in targets)]

    return table(["at most", *KINDS], rows())


def figures(some: Iterable[Case] = ()) -> str:
    """Every case (by default those of the recorded runs); bold where the bar is missed."""

    def rows() -> Iterator[list[str]]:
        for case in some or cases():
            values = case.figures()
            missed = {bar.figure.name for bar in bars(case.name, case.kind, case.tap, values, {}) if not bar.reached}
            shown = [number(values[f.name], f.name in missed) if case.tap in f.taps else "" for f in FIGURES]
            yield [case.kind + ", cut" * case.cut, case.tap, str(values["endpoints"]), *shown]

    return table(["run", "tap", "endpoints", *(f.title for f in FIGURES)], rows(), 2)


def number(value: float | None, bold: bool = False) -> str:
    text = "" if value is None else f"{value:g}"
    return f"**{text}**" if bold and text else text


def finals() -> Iterator[tuple[Case, Final]]:
    """Of the whole runs, not of the cuts."""
    for case in cases():
        if not case.cut:
            for final in case.score.finals:
                yield case, final


def confusion() -> str:
    """Endpoints by the state inferred and the state that was."""
    counts = Counter((final.inferred, final.true) for _, final in finals())
    present = [name for name in NAMES if any(name in pair for pair in counts)]

    def rows() -> Iterator[list[str]]:
        for inferred in present:
            row = [counts[inferred, true] for true in present]
            right = counts[inferred, inferred]
            cells = [str(n) if n else "" for n in row]
            yield [f"**{inferred}**", *cells, f"{right / sum(row):.1%}" if sum(row) else ""]

    return table(["inferred ↓ true →", *present, "right"], rows())


def scenarios() -> str:
    """By scenario: how often the final state is wrong or outside ``possible``, and what is usually taken for what."""
    by_name: dict[str, list[tuple[Case, Final]]] = defaultdict(list)
    for case, final in finals():
        by_name[final.scenario].append((case, final))

    def rows() -> Iterator[list[str]]:
        for name, found in sorted(by_name.items()):
            row = [name, str(len(found))]
            for tap in TAPS:
                here = [final for case, final in found if case.tap == tap]
                row.append(f"{sum(not f.right for f in here)}/{len(here)}")
            outside = sum(final.true not in final.possible for _, final in found)
            taken = Counter((f.side, f.true, f.inferred) for _, f in found if not f.right).most_common(1)
            row.append(str(outside) if outside else "")
            row.append("".join(f"{side}: {true} taken for {said} ({n}×)" for (side, true, said), n in taken))
            yield row

    head = [
        "scenario",
        "endpoints",
        *(f"wrong at {tap}" for tap in TAPS),
        "outside `possible`",
        "most frequent mistake",
    ]
    return table(head, rows())
