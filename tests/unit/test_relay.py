"""Records from another process: the same ones, with the same to be told of the captures, and ends of all kinds."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import signal
import threading
from pathlib import Path

import pytest

from decode_support import STAMPS, ether, ip4, ip6, tcp, udp
from tcptrace_py.capture import Observation, open_captures
from tcptrace_py.config import Config
from tcptrace_py.decode.headers import headers
from tcptrace_py.errors import CaptureError, ConfigError, HelperError, TcpfsmError
from tcptrace_py.packet import Record
from tcptrace_py.relay import pay
from tools import captures as make
from tools.captures import Frame, pcap, pcapng, snoop

if not hasattr(os, "fork"):
    pytest.skip("this system cannot fork: nothing is relayed", allow_module_level=True)

from tcptrace_py.relay.child import Child, packed_error
from tcptrace_py.relay.relayed import Relayed

Told = tuple[list[tuple[object, ...]], dict[str, object]]

PACKETS = [
    ether(ip4(tcp(b"x" * 500, STAMPS))),
    ether(ip4(tcp(b"", STAMPS))),
    ether(ip4(tcp(b"y" * 70))),
    ether(ip6(tcp(b"z" * 90), 6), 0x86DD),
    ether(ip4(udp(b"q" * 33, 53), 17)),
    ether(ip4(tcp(b"cut" * 30)))[:60],
    b"",
    b"\xff",
    bytes(range(256)) * 300,
]


def numbered(count: int) -> list[Frame]:
    return [(1_700_000_000_000_000_000 + n * 1_000_000, PACKETS[n % len(PACKETS)]) for n in range(count)]


def walk(observation: Observation, sizes: list[int] | None = None) -> Told:
    """All records, as far as they are needed, and what is told of the captures; ``sizes``: how much of each is looked at."""
    records: list[tuple[object, ...]] = []
    record = Record()
    near: list[bytes] = []
    while observation.next(record):
        if not records:
            near = list(observation.near)
        size = headers(record) if sizes is None else sizes[len(records)]
        start = record.at + (12 if record.link == 1 and size < record.caplen else 0)
        records.append(
            (
                record.number,
                record.time,
                record.caplen,
                record.wirelen,
                record.link,
                record.interface,
                record.source,
                record.timeless,
                observation.frames_before,
                size,
                record.buf[start : record.at + size],
            )
        )
        assert record.at + size + 8 <= len(record.buf), "not padded"
    assert not observation.next(record), "something came after the end"
    notes = observation.notes
    told = {
        "near": near,
        "problems": notes.problems,
        "comments": notes.comments,
        "until": observation.observed_until,
        "sources": observation.sources,
        "links": observation.link_types,
        "left out": observation.left_out,
        "dropped": observation.dropped,
        "bytes": observation.bytes_read,
    }
    observation.close()
    return records, told


def both(paths: list[str], bpf: str = "") -> tuple[Told, Told]:
    """What is read here, and what a child reads."""
    here = walk(open_captures(paths, bpf=bpf))
    child = Relayed(Child(open_captures(paths, bpf=bpf)))
    return here, walk(child, [int(str(record[9])) for record in here[0]])


def check(tmp_path: Path, *contents: bytes, bpf: str = "") -> Told:
    paths = []
    for number, content in enumerate(contents):
        path = tmp_path / f"{number}.cap"
        path.write_bytes(content)
        paths.append(str(path))
    here, there = both(paths, bpf)
    assert here == there
    return there


PCAPNG = (
    make.section(opts=[(1, b"of the section")])
    + make.interface(1, tsresol=9)
    + make.interface(101, tsresol=6)
    + b"".join(
        make.enhanced(n * 1000, PACKETS[n % 9], interface=0, wirelen=len(PACKETS[n % 9]) + n % 2 * 0xF0000000)
        + make.enhanced(n, ip4(tcp(b"!" * n)), interface=1, opts=[(1, b"of a packet")])
        for n in range(8)
    )
    + make.block(0xBAD, b"counts as a frame")
    + make.simple(PACKETS[0])
    + make.statistics(ifdrop=7)
    + make.section(big=True)
    + make.interface(113, big=True)
    + make.enhanced(1 << 40, b"cooked, or not", big=True)
)


def test_pcap(tmp_path: Path) -> None:
    records, told = check(tmp_path, pcap(numbered(5000), nano=True))
    assert len(records) == 5000
    assert told["links"] == [1]
    assert told["bytes"] == (tmp_path / "0.cap").stat().st_size


def test_pcapng_with_interfaces_sections_comments_and_drops(tmp_path: Path) -> None:
    records, told = check(tmp_path, PCAPNG)
    assert {record[5] for record in records} == {0, 1, 2}
    assert [record[0] for record in records][-3:] == [16, 18, 19]
    assert told["dropped"] == 7
    assert len(told["comments"]) == 9  # type: ignore[arg-type]


def test_files_of_all_kinds(tmp_path: Path) -> None:
    contents = [
        pcap(numbered(20)),
        gzip.compress(PCAPNG),
        snoop(numbered(9), drops=3),
        bz2.compress(pcap(numbered(12), big=True)),
        pcap([]),
        lzma.compress(pcapng(numbered(3), link=12)),
    ]
    records, told = check(tmp_path, *contents)
    assert {record[6] for record in records} == {0, 1, 2, 3, 5}
    assert next(record[8] for record in records if record[6] == 3) == 20 + 19 + 9
    assert told["dropped"] == 10
    assert [source.compression for source in told["sources"]] == [None, "gzip", None, "bzip2", None, "xz"]  # type: ignore[attr-defined]


def test_an_empty_capture(tmp_path: Path) -> None:
    assert check(tmp_path, pcap([]))[0] == []


def test_where_it_was_captured_is_known_from_the_first_record_on(tmp_path: Path) -> None:
    address = bytes([10, 0, 0, 1])
    opts = [(4, address + b"\xff\xff\xff\0")]
    section = make.section(opts=[(4, b"tcpfsm extract")])
    data = section + make.interface(opts=opts) + make.enhanced(5, PACKETS[0]) + make.enhanced(6, PACKETS[1])
    late = section + make.interface() + make.enhanced(5, PACKETS[0]) + make.interface(opts=opts) + make.enhanced(6, b"")
    assert check(tmp_path, data)[1]["near"] == [address]
    assert check(tmp_path, late)[1]["near"] == []


@pytest.mark.parametrize("data", [pcap(numbered(4), nano=True), PCAPNG])
def test_cut_at_many_offsets(tmp_path: Path, data: bytes) -> None:
    refused = 0
    step = max(len(data) // 40, 1)
    for size in range(len(data) % step, len(data), step):
        try:
            _, told = check(tmp_path, data[:size])
        except CaptureError:
            refused += 1
            continue
        assert len(told["problems"]) <= 2  # type: ignore[arg-type]
    assert refused <= 2


def test_garbage_in_the_middle(tmp_path: Path) -> None:
    data = bytearray(pcap(numbered(60)))
    data[len(data) // 2 : len(data) // 2 + 400] = b"\xfe" * 400
    _, told = check(tmp_path, bytes(data), pcap(numbered(5)))
    assert [problem.kind for problem in told["problems"]] == ["corrupt"]  # type: ignore[attr-defined]


def test_a_capture_filter(tmp_path: Path) -> None:
    try:
        records, told = check(tmp_path, pcap(numbered(90)), pcap(numbered(9)), bpf="tcp")
    except HelperError as e:
        pytest.skip(str(e))
    assert len(records) == 50 + 5
    assert told["left out"] == 99 - 55


# ---- ends


def large(tmp_path: Path) -> str:
    """More than a pipe holds, so that a child waits to be listened to."""
    path = tmp_path / "large.pcap"
    path.write_bytes(pcap([(n, PACKETS[1]) for n in range(40_000)]))
    return str(path)


def to_the_end(observation: Observation, record: Record) -> None:
    """Read on until there is nothing more."""
    while observation.next(record):
        pass


def is_gone(pid: int) -> bool:
    """Whether there is no such process, not even one that waits to be fetched."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_closed_before_the_end_it_is_gone(tmp_path: Path) -> None:
    child = Child(open_captures([large(tmp_path)]))
    observation = Relayed(child)
    pid = child.pid
    assert observation.next(Record())
    assert not is_gone(pid)
    observation.close()
    assert is_gone(pid)
    observation.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_it_is_an_error_and_no_end(tmp_path: Path, number: signal.Signals) -> None:
    child = Child(open_captures([large(tmp_path)]))
    observation = Relayed(child)
    record = Record()
    assert observation.next(record)
    pid = child.pid
    os.kill(pid, number)
    with pytest.raises(
        HelperError, match=rf"the process that reads the captures was killed \({number.name}\) before"
    ) as e:
        to_the_end(observation, record)
    assert "\n" not in str(e.value)
    assert 0 < record.number < 40_000
    assert is_gone(pid)
    observation.close()


def test_an_interrupt_is_for_the_parent_alone(tmp_path: Path) -> None:
    child = Child(open_captures([large(tmp_path)]))
    observation = Relayed(child)
    record = Record()
    assert observation.next(record)
    os.kill(child.pid, signal.SIGINT)
    to_the_end(observation, record)
    assert record.number == 40_000
    observation.close()


def test_an_error_on_the_way_comes_where_it_would_have_come(tmp_path: Path) -> None:
    """The second file cannot be opened any more when its turn has come."""
    first, second = tmp_path / "first.pcap", tmp_path / "second.pcap"
    first.write_bytes(pcap(numbered(300)))
    second.write_bytes(pcap(numbered(3)))
    messages = []
    for make_observation in (lambda c: c, lambda c: Relayed(Child(c))):
        captures = open_captures([str(first), str(second)])
        second.rename(tmp_path / "away")
        observation = make_observation(captures)
        record = Record()
        with pytest.raises(CaptureError) as e:
            to_the_end(observation, record)
        messages.append((str(e.value), record.number))
        observation.close()
        (tmp_path / "away").rename(second)
    assert messages[0] == messages[1]
    assert messages[0] == (f"{second}: no such file: check the path", 300)


@pytest.mark.parametrize(
    "error",
    [
        CaptureError("a"),
        ConfigError("b"),
        HelperError("c"),
        TcpfsmError("d"),
        OSError(5, "said", "name"),
        MemoryError(),
    ],
)
def test_errors_arrive_as_they_are(error: Exception) -> None:
    import pickle

    again = pickle.loads(packed_error(error))
    assert (type(again), again.args, str(again)) == (type(error), error.args, str(error))


def test_an_error_that_cannot_be_passed_on_is_described() -> None:
    import pickle

    class LocalError(Exception):
        pass

    assert repr(pickle.loads(packed_error(LocalError("why")))) == """RuntimeError("LocalError('why')")"""


# ---- whether


def test_whether_it_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"")
    os.truncate(path, pay.LARGE // 2)
    processors = {0, 1}
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: processors, raising=False)
    assert not pay.is_wanted([str(path)], 0)
    assert pay.is_wanted([str(path), str(path)], 0)
    assert not pay.is_wanted([str(path), str(path), "-"], 0)
    assert not pay.is_wanted([str(path), str(path)], 1)
    assert pay.is_wanted([str(path)], 2)
    processors.discard(1)
    assert not pay.is_wanted([str(path), str(path)], 0)
    assert pay.is_wanted([str(path)], 2)


def test_whether_it_is_possible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    assert pay.is_possible([str(path)], Config())
    assert not pay.is_possible([str(path), str(pipe)], Config())
    assert not pay.is_possible([str(path), "-"], Config())
    assert not pay.is_possible([str(path)], Config(verify_checksums=True))
    assert not pay.is_possible([str(path)], Config(compare_payload=True))
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    assert not pay.is_possible([str(path)], Config())
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    monkeypatch.delattr(os, "fork")
    assert not pay.is_possible([str(path)], Config())


def test_without_another_process_it_goes_on_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(numbered(30)))

    def refuse() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    captures = open_captures([str(path)])
    before = sorted(os.listdir("/dev/fd")) if os.path.isdir("/dev/fd") else []
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    monkeypatch.setattr(os, "fork", refuse)
    observation = pay.relayed(captures, [str(path)], Config(jobs=2))
    assert observation is captures
    assert (sorted(os.listdir("/dev/fd")) if before else []) == before
    assert len(walk(observation)[0]) == 30
