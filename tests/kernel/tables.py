"""The tables of docs/accuracy.md, in Markdown."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from kernel.bars import FIGURES, Bar
from kernel.findings import CAUSES, causes_named
from kernel.judging import KINDS, RUNS, Case, bars_of, cases
from kernel.runs import TAPS, load
from kernel.score import Final
from kernel.unknowable import GROUPS
from tcptrace_py.machine.states import NAMES

MARKS = re.compile(
    r"(<!-- (runs|bars|figures|missed|confusion|scenarios|causes|alike) -->\n)(.*?)(<!-- end -->)", re.DOTALL
)
"""Where a table of ``MAKERS`` is."""


def fill(text: str) -> str:
    """The document with its tables as they should be."""
    return MARKS.sub(lambda m: f"{m[1]}\n{MAKERS[m[2]]()}\n{m[4]}", text)


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
            yield [figure.title, *map(number, targets)]
        for figure in FIGURES:
            if figure.elsewhere:
                yield [
                    f"{figure.title.removesuffix(', %')}, elsewhere, %",
                    *(number(figure.margin(kind)) for kind in KINDS),
                ]

    return table(["at most", *KINDS], rows())


def figures(some: Iterable[Case] = ()) -> str:
    """Every case (by default those of the recorded runs); bold where the bar is missed."""

    def rows() -> Iterator[list[str]]:
        for case in some or cases():
            found = {bar.figure.name: bar for bar in bars_of(case, {})}
            shown = [cell(found.get(figure.name)) for figure in FIGURES]
            yield [case.kind + ", cut" * case.cut, case.tap, str(case.figures()["endpoints"]), *shown]

    return table(["run", "tap", "endpoints", *(f.title for f in FIGURES)], rows(), 2)


def cell(bar: Bar | None) -> str:
    """What was measured, and the least that is possible where it is not nothing."""
    if bar is None:
        return ""
    return number(bar.measured, not bar.reached) + (f" (≥ {bar.least:g})" if bar.least else "")


def number(value: float | None, bold: bool = False) -> str:
    text = "" if value is None else f"{value:g}"
    return f"**{text}**" if bold and text else text


def beyond_reach() -> str:
    """Every bar that is missed, and those that nobody can reach."""

    def rows() -> Iterator[list[str]]:
        for case in cases():
            for bar in bars_of(case, {}):
                nobody = bar.target is not None and (bar.least or 0) > bar.target
                if not bar.reached or nobody:
                    shown = [
                        number(value) for value in (bar.target, bar.measured, bar.least, bar.guessed, bar.elsewhere)
                    ]
                    yield [
                        case.kind + ", cut" * case.cut,
                        case.tap,
                        bar.figure.title,
                        *shown,
                        "nobody" if nobody else "",
                    ]

    return table(
        ["run", "tap", "figure", "bar", "measured", "least", "guessed", "elsewhere", "who can reach it"], rows(), 3
    )


def alike() -> str:
    """What nobody can tell apart."""

    def rows() -> Iterator[list[str]]:
        for group in GROUPS:
            names = ", ".join(f"`{name}`" for name in sorted(group.scenarios))
            yield [group.frames, ", ".join(group.taps), *group.histories, *[""] * (3 - len(group.histories)), names]

    return table(["frames", "tap", "one history", "another", "a third", "scenarios"], rows(), 6)


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


def causes() -> str:
    """By scenario: what befell it, and how often the rules said so."""

    def rows() -> Iterator[list[str]]:
        for name, hits in sorted(causes_named().items()):
            yield [f"`{name}`", " or ".join(CAUSES[name]), f"{hits.named}/{hits.of}", f"{hits.named / hits.of:.0%}"]

    return table(["scenario", "the cause, as a rule", "named", "share"], rows(), 2)


MAKERS = {
    "runs": recorded,
    "bars": demanded,
    "figures": figures,
    "missed": beyond_reach,
    "confusion": confusion,
    "scenarios": scenarios,
    "causes": causes,
    "alike": alike,
}
