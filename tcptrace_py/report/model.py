"""The report, schema 1, as frozen types: names, nesting and meaning of every field.

JSON, NDJSON, the JSON Schema and the field tables in docs/report.md are all made from these classes.  Within a schema
number fields are added, never renamed or removed.  Unknown is None, never 0.  Times and durations are seconds as Decimals,
exact to the nanosecond; they never pass through a float.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

SCHEMA: Literal[1] = 1

State = Literal[
    "CLOSED",
    "LISTEN",
    "SYN_SENT",
    "SYN_RECEIVED",
    "ESTABLISHED",
    "FIN_WAIT_1",
    "FIN_WAIT_2",
    "CLOSE_WAIT",
    "CLOSING",
    "LAST_ACK",
    "TIME_WAIT",
]
Evidence = Literal["proven", "assumed", "timer"]
Side = Literal["client", "server"]
Closer = Literal["client", "server", "both"]
Opening = Literal["three_way", "simultaneous", "fast_open", "refused", "unanswered", "incomplete", "midstream"]
Closing = Literal["four_way", "three_way", "simultaneous", "half_closed", "reset", "incomplete", "none"]
Outcome = Literal["closed", "open", "reset", "refused", "unanswered", "half_open", "stuck", "unknown"]
Severity = Literal["info", "warning", "error"]
Kind = Literal["timeout", "fast", "sack", "tail_probe", "spurious", "unknown"]
Trigger = Literal["timeout", "fast", "sack", "tail_probe"]
Spurious = Literal["acknowledged", "dsack", "timestamp"]
Confidence = Literal["certain", "likely", "possible"]


def says(description: str, example: object = None) -> Meta:
    """What a field means, for the schema and the documentation."""
    return Meta(description=description, examples=None if example is None else [example])


Time = Decimal
"""Seconds since 1970-01-01 00:00 UTC."""
Duration = Decimal
"""Seconds."""


class Tool(Struct, frozen=True, gc=False):
    """The program that made the report."""

    name: Annotated[Literal["tcpfsm"], says("always tcpfsm")]
    version: Annotated[str, says("its version")]
    engine: Annotated[Literal["compiled", "interpreted"], says("which engine ran; both give the same results")]


class Source(Struct, frozen=True, gc=False):
    """One file, or standard input, of the observation."""

    name: Annotated[str, says('the path as given, or "-" for standard input')]
    format: Annotated[str | None, says("pcap, pcapng or snoop; null: never opened")]
    compression: Annotated[str | None, says("gzip, bzip2, xz or zstd; null: not compressed")]
    size: Annotated[int | None, says("bytes on disk; null for a pipe")]
    packets: Annotated[int, says("packets read from it")]
    bytes: Annotated[int, says("their bytes on the wire")]


class Problem(Struct, frozen=True, gc=False):
    """Something that makes a capture less than a complete observation."""

    kind: Annotated[str, says("truncated, corrupt, read_error or capture_drops")]
    message: Annotated[str, says("one line that names the file, the offset and the frame")]
    frame: Annotated[int | None, says("the frame that could not be read; null: no single frame")]
    offset: Annotated[int | None, says("where the damaged record starts, in bytes of the uncompressed file")]
    source: Annotated[int, says("index in sources")]


class Checksums(Struct, frozen=True, gc=False):
    """TCP and IPv4 header checksums, when they were verified."""

    checked: Annotated[int, says("TCP checksums that could be computed")]
    bad: Annotated[int, says("of these, wrong ones; their segments count like any other")]
    partial: Annotated[int, says("of these, left for the network card to fill in (offload)")]
    bad_ip: Annotated[int, says("IPv4 headers whose checksum is wrong")]


class Capture(Struct, frozen=True, gc=False):
    """What was read, and what is wrong with it."""

    sources: Annotated[list[Source], says("the files, in the order read")]
    packets: Annotated[int, says("packets read")]
    bytes: Annotated[int, says("their bytes on the wire")]
    tcp_segments: Annotated[int, says("packets that held a TCP segment")]
    start: Annotated[Time | None, says("time of the earliest packet; null: no packets")]
    end: Annotated[Time | None, says("time of the latest packet: the end of observation")]
    link_types: Annotated[list[str], says("link types, in order of first appearance", ["EN10MB"])]
    skipped: Annotated[dict[str, int], says("packets that gave no segment, by reason", {"udp": 12})]
    problems: Annotated[list[Problem], says("damage, and packets dropped while capturing")]
    dropped: Annotated[int | None, says("packets dropped while capturing; null: the capture does not tell")]
    quoted: Annotated[int, says("ICMP errors that quote a TCP segment")]
    duplicates: Annotated[int, says("frames captured twice, left out of the analysis")]
    truncated_segments: Annotated[int, says("segments whose payload or options the capture length cut")]
    fragments: Annotated[dict[str, int], says("what became of fragmented IP datagrams")]
    checksums: Annotated[Checksums | None, says("null: not verified (--verify-checksums)")]


class Summary(Struct, frozen=True, gc=False):
    """The figures of the whole."""

    connections: Annotated[int, says("connections; each use of a four-tuple counts")]
    outcomes: Annotated[dict[str, int], says("connections by outcome; only those that occurred")]
    states: Annotated[dict[str, int], says("connections by the final states CLIENT/SERVER", {"TIME_WAIT/CLOSED": 3})]
    findings: Annotated[dict[str, int], says("findings by rule")]
    severities: Annotated[dict[str, int], says("findings by severity")]
    fine: Annotated[int, says("connections without a finding, and not unfinished")]
    unfinished: Annotated[
        int, says("connections without a finding that hang in opening or closing, for too short a time to be found so")
    ]
    midstream: Annotated[int, says("connections whose opening was not seen")]
    evicted: Annotated[int, says("connections dropped from memory before they ended (--max-connections)")]
    where: Annotated[
        str | None,
        says("--where: connections of which it does not hold are left out of the report; null: all are there"),
    ]
    others: Annotated[int, says("those connections: counted nowhere else; findings about several do not know of them")]
    display_filter: Annotated[
        str | UnsetType,
        says(
            "--display-filter: connections without a frame that matches it are left out likewise; only there if given"
        ),
    ] = UNSET


class Address(Struct, frozen=True, gc=False):
    """One side's address."""

    address: Annotated[str, says("IPv4 or IPv6 address", "192.0.2.1")]
    port: Annotated[int, says("TCP port")]


class Rtt(Struct, frozen=True, gc=False):
    """Round trips of the handshake: they tell where the capture was taken."""

    to_server: Annotated[Duration | None, says("from the SYN to the SYN-ACK; null: not seen, or a SYN was sent twice")]
    to_client: Annotated[Duration | None, says("from the SYN-ACK to its ACK; null: likewise")]


class Entry(Struct, frozen=True, gc=False):
    """One entry of a timeline: a state entered."""

    state: Annotated[State, says("the state entered")]
    time: Annotated[Time, says("when")]
    frame: Annotated[int | None, says("the frame that shows it; null: a timer")]
    evidence: Annotated[
        Evidence,
        says(
            "proven: the endpoint's own segment says so; assumed: what would cause it passed towards the endpoint;"
            " timer: only time passed"
        ),
    ]
    confirmed_by: Annotated[
        int | None,
        says(
            "the endpoint's later frame that proves that the step was taken; its time may remain an estimate, and the step assumed"
        ),
    ]
    why: Annotated[str, says("what happened, in words", "FIN received, ACK sent")]


class Retracted(Struct, frozen=True, gc=False):
    """A step that was assumed, until the endpoint's own segment refuted it."""

    state: Annotated[State, says("the state it had been assumed to enter")]
    time: Annotated[Time, says("when")]
    frame: Annotated[int | None, says("the frame that had suggested it")]
    refuted_by: Annotated[int, says("the endpoint's own frame that refutes it")]
    why: Annotated[str, says("how it is refuted, in words")]


class Retransmission(Struct, frozen=True, gc=False):
    """One segment with data that had been sent before."""

    frame: Annotated[int, says("the frame")]
    time: Annotated[Time, says("when it passed")]
    original: Annotated[
        int | None, says("the frame that carried it first; null: it did not pass here, or too long ago to be known")
    ]
    bytes: Annotated[int, says("how many of its bytes had passed before; 0: the first one was lost before the capture")]
    kind: Annotated[Kind, says("why it was sent again, or that it turned out needless")]
    trigger: Annotated[Trigger | None, says("of a needless one: what had made its sender repeat it; null: unknown")]
    spurious: Annotated[Spurious | None, says("what shows that it was needless; null: nothing does")]


class Sent(Struct, frozen=True, gc=False):
    """What one endpoint sent, counted."""

    packets: Annotated[int, says("segments")]
    payload_bytes: Annotated[int, says("bytes of payload, retransmitted ones each time")]
    unique_bytes: Annotated[int, says("bytes of sequence space sent at least once")]
    data_packets: Annotated[int, says("segments with payload")]
    ack_packets: Annotated[int, says("segments with ACK set")]
    pure_acks: Annotated[int, says("ACK, no payload, no SYN, FIN or RST")]
    syn: Annotated[int, says("segments with SYN set")]
    fin: Annotated[int, says("segments with FIN set")]
    rst: Annotated[int, says("segments with RST set")]
    push_packets: Annotated[int, says("segments with PSH set")]
    urgent_packets: Annotated[int, says("segments with URG set")]
    urgent_bytes: Annotated[int, says("their bytes before the urgent pointer")]
    retransmitted_packets: Annotated[int, says("segments whose data overlaps data seen before")]
    retransmitted_bytes: Annotated[int, says("how many bytes overlap")]
    retransmitted_timeout: Annotated[int, says("of the segments: because the retransmission timer ran out")]
    retransmitted_fast: Annotated[int, says("of the segments: because of three duplicate ACKs or more (RFC 5681, 3.2)")]
    retransmitted_sack: Annotated[
        int, says("of the segments: because the peer reported data beyond as received (SACK)")
    ]
    retransmitted_tail_probe: Annotated[int, says("of the segments: tail loss probes (RFC 8985, 7)")]
    retransmitted_spurious: Annotated[
        int, says("of the segments: needless, as an ACK before it, a duplicate SACK or an echoed timestamp shows")
    ]
    retransmitted_unknown: Annotated[int, says("of the segments: for a reason that does not show")]
    retransmissions_max: Annotated[int, says("how often one and the same segment was sent again, at most")]
    retransmission_wait_min: Annotated[
        Duration | None, says("shortest time from one transmission of a segment to its next; null: none was sent again")
    ]
    retransmission_wait_avg: Annotated[Duration | None, says("their mean, to the nanosecond below")]
    retransmission_wait_max: Annotated[Duration | None, says("longest such time")]
    retransmission_wait_stdev: Annotated[Duration | None, says("their standard deviation; null: fewer than two")]
    retransmission_gaps: Annotated[
        list[Duration | None],
        says(
            "the times between the transmissions of the segment that was sent most often: its back-off; null: the"
            " capture's times run backwards there"
        ),
    ]
    retransmissions: Annotated[list[Retransmission], says("the first 64 segments with data sent again, one by one")]
    syn_retransmits: Annotated[int, says("SYN or SYN-ACK sent again")]
    fin_retransmits: Annotated[int, says("FIN sent again")]
    keepalives: Annotated[int, says("keep-alive probes")]
    window_probes: Annotated[int, says("zero-window probes")]
    window_probe_bytes: Annotated[int, says("their payload")]
    out_of_order_packets: Annotated[int, says("segments that fill a hole and were not sent again")]
    copied_packets: Annotated[
        int, says("segments with data that came again but were not sent again: network duplicates")
    ]
    lost_before_capture_packets: Annotated[
        int, says("segments that fill a hole and were sent again: the first one was lost before the capture point")
    ]
    lost_before_capture_bytes: Annotated[int, says("their payload")]
    missing_bytes: Annotated[
        int,
        says("bytes that were sent, as an ACK or a later sequence number shows, and that the capture does not hold"),
    ]
    duplicate_acks: Annotated[int, says("duplicate ACKs as RFC 5681 defines them")]
    triple_duplicate_acks: Annotated[int, says("how often there were three of them in a row")]
    sack_packets: Annotated[int, says("segments with SACK blocks")]
    dsack_packets: Annotated[int, says("segments whose first SACK block reports data received twice (RFC 2883)")]
    max_sack_blocks: Annotated[int, says("SACK blocks in one segment, at most")]
    zero_windows: Annotated[int, says("segments that announce a window of zero")]
    zero_window_time: Annotated[Duration, says("for how long its window was closed, as far as announced")]
    window_full: Annotated[
        int | None, says("segments that take all of the peer's window; null: its scale is not known")
    ]
    max_window: Annotated[int | None, says("largest window announced, scaled where both scales are known")]
    min_window: Annotated[int | None, says("smallest window announced")]
    avg_window: Annotated[int | None, says("mean of the windows announced, to the byte below")]
    window_scaled: Annotated[
        bool | None,
        says("whether its windows are scaled; null: a SYN was not seen or cut short, and they are as in the header"),
    ]
    mss: Annotated[int | None, says("MSS offered; null: SYN not seen or cut short, or no such option")]
    window_scale: Annotated[
        int | None, says("window scale offered; null: SYN not seen or cut short, or no such option")
    ]
    sack_permitted: Annotated[bool | None, says("SACK offered; null: SYN not seen or cut short")]
    timestamps: Annotated[bool | None, says("timestamps offered; null: SYN not seen or cut short")]
    fast_open: Annotated[bool | None, says("TCP Fast Open option on the SYN; null: SYN not seen or cut short")]
    mptcp: Annotated[bool | None, says("Multipath TCP option on the SYN; null: SYN not seen or cut short")]
    ecn: Annotated[bool | None, says("ECN offered, or agreed to (RFC 3168, 6.1.1); null: SYN not seen")]
    rtt_samples: Annotated[
        int, says("segments timed until their own ACK came back: sent once, or told apart by the timestamp it echoes")
    ]
    rtt_min: Annotated[Duration | None, says("shortest such time; null: no samples")]
    rtt_avg: Annotated[Duration | None, says("their mean, to the nanosecond below")]
    rtt_max: Annotated[Duration | None, says("longest such time")]
    rtt_stdev: Annotated[Duration | None, says("their standard deviation; null: fewer than two")]
    rtt_ambiguous: Annotated[int, says("ACKs of a segment sent more than once that do not tell which one they answer")]
    rtt_after_loss: Annotated[int, says("ACKs that had waited for a segment sent again: they measure nothing either")]
    acked_cumulatively: Annotated[int, says("segments acknowledged only by the ACK of a later one")]
    in_flight_max: Annotated[int | None, says("most bytes on their way at a time; null: no data, or no ACK of it seen")]
    in_flight_min: Annotated[int | None, says("fewest, other than none")]
    in_flight_avg: Annotated[int | None, says("mean over the time in which there were any")]
    initial_window_bytes: Annotated[int | None, says("payload sent before the first ACK of any; null: SYN not seen")]
    initial_window_packets: Annotated[int | None, says("in so many segments")]
    segment_min: Annotated[int | None, says("smallest payload of a segment that has any; null: none has")]
    segment_avg: Annotated[int | None, says("their mean, to the byte below")]
    segment_max: Annotated[int | None, says("largest payload of a segment")]
    stream_bytes: Annotated[int | None, says("length of its stream, from SYN to FIN; null: one of them was not seen")]
    data_transfer_time: Annotated[Duration | None, says("from its first segment with payload to the last; null: none")]
    throughput: Annotated[
        int | None, says("payload bytes a second over that time, to the byte below; null: no time passed")
    ]
    goodput: Annotated[int | None, says("the same of unique bytes: what was sent again counts once")]
    idle_max: Annotated[Duration | None, says("longest time between two of its segments; null: fewer than two")]
    idle_max_frames: Annotated[list[int], says("the frames before and after it")]
    hardware_duplicates: Annotated[int, says("frames captured twice, left out of all other counters")]
    truncated_packets: Annotated[int, says("segments whose payload the capture length cut")]
    truncated_bytes: Annotated[int, says("payload bytes that it cut off")]
    bad_checksums: Annotated[int, says("segments with a wrong checksum, where checksums are verified")]


class Endpoint(Struct, frozen=True, gc=False):
    """One side of a connection."""

    state: Annotated[State, says("its state at the end of observation; the likeliest when several are possible")]
    evidence: Annotated[Evidence, says("of that state: proven (closed by its own RST), assumed or timer")]
    possible: Annotated[list[State], says("every state it may be in, given all that was seen; contains state")]
    since: Annotated[Time, says("when it entered that state")]
    since_frame: Annotated[int | None, says("the frame that shows it; null: a timer")]
    timeline: Annotated[list[Entry], says("the states it went through, as far as nothing refuted them")]
    retracted: Annotated[list[Retracted], says("steps that were assumed and then refuted: often the diagnosis")]
    time_in_state: Annotated[
        dict[str, Duration],
        says(
            "seconds in each state, from the connection's start to the end of its observation; of the last state, the"
            " least it can be",
        ),
    ]
    sent: Annotated[Sent, says("what it sent, counted")]


class Endpoints(Struct, frozen=True, gc=False):
    """Both sides."""

    client: Annotated[Endpoint, says("the side that opened the connection")]
    server: Annotated[Endpoint, says("the side that was opened to")]


class Connection(Struct, frozen=True, gc=False, tag_field="type", tag="connection"):
    """One connection: one use of a four-tuple."""

    id: Annotated[int, says("number, from 1, in order of the first frame")]
    client: Annotated[Address, says("the active opener; midstream, a guess")]
    server: Annotated[Address, says("the passive opener")]
    start: Annotated[Time, says("time of its first frame")]
    end: Annotated[Time, says("time of its last frame")]
    duration: Annotated[Duration, says("end minus start")]
    first_frame: Annotated[int, says("its first frame, as Wireshark numbers it")]
    last_frame: Annotated[int, says("its last frame")]
    packets: Annotated[int, says("segments of both sides")]
    opening: Annotated[Opening, says("how it opened")]
    closing: Annotated[Closing, says("how it closed")]
    outcome: Annotated[Outcome, says("what became of it")]
    closed_by: Annotated[
        Closer | None,
        says("whose FIN or RST ended it first; both: simultaneously; null: nobody"),
    ]
    community_id: Annotated[str, says("Community ID version 1, seed 0, to join with Zeek, Suricata, Arkime")]
    history: Annotated[str, says("one letter an event, capitals the client's", "ShADadFf")]
    rtt: Annotated[Rtt, says("round trips of the handshake")]
    endpoints: Annotated[Endpoints, says("both sides' states")]
    findings: Annotated[list[str], says("rules that found something, each once")]
    incarnation: Annotated[int, says("which use of this four-tuple it is, from 1")]
    observed_until: Annotated[Time, says("until when it was watched: usually the end of the capture")]
    evicted: Annotated[bool, says("dropped from memory while it could still change (--max-connections)")]
    application: Annotated[
        str | UnsetType | None,
        says("application protocol, as Wireshark names it; null: not recognised; only there with --labels", "http"),
    ] = UNSET


class Finding(Struct, frozen=True, gc=False, tag_field="type", tag="finding"):
    """What a rule concludes."""

    rule: Annotated[str, says("name of the rule", "stuck-fin-wait-2")]
    family: Annotated[str, says("family of the rule", "closing")]
    severity: Annotated[Severity, says("error: somebody must act; warning: harm or risk; info: useful to know")]
    confidence: Annotated[Confidence, says("certain: nothing else explains it; likely; possible")]
    connection: Annotated[int | None, says("id of the connection; null: of the whole capture")]
    endpoint: Annotated[Side | None, says("the side it is about: the one to look at")]
    time: Annotated[Time, says("when it happened")]
    frame: Annotated[int | None, says("the frame that shows it; null: none does")]
    related_frames: Annotated[list[int], says("further frames of the same story")]
    message: Annotated[str, says("one sentence with the figures")]
    evidence: Annotated[dict[str, Any], says("figures by name")]
    alternatives: Annotated[list[str], says("other readings that the capture allows")]


class Report(Struct, frozen=True, gc=False):
    """The whole report: what --format json writes."""

    schema: Annotated[Literal[1], says("number of this schema")]
    tool: Annotated[Tool, says("the program that made the report")]
    capture: Annotated[Capture, says("what was read")]
    summary: Annotated[Summary, says("the figures of the whole")]
    connections: Annotated[list[Connection], says("every connection, in order of id")]
    findings: Annotated[list[Finding], says("every finding, by connection; those about the whole capture last")]


class CaptureLine(Capture, frozen=True, gc=False, tag_field="type", tag="capture"):
    """The capture, as a line of NDJSON."""

    schema: Annotated[Literal[1], says("number of this schema")]
    tool: Annotated[Tool, says("the program that made the report")]


class SummaryLine(Summary, frozen=True, gc=False, tag_field="type", tag="summary"):
    """The summary, as a line of NDJSON."""
