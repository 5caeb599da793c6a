"""Figures and facts as people say them: numbers, durations, and the sentences that table and Markdown share."""

from __future__ import annotations

import shlex
from datetime import datetime, timezone
from decimal import Decimal
from os.path import basename

from msgspec import UNSET

from tcptrace_py.report import model
from tcptrace_py.report.digest import CAPTURE_FAMILY, Group, Row, Side
from tcptrace_py.report.sink import Ending, Style
from tcptrace_py.report.text import printable
from tcptrace_py.rules.catalogue import BY_NAME

MOST_REASONS = 6
_UNITS = ((1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns"))


def number(n: int) -> str:
    """With separators."""
    return f"{n:,}"


def count(n: int, what: str, plural: str = "") -> str:
    """``1 client``, ``3 clients``."""
    return f"{n:,} {what if n == 1 else plural or what + 's'}"


def duration(ns: int) -> str:
    """Three figures, in the unit that suits."""
    if ns >= 48 * 3600 * 10**9:
        return f"{ns // (86400 * 10**9):,} d {ns // (3600 * 10**9) % 24} h"
    if ns >= 7200 * 10**9:
        return f"{ns // (3600 * 10**9)} h {ns // (60 * 10**9) % 60} min"
    if ns >= 120 * 10**9:
        return f"{ns // (60 * 10**9)} min {ns // 10**9 % 60} s"
    step = 10 ** max(0, len(str(ns)) - 3)
    ns = (ns + step // 2) // step * step  # first to three figures: 999.9 ms are 1.00 s
    for unit, name in _UNITS:
        if ns >= unit:
            places = max(0, 3 - len(str(ns // unit))) if unit > 1 else 0
            return f"{Decimal(ns) / unit:.{places}f} {name}"
    return "0 s"


def moment(time: Decimal) -> str:
    """A date people read, in UTC."""
    try:
        return datetime.fromtimestamp(int(time), timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):  # a capture may claim any year
        return f"{time:f} s since 1970"


def verdict(summary: model.Summary) -> str:
    """The first line."""
    total = summary.connections
    if total + summary.others == 0:
        return "No TCP connection in this capture."
    head = how_many(summary)
    if total == 0:
        return f"{head}."
    fine = summary.fine
    unfinished = summary.unfinished
    bad = total - fine - unfinished
    if fine == total:
        return f"{head}: {'all look' if total > 1 else 'it looks'} fine."
    parts = [f"{number(fine)} look{'s' * (fine == 1)} fine" if fine else "none looks fine"]
    if bad:
        found = [count(n, name, name if name == "info" else "") for name, n in summary.severities.items() if n]
        parts.append(f"{number(bad)} {'has' if bad == 1 else 'have'} findings ({', '.join(found)})")
    if unfinished:
        more = " more" if bad else ""
        parts.append(f"{number(unfinished)}{more} {'is' if unfinished == 1 else 'are'} unfinished")
    return f"{head}: {', '.join(parts)}."


def how_many(summary: model.Summary) -> str:
    """``13 connections``; with a filter, ``3 of 13 connections match --where``."""
    total = summary.connections
    filters = filters_of(summary)
    if not filters:
        return count(total, "connection")
    whole = count(total + summary.others, "connection")
    return f"{number(total) if total else 'None'} of {whole} match{'es' if total <= 1 else ''} {filters}"


def filters_of(summary: model.Summary) -> str:
    """The options that leave connections out; empty: none does."""
    given = (("--where", summary.where is not None), ("--display-filter", summary.display_filter is not UNSET))
    return " and ".join(name for name, is_given in given if is_given)


def circumstances(capture: model.Capture, style: Style) -> str:
    """The second line: what was looked at."""
    names = [printable("standard input" if s.name == "-" else basename(s.name)) for s in capture.sources]
    where = "the bundled sample" if not style.captures else names[0] if len(names) == 1 else count(len(names), "file")
    parts = [where, count(capture.packets, "packet")]
    if capture.tcp_segments != capture.packets:
        parts.append(f"{number(capture.tcp_segments)} of them TCP")
    if capture.start is not None and capture.end is not None:
        lasting = int((capture.end - capture.start).scaleb(9))
        parts.append(f"{duration(lasting)} from {moment(capture.start)}")
    return ", ".join(parts)


def outcomes(summary: model.Summary) -> str:
    """How they ended, in one line."""
    return ", ".join(f"{number(n)} {name.replace('_', ' ')}" for name, n in summary.outcomes.items())


def whom(group: Group) -> str:
    """The guilty side."""
    side = group.endpoint or "server"
    names = sorted(group.names.items(), key=lambda item: (-item[1], item[0]))
    if not names:
        return ""
    prefix = side if group.endpoint else "at"
    if len(names) == 1:
        return f"{prefix} {names[0][0]}"
    more = "more than " if group.more_names else ""
    plural = f"{more}{number(len(names))} {side}s"
    mostly = names[0][1] * 2 > group.connections
    return f"{plural}, mostly {names[0][0]}" if mostly else f"{plural}, {names[0][0]} and others"


def unknowns(ending: Ending, groups: list[Group], style: Style) -> list[str]:
    """What the capture cannot tell, one sentence each."""
    capture, summary = ending.capture, ending.summary
    lines = [printable(p.message) for p in capture.problems[:MOST_REASONS]]
    if len(capture.problems) > MOST_REASONS:
        lines.append(f"{number(len(capture.problems) - MOST_REASONS)} more problems of this kind (see --format json)")
    if style.restricted:
        lines.append("only some of the rules were asked (--select, --ignore)")
    told = {group.rule for group in groups if group.family == CAPTURE_FAMILY}
    if summary.midstream and "midstream" not in told:
        lines.append(
            f"{count(summary.midstream, 'connection')} began before the capture: who is the client is a guess there,"
            " and so are options and window scales"
        )
    if summary.evicted:
        lines.append(f"{count(summary.evicted, 'connection')} left memory before the end (--max-connections)")
    if capture.duplicates and "duplicate-capture" not in told:
        lines.append(f"{count(capture.duplicates, 'frame')} captured twice, left out")
    if capture.truncated_segments and "truncated-payload" not in told:
        lines.append(f"{count(capture.truncated_segments, 'segment')} cut short by the capture length")
    checks = capture.checksums
    if checks is not None and (checks.bad or checks.bad_ip):
        lines.append(f"{number(checks.bad)} wrong TCP checksums, {number(checks.bad_ip)} wrong IPv4 header checksums")
    reasons = dict(capture.skipped)
    filtered = reasons.pop("filtered", 0)
    if filtered:
        lines.append(f"{count(filtered, 'packet')} left out by --bpf")
    if reasons:
        lines.append(skipped(reasons))
    lines += [printable(f.message) for g in groups if g.family == CAPTURE_FAMILY for f in g.examples[:1]]
    return lines


def skipped(reasons: dict[str, int]) -> str:
    """What was not TCP, the most frequent first."""
    most = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{number(n)} {name}" for name, n in most[:MOST_REASONS])
    rest = sum(n for _, n in most[MOST_REASONS:])
    return f"{count(sum(reasons.values()), 'packet')} without a TCP segment: {named}" + (
        f", {number(rest)} for other reasons" if rest else ""
    )


def next_commands(style: Style, groups: list[Group], rows: list[Row]) -> list[str]:
    """Commands to paste: the rule explained, the worst connection frame by frame, its packets."""
    commands = [f"{style.program} explain {groups[0].rule}"] if groups else []
    if not rows or "-" in style.captures:
        return commands
    row = rows[0]
    if style.captures:
        names = [f"./{name}" if name.startswith("-") else name for name in style.captures]  # it is no option
        commands.append(quoted(style.program, "show", *names, str(row.number)))
    else:
        again = quoted(*style.command)
        commands.append(f"{again} --format json | jq '.connections[] | select(.id == {row.number}) | .endpoints'")
    if len(style.captures) == 1:
        ip = "ipv6" if ":" in row.first.address else "ip"
        flow = (
            f"{ip}.addr == {row.first.address} && {ip}.addr == {row.second.address}"
            f" && tcp.port == {row.first.port} && tcp.port == {row.second.port}"
        )
        commands.append(quoted("tshark", "-r", style.captures[0], "-Y", flow))
    return commands


def quoted(*words: str) -> str:
    """Words for a shell; what a terminal must not see, in the quotes that take escapes."""
    return " ".join(shlex.quote(word) if word.isprintable() else _ansi_c(word) for word in words)


def _ansi_c(word: str) -> str:
    data = word.encode("utf-8", "surrogateescape")
    return "$'" + "".join(chr(b) if 32 <= b < 127 and b not in b"'\\" else f"\\x{b:02x}" for b in data) + "'"


def rows_title(shown: int, summary: model.Summary) -> str:
    """What the table of connections shows."""
    bad = summary.connections - summary.fine - summary.unfinished
    if bad == 0:
        return "Connections" if shown == summary.connections else f"The first {shown} connections"
    if bad == shown:
        return "The connection with findings" if bad == 1 else "The connections with findings, the worst first"
    return f"The worst {shown} of {number(bad)} connections with findings"


def causes(group: Group) -> list[str]:
    """What a group means: of one finding what it says, of several what the rule says of all, and the first of them."""
    first = group.examples[0]
    message = printable(first.message).rstrip(".")
    numbers = list(dict.fromkeys(f"{f.connection}" for f in group.examples if f.connection is not None))
    which = ""
    if numbers:
        more = ", ..." if group.connections > len(numbers) else ""
        which = f" (connection{'s' * (len(numbers) > 1)} {', '.join(numbers)}{more})"
    texts = [message + which] if group.count == 1 else [summary_of(group.rule) + which, f"For example: {message}"]
    if group.effects:
        effects = ", ".join(f"{number(n)} x {rule}" for rule, n in group.effects.items())
        texts.append(f"With it goes {effects}")
    return texts


def summary_of(name: str) -> str:
    """What a rule finds, in a sentence."""
    return BY_NAME[name].explanation().summary


HEADERS = ("id", "endpoint", "state", "for", "evidence", "closed by", "findings")
"""Of the table of connections."""


def cells(row: Row, side: Side, *, short: bool = False) -> tuple[str, ...]:
    """One endpoint as a line of the table of connections; ``short``: of its findings, only the worst by name."""
    findings = side.findings
    if short and len(findings) > 1:
        findings = (findings[0], f"+{len(findings) - 1}")
    is_client = side is row.client
    carries = f" ({printable(row.application)})" if row.application and not is_client else ""
    return (
        str(row.number) if is_client else "",
        f"{'client' if is_client else 'server'} {side.name}{carries}",
        side.state + (f" (+{side.also_possible})" if side.also_possible else ""),
        "" if side.state in ("CLOSED", "LISTEN") else duration(side.nanoseconds),
        side.evidence,
        side.closed,
        " ".join(findings),
    )
