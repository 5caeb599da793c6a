"""What many connections say together: floods, scans, and ports that run out.  Judged at the end of the capture."""

from __future__ import annotations

from tcptrace_py.machine import facts as fa
from tcptrace_py.machine.connection import CLIENT, SERVER
from tcptrace_py.machine.crowd import MAX_DISTINCT, Pending
from tcptrace_py.machine.pile import Pile
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.phrases import address, duration, figure, port, role, several, socket
from tcptrace_py.rules.rule import Rule


def at_least(count: int) -> str:
    """A count of different things, which is bounded."""
    return f"at least {count:,}" if count >= MAX_DISTINCT else f"{count:,}"


class SynFlood(Rule):
    """Handshakes that are not completed pile up at one server: a SYN flood.

    Seen: many handshakes a second with one server that stop after the SYN-ACK, or many SYNs that it does not answer; and
    they are most of what begins at that time. The findings of single ones beyond the first few are folded into this one.

    Why it matters: each of them takes a place in the server's SYN backlog for about a minute; when it is full, honest
    clients are not answered, or get SYN cookies without the usual options.

    Usual causes: an attack, mostly with forged source addresses; a server whose answers are lost on the way back; a
    scanner; clients that try again at once while their server is down.

    Harmless: load tests; scans by one's own security team.

    Cannot be known: whether the source addresses are real; and, in a capture that misses one direction, whether the
    server answered, or the clients completed their handshakes. The share is counted against all connections that began
    meanwhile, to whatever server, so it is a lower bound.

    To confirm: `ss -tan state syn-recv | wc -l`; `nstat -az TcpExtSyncookiesSent TcpExtSyncookiesFailed
    TcpExtTCPReqQFullDoCookies TcpExtListenDrops`; `sysctl net.ipv4.tcp_syncookies net.ipv4.tcp_max_syn_backlog`.
    """

    name = "syn-flood"
    family = "opening"
    severity = "error"
    references = ("RFC 4987", "RFC 9293, 3.9.1.1")
    uses = ("flood_rate", "flood_share", "flood_count", "flood_window", "flood_age")
    facts = fa.HALF_OPEN | fa.SYN_UNANSWERED

    def on_capture(self, end: int) -> list[Finding]:
        crowds = self.crowds
        half_open = [self.of(e, "half_open") for e in crowds.half_open.all() if e.is_flood(crowds.bounds)]
        silent = [self.of(e, "unanswered") for e in crowds.unanswered.all() if e.is_flood(crowds.bounds)]
        return half_open + silent

    def of(self, entry: Pending, kind: str) -> Finding:
        """A server that is flooded."""
        server = socket(entry.key, SERVER)
        more = entry.count - min(entry.singly, entry.count)
        span = entry.last_time - entry.first_time
        folded = f"; {more:,} of them have no finding of their own" if more else ""
        what = several(entry.count, "half-open connection" if kind == "half_open" else "unanswered SYN")
        return self.report(
            None,
            SERVER,
            entry.first_time,
            entry.frames[0],
            f"{what} at {server} within {duration(span)}, up to {entry.rate:,} a second, "
            f"from {at_least(len(entry.sources))} addresses{folded}",
            confidence="likely",
            related=tuple(entry.frames),
            evidence={
                "server": server,
                kind: entry.count,
                "sources": len(entry.sources),
                "peak_rate": entry.rate,
                "peak_window": entry.window,
                "new_connections_meanwhile": entry.window_of,
                "span": figure(span),
            },
            alternatives=(
                "the server's answers are lost on their way back",
                "the capture does not see the clients' final ACKs"
                if kind == "half_open"
                else "the capture does not see the server's answers",
            ),
        )


class PortScan(Rule):
    """One source tried many ports or hosts, and was refused or not answered.

    Seen: failed attempts of one address at many different addresses and ports within five minutes. Once it is a scan,
    the findings of its single attempts beyond the first few are folded into this one.

    Why it matters: somebody looks for what is open; or a program looks for a service in the wrong places.

    Usual causes: nmap, masscan, vulnerability scanners; monitoring with an outdated list of targets; peer-to-peer
    programs; a service that moved.

    Harmless: scans by one's own security team; crawlers.

    Cannot be known: what they want; and ports that answered are not counted, as those attempts did not fail.

    To confirm: look the address up; `nft list ruleset` and its counters; `nstat -az TcpOutRsts` grows while it scans.
    """

    name = "port-scan"
    family = "opening"
    severity = "info"
    references = ("RFC 9293, 3.10.7.1",)
    uses = ("scan_ports", "scan_window", "told_singly")
    facts = fa.REFUSED | fa.SYN_UNANSWERED

    def on_capture(self, end: int) -> list[Finding]:
        found = []
        for entry in self.crowds.attempts.all():
            if not entry.is_scan:
                continue
            source = address(entry.key, CLIENT)
            hosts = entry.hosts()
            count = entry.refused + entry.unanswered
            span = entry.last_time - entry.first_time
            more = count - min(entry.singly, count)
            folded = f"; {more:,} of them have no finding of their own" if more else ""
            found.append(
                self.report(
                    None,
                    CLIENT,
                    entry.first_time,
                    entry.frames[0],
                    f"{source} tried {at_least(len(entry.targets))} ports at {several(hosts, 'host')} within {duration(span)}: "
                    f"{entry.refused:,} refused, {entry.unanswered:,} not answered{folded}",
                    confidence="likely",
                    related=tuple(entry.frames),
                    evidence={
                        "source": source,
                        "targets": len(entry.targets),
                        "hosts": hosts,
                        "refused": entry.refused,
                        "unanswered": entry.unanswered,
                        "span": figure(span),
                    },
                    alternatives=("a program that looks for a service in many places",),
                )
            )
        return found


class TimeWaitPileup(Rule):
    """So many connections of one pair are in TIME_WAIT that ports run out.

    Seen: connections in TIME_WAIT between one client and one server port at the end of observation, against the number
    of ports a client has.

    Why it matters: each holds one of the client's ports for 2 MSL (a minute on Linux). When all are taken, connect()
    fails with "cannot assign requested address".

    Usual causes: a proxy or a job that opens a connection for each request; a connection pool that is switched off.

    Harmless: if it is the server's side that keeps TIME_WAIT, and it admits new SYNs from the same ports (RFC 6191).

    Cannot be known: the range of ports the client may use; connections that this capture did not see count as well.

    To confirm: `ss -tan state time-wait dst SERVER | wc -l` on the client; `sysctl net.ipv4.ip_local_port_range
    net.ipv4.tcp_tw_reuse`.
    """

    name = "time-wait-pileup"
    family = "closing"
    severity = "warning"
    references = ("RFC 9293, 3.6.1", "RFC 6191", "RFC 6056, 3.2")
    uses = ("time_wait_pileup",)
    facts = 0  # the pipeline counts these: nothing is wrong with any one of them

    def on_capture(self, end: int) -> list[Finding]:
        return [self.of(pile) for pile in self.crowds.piles if pile.count >= self.thresholds.time_wait_pileup]

    def of(self, entry: Pile) -> Finding:
        side = entry.side
        client, server = address(entry.key, CLIENT), address(entry.key, SERVER)
        return self.report(
            None,
            side,
            entry.first_time,
            entry.first_frame,
            f"{several(entry.count, 'connection')} of {client} to {server} port {port(entry.key, SERVER)} were in TIME_WAIT at once, "
            f"on the {role(side)}'s side",
            related=(entry.first_frame, entry.last_frame),
            evidence={"connections": entry.count, "client": client, "server": server, "port": port(entry.key, SERVER)},
            alternatives=() if side == CLIENT else ("the server admits new connections on these ports (RFC 6191)",),
        )


RULES: tuple[type[Rule], ...] = (SynFlood, PortScan, TimeWaitPileup)
