"""The conversation language: a scenario as text, and the capture that it describes.  tests/scenarios/README.md explains it.

Parsing and rendering only; ``tools.replay`` runs a scenario and compares.  Nothing here uses the package under test.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path

from tools.captures import SECOND, pcap_header, pcap_record

SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"

START = 1_700_000_000 * SECOND
STEP = SECOND // 100
"""Between one frame and the next, unless the scenario says otherwise."""

FLAGS = {"F": 0x01, "S": 0x02, "R": 0x04, "P": 0x08, ".": 0x10, "U": 0x20, "E": 0x40, "W": 0x80}
STATES = (
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
)
EVIDENCE = {"?": "assumed", "~": "timer", "": "proven"}

_NAME = r"[A-Z](?::\d+)?"
_FRAME = re.compile(
    rf"(?:(\d+)\s+)?(?:\+(-?[\d.]+)\s+)?({_NAME})\s*([<>])\s*({_NAME})\s+([SFRPUEW.]+)\s+(\d+):(\d+)\((\d+)\)(.*)"
)
_ICMP = re.compile(rf"(?:(\d+)\s+)?(?:\+([\d.]+)\s+)?icmp\s+(\d+)/(\d+)\s+({_NAME})(.*)")
_ADDRESS = re.compile(r"([A-Z])\s+(\[[0-9a-fA-F:]+\]|[\d.]+):(\d+)")
_STATE = re.compile(rf"({_NAME})\s+([A-Z_0-9]+(?:\|[A-Z_0-9]+)*)([?~]?)(!?)(?=\s|$)")
_FINDING = re.compile(r"([a-z0-9-]+)(?:\s+([A-Z]))?(?:\s+\((info|warning|error)\))?(?:\s+x(\d+))?")


class ScenarioError(Exception):
    """A scenario that cannot be understood: file, line, and why."""


@dataclass(frozen=True)
class Host:
    """One end: address (packed) and port."""

    address: bytes
    port: int

    @property
    def end(self) -> bytes:
        return self.address + self.port.to_bytes(2, "big")


@dataclass(frozen=True)
class State:
    """What is expected of one endpoint: its possible set if there are several states, else its state and evidence, and
    if it stands ``alone``, that no other state is possible.
    """

    name: str
    host: Host
    peer: Host
    states: tuple[str, ...]
    evidence: str
    alone: bool = False


@dataclass
class Frame:
    """One packet, and what is expected after it."""

    number: int
    time: int
    data: bytes
    line: int
    states: list[State] = field(default_factory=list)


@dataclass(frozen=True)
class Expected:
    """A finding that is expected; endpoint as a letter, "" for any; severity "" for any."""

    rule: str
    letter: str
    severity: str


@dataclass(frozen=True)
class Retracted:
    """A step that must have been retracted."""

    host: Host
    state: str
    by: int


@dataclass
class Scenario:
    """A whole scenario."""

    name: str
    frames: list[Frame] = field(default_factory=list)
    hosts: dict[str, Host] = field(default_factory=dict)
    snap: int = 262144  # bytes stored of each frame
    config: dict[str, str] = field(default_factory=dict)
    final: dict[int, list[State]] = field(
        default_factory=dict
    )  # by number of the connection; 0: the latest of its ends
    retracted: list[Retracted] = field(default_factory=list)
    findings: list[Expected] | None = None  # None: not asked

    def capture(self) -> bytes:
        """The scenario as a pcap file with nanoseconds."""
        records = [
            pcap_record((frame.time, frame.data[: self.snap]), nano=True, wirelen=len(frame.data))
            for frame in self.frames
        ]
        return pcap_header(nano=True) + b"".join(records)


def load(path: Path) -> Scenario:
    """Parse a file.  Raises ScenarioError."""
    return parse(path.read_text(encoding="utf-8"), path.relative_to(SCENARIOS).with_suffix("").as_posix())


def parse(text: str, name: str = "scenario") -> Scenario:
    """Parse a text.  Raises ScenarioError."""
    reader = _Reader(name)
    for number, written in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*", "", written).strip()
        if line:
            try:
                reader.line(line, number)
            except ScenarioError as error:
                raise ScenarioError(f"{name}, line {number}: {error}: {line!r}") from None
    return reader.scenario


class _Reader:
    """Takes one line after another."""

    def __init__(self, name: str) -> None:
        self.scenario = Scenario(name)
        self.time = START
        self.wait: int | None = None  # a pause that was asked for
        self.peers: dict[Host, Host] = {}
        self.sent: dict[Host, bytes] = {}  # the last IP packet of each
        self.last: tuple[str, str] = ("A", "B")

    def line(self, line: str, number: int) -> None:
        scenario = self.scenario
        word, colon, rest = line.partition(":")
        command = word.split()[0] if word.split() else ""
        if colon and command in ("final", "retracted", "findings", "config"):
            getattr(self, f"{command}_line")(word, rest.strip())
        elif line.startswith("end "):
            self.pass_time(line.split()[1])
            self.add(_other(), number, None)
        elif command == "snap" and len(line.split()) == 2:
            scenario.snap = int(line.split()[1])
        elif line.startswith("+") and len(line.split()) == 1:
            self.pass_time(line)
        elif (match := _FRAME.fullmatch(line)) is not None:
            self.frame_line(match, number)
        elif (match := _ICMP.fullmatch(line)) is not None:
            self.icmp_line(match, number)
        elif _ADDRESS.match(line) and not _ADDRESS.sub("", line).strip():
            for letter, address, port in _ADDRESS.findall(line):
                scenario.hosts[letter] = Host(ipaddress.ip_address(address.strip("[]")).packed, int(port))
        else:
            raise ScenarioError("neither a frame nor anything else that is known")

    def pass_time(self, text: str) -> None:
        self.wait = (self.wait or 0) + round(float(text.lstrip("+")) * SECOND)

    def add(self, packet: bytes, line: int, stated: str | None) -> Frame:
        """Put a packet on the wire."""
        if self.scenario.frames:
            self.time += STEP if self.wait is None else self.wait
        self.wait = None
        frame = Frame(len(self.scenario.frames) + 1, self.time, packet, line)
        if stated is not None and int(stated) != frame.number:
            raise ScenarioError(f"this is frame {frame.number}, not {stated}")
        self.scenario.frames.append(frame)
        return frame

    def host(self, name: str) -> Host:
        letter, colon, port = name.partition(":")
        default = Host(bytes((10, 0, 0, ord(letter) - 64)), 80 if letter == "B" else 40000)
        host = self.scenario.hosts.setdefault(letter, default)
        return Host(host.address, int(port)) if colon else host

    def frame_line(self, match: re.Match[str], line: int) -> None:
        stated, delta, left, arrow, right, letters, seq, end, length, rest = match.groups()
        if (int(end) - int(seq)) % 2**32 != int(length):
            raise ScenarioError(f"{seq}:{end} is not {length} bytes")
        if delta is not None:
            self.pass_time(delta)
        source, target = (left, right) if arrow == ">" else (right, left)
        sender, receiver = self.host(source), self.host(target)
        self.peers[sender], self.peers[receiver] = receiver, sender
        fields, options, rest = _fields(rest)
        tcp = _Tcp(sender, receiver, int(seq), sum(FLAGS[x] for x in letters), int(length), fields, options)
        number = len(self.scenario.frames) + 1
        packet = _ip(sender.address, receiver.address, 6, tcp.build(), fields.get("id", number), fields.get("ttl", 64))
        self.sent[sender] = packet
        frame = self.add(_ethernet(packet), line, stated)
        frame.states = self.states(rest)

    def icmp_line(self, match: re.Match[str], line: int) -> None:
        stated, delta, kind, code, name, rest = match.groups()
        if delta is not None:
            self.pass_time(delta)
        host = self.host(name)
        if host not in self.sent:
            raise ScenarioError(f"{name} has sent nothing that could be quoted")
        source = self.peers[host].address
        number = len(self.scenario.frames) + 1
        packet = _icmp(source, host.address, int(kind), int(code), self.sent[host], number)
        self.add(_ethernet(packet), line, stated).states = self.states(rest)

    def states(self, text: str) -> list[State]:
        """Pairs of an endpoint and its state."""
        if _STATE.sub("", text).strip():
            raise ScenarioError(f"what is {_STATE.sub('', text).strip()!r}?")
        found = []
        for name, states, mark, alone in _STATE.findall(text):
            names = tuple(states.split("|"))
            unknown = [state for state in names if state not in STATES]
            if unknown:
                raise ScenarioError(f"no state {unknown[0]}")
            host = self.host(name)
            if host not in self.peers:
                raise ScenarioError(f"{name} takes part in nothing yet")
            found.append(State(name, host, self.peers[host], names, EVIDENCE[mark], alone == "!"))
        return found

    def final_line(self, word: str, rest: str) -> None:
        which = int(word.split()[1]) if len(word.split()) > 1 else 0
        self.scenario.final.setdefault(which, []).extend(self.states(rest))

    def retracted_line(self, word: str, rest: str) -> None:
        for part in filter(None, (p.strip() for p in rest.split(","))):
            match = re.fullmatch(rf"({_NAME})\s+([A-Z_0-9]+)\s+by\s+(\d+)", part)
            if match is None or match[2] not in STATES:
                raise ScenarioError(f"retractions are written NAME STATE by FRAME, and {part!r} is not")
            self.scenario.retracted.append(Retracted(self.host(match[1]), match[2], int(match[3])))

    def findings_line(self, word: str, rest: str) -> None:
        found = self.scenario.findings or []
        for part in filter(None, (p.strip() for p in rest.split(","))):
            match = _FINDING.fullmatch(part)
            if match is None:
                raise ScenarioError(f"findings are written RULE [LETTER] [(severity)] [xN], and {part!r} is not")
            if part != "none":
                found += [Expected(match[1], match[2] or "", match[3] or "")] * int(match[4] or 1)
        self.scenario.findings = found

    def config_line(self, word: str, rest: str) -> None:
        for part in filter(None, (p.strip() for p in rest.split(","))):
            name, _, value = part.partition("=")
            self.scenario.config[name.strip()] = value.strip()


def _fields(rest: str) -> tuple[dict[str, int], bytes, str]:
    """``ack N win N urg N ttl N id N fill N <options>`` from the front; what is left."""
    fields: dict[str, int] = {}
    options = b""
    while True:
        match = re.match(r"\s*(ack|win|urg|ttl|id|fill)\s+(\d+)", rest)
        if match is not None:
            fields[match[1]] = int(match[2])
        else:
            match = re.match(r"\s*<([^<>]*)>", rest)
            if match is None:
                return fields, options, rest
            options = _options(match[1])
        rest = rest[match.end() :]


def _options(text: str) -> bytes:
    """``mss 1460, wscale 7, sackOK, ts 1 0, sack 5:9, tfo 0011, nop`` as bytes, padded."""
    made = b""
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, *values = part.split()
        if name == "mss":
            made += struct.pack("!BBH", 2, 4, int(values[0]))
        elif name == "wscale":
            made += struct.pack("!BBB", 3, 3, int(values[0]))
        elif name == "sackOK":
            made += b"\x04\x02"
        elif name == "sack":
            edges = [int(edge) for block in values for edge in block.split(":")]
            made += struct.pack(f"!BB{len(edges)}I", 5, 2 + 4 * len(edges), *edges)
        elif name == "ts":
            made += struct.pack("!BBII", 8, 10, int(values[0]), int(values[1]))
        elif name == "tfo":
            cookie = bytes.fromhex(values[0]) if values else b""
            made += bytes((34, 2 + len(cookie))) + cookie
        elif name == "nop":
            made += b"\x01"
        else:
            raise ScenarioError(f"no option {name!r}")
    return made + bytes(-len(made) % 4)


@dataclass
class _Tcp:
    """A segment to be built."""

    source: Host
    target: Host
    seq: int
    flags: int
    length: int
    fields: dict[str, int]
    options: bytes

    def build(self) -> bytes:
        """The segment, with its checksum.  Its payload depends on the sequence number: the same bytes when sent again."""
        head = struct.pack(
            "!HHIIBBHHH",
            self.source.port,
            self.target.port,
            self.seq % 2**32,
            self.fields.get("ack", 0) % 2**32,
            (5 + len(self.options) // 4) << 4,
            self.flags,
            self.fields.get("win", 65535),
            0,
            self.fields.get("urg", 0),
        )
        payload = bytes((self.seq + n) * 7 & 0xFF for n in range(self.length))
        if "fill" in self.fields:
            payload = bytes((self.fields["fill"],)) * self.length
        segment = head + self.options + payload
        check = _checksum(_pseudo(self.source.address, self.target.address, 6, len(segment)) + segment)
        return segment[:16] + check + segment[18:]


def _checksum(data: bytes) -> bytes:
    """The Internet checksum (RFC 1071)."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


def _pseudo(source: bytes, target: bytes, protocol: int, length: int) -> bytes:
    if len(source) == 4:
        return source + target + struct.pack("!BBH", 0, protocol, length)
    return source + target + struct.pack("!II", length, protocol)


def _ip(source: bytes, target: bytes, protocol: int, data: bytes, ident: int, ttl: int) -> bytes:
    if len(source) == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), ident, 0x4000, ttl, protocol, 0) + source + target
        return head[:10] + _checksum(head) + head[12:] + data
    return struct.pack("!IHBB", 6 << 28, len(data), protocol, ttl) + source + target + data


def _icmp(source: bytes, target: bytes, kind: int, code: int, quoted: bytes, ident: int) -> bytes:
    six = len(source) == 16
    quote = quoted if six else quoted[:28]
    message = bytes((kind, code, 0, 0, 0, 0, 0, 0)) + quote
    pseudo = _pseudo(source, target, 58, len(message)) if six else b""
    message = message[:2] + _checksum(pseudo + message) + message[4:]
    return _ip(source, target, 58 if six else 1, message, ident, 64)


def _other() -> bytes:
    """An unrelated packet: a UDP datagram between two other hosts."""
    source, target = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))
    return _ethernet(_ip(source, target, 17, struct.pack("!HHHH", 9, 9, 8, 0), 0, 64))


def _ethernet(packet: bytes) -> bytes:
    kind = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
    return bytes.fromhex("020000000002 020000000001") + kind + packet
