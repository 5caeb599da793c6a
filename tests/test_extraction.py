"""What is extracted is what was there: streams are what was sent, and a carved capture is analysed as its original was."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tcptrace_py.capture import open_captures
from tcptrace_py.packet import Record
from tools.captures import SECOND, enhanced, interface, section
from tools.captures import pcap as pcap_of
from tools.program import SAMPLES, here
from tools.talk import Talk as Frames
from tools.transfers import Frame, Talk, check, randbytes

# ---- streams


def wire(seed: int, talks: list[Talk], *, missed: float) -> list[Frame]:
    """What a tap sees of these transfers over a link that loses, reorders and duplicates; ``missed``: by the tap itself."""
    chance = random.Random(seed)
    frames: list[Frame] = []
    for talk in talks:
        made = Frames(talk.client, talk.server)
        isns = {"client": chance.getrandbits(32), "server": chance.getrandbits(32)}
        if chance.random() < 0.5:
            isns["client"] = 2**32 - 2000  # wraps
        data = {"client": talk.said, "server": talk.answered}
        made.send("client", "S", isns["client"])
        made.send("server", "SA", isns["server"], isns["client"] + 1)
        sends = list(segments(chance, data))
        for who, start, end, acked in sends:
            other = "server" if who == "client" else "client"
            seq, ack = (isns[who] + 1 + start) % 2**32, (isns[other] + 1 + acked) % 2**32
            made.send(who, "A", seq, ack, data[who][start:end])
        for who, other in (("client", "server"), ("server", "client")):
            seq, ack = (isns[who] + 1 + len(data[who])) % 2**32, (isns[other] + 1 + len(data[other])) % 2**32
            made.send(who, "FA", seq, ack)
        made.send(
            "client",
            "A",
            (isns["client"] + 2 + len(talk.said)) % 2**32,
            (isns["server"] + 2 + len(talk.answered)) % 2**32,
        )
        frames += [f for f in made.frames if f[1][47] & 2 or chance.random() >= missed]
    return sorted(frames, key=lambda f: f[0])


def segments(chance: random.Random, data: dict[str, bytes]) -> Iterator[tuple[str, int, int, int]]:
    """Who sends which bytes, and how much of the peer's it has acknowledged, in the order in which the tap sees them."""
    have = dict.fromkeys(data, 0)
    queues: dict[str, list[tuple[int, int]]] = {}
    for who, text in data.items():
        queue, at = [], 0
        while at < len(text):
            end = min(len(text), at + chance.choice((1, 100, 536, 1448, 1448, 1448)))
            queue.append((at, end))
            at = end
        for n in range(len(queue)):
            luck = chance.random()
            if luck < 0.06:  # late: sent again after some others
                queue.insert(min(len(queue), n + chance.randrange(2, 40)), queue.pop(n))
            elif luck < 0.1:
                queue.insert(min(len(queue), n + chance.randrange(1, 20)), queue[n])
            elif luck < 0.12:  # again, cut elsewhere
                start = max(0, queue[n][0] - 300)
                queue.insert(min(len(queue), n + 3), (start, min(len(text), start + 1448)))
        queues[who] = queue
    got: dict[str, set[tuple[int, int]]] = defaultdict(set)
    while any(queues.values()):
        who = chance.choice([w for w in queues if queues[w]])
        start, end = queues[who].pop(0)
        other = "server" if who == "client" else "client"
        yield who, start, end, have[other]
        got[who].add((start, end))
        while more := [b for a, b in got[who] if a <= have[who] < b]:
            have[who] = max(more)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_streams_are_what_was_sent_and_holes_what_was_missed(seed: int, tmp_path: Path) -> None:
    talks = [
        Talk(
            (f"10.0.0.{n}", 40000 + n),
            ("10.0.1.1", 80),
            randbytes(f"{seed}{n}c", size),
            randbytes(f"{seed}{n}s", 90_000),
        )
        for n, size in enumerate((0, 1, 50_000, 200_000), 1)
    ]
    for name, missed in (("whole", 0.0), ("thin", 0.05)):
        frames = wire(seed, talks, missed=missed)
        path = tmp_path / f"{name}.pcap"
        path.write_bytes(pcap_of(frames, nano=True))
        found = check(path, frames, talks, tmp_path / name)
        assert found["streams"] == 8
        assert (found["whole"] == 8) == (missed == 0)
        assert (found["holes"] > 20) == (missed > 0)


# ---- captures


def analysed(path: Path, out: Path) -> dict[str, Any]:
    assert here("analyze", path, "--format", "json", "-o", out, "--quiet") == 0
    result: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return result


def records(path: Path) -> list[tuple[int, int, bytes, int, int]]:
    """Frame, time, bytes, length on the wire and link type."""
    captures, record = open_captures([str(path)]), Record()
    found = []
    while captures.next(record):
        data = bytes(record.buf[record.at : record.at + record.caplen])
        found.append((int(record.number), int(record.time), data, int(record.wirelen), int(record.link)))
    return found


def numbers(original: Path, carved: Path) -> dict[int, int]:
    """The original's frame for each of the carved one's; they come in the same order, and are the same in all else."""
    rest = iter(records(original))
    return {new[0]: next(old[0] for old in rest if old[1:] == new[1:]) for new in records(carved)}


NOT_KEPT = {"id", "incarnation", "message", "connection"}
"""Numbers of connections, and sentences with numbers of frames."""


def told(value: Any, frames: dict[int, int], name: str = "") -> Any:
    """A report with the original's frame numbers."""
    if isinstance(value, dict):
        return {key: told(item, frames, key) for key, item in value.items() if key not in NOT_KEPT}
    if isinstance(value, list):
        return [told(item, frames, name) for item in value]
    if isinstance(value, int) and ("frame" in name or name in ("confirmed_by", "refuted_by", "original")):
        return frames.get(value, value)
    return value


def by_first_frame(report: dict[str, Any], frames: dict[int, int]) -> dict[int, Any]:
    """Each connection with its findings."""
    return {
        frames.get(c["first_frame"], c["first_frame"]): (
            told(c, frames),
            [told(f, frames) for f in report["findings"] if f["connection"] == c["id"]],
        )
        for c in report["connections"]
    }


def compare(original: Path, tmp_path: Path, *choice: str, of: set[int] | None = None) -> int:
    """Carve, and analyse both; returns how many connections were compared."""
    carved = tmp_path / "carved.pcapng"
    assert here("extract", original, "--pcap", carved, "--quiet", *choice) == 0
    frames = numbers(original, carved)
    before = analysed(original, tmp_path / "before.json")
    expected = by_first_frame(before, {})
    found = by_first_frame(analysed(carved, tmp_path / "after.json"), frames)
    wanted = [c["first_frame"] for c in before["connections"] if of is None or c["id"] in of]
    assert [found[frame] for frame in wanted] == [expected[frame] for frame in wanted]
    return len(wanted)


SMALL = sorted(path for path in SAMPLES.glob("*.pcap") if path.stat().st_size < 60_000)


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_a_capture_of_all_connections_is_analysed_as_its_original(path: Path, tmp_path: Path) -> None:
    assert compare(path, tmp_path) > 0


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("demo", (1, 4, 7)),
        ("stuck-close-wait", (3, 13)),
        ("time-wait-reuse", (1, 2)),
        ("client-reboots", (1, 2)),
        ("midstream", (1,)),
        ("icmp-rejected", (1,)),
        ("stale-syn", (1, 2)),
    ],
)
def test_a_capture_of_one_connection_is_analysed_as_in_its_original(
    name: str, numbers: tuple[int, ...], tmp_path: Path
) -> None:
    for number in numbers:
        assert compare(SAMPLES / f"{name}.pcap", tmp_path, "-c", str(number), of={number}) == 1


def mixed(tmp_path: Path) -> Path:
    """Two interfaces and two link types, a cut frame, and a segment in IP fragments."""
    talk = Frames().handshake().send("client", "PA", 101, 301, b"in two fragments").close()
    frames = list(talk.frames)
    time, whole = frames[3]
    head, body = whole[:34], whole[34:]
    parts = [
        (time, head[:16] + (20 + 24).to_bytes(2, "big") + head[18:20] + b"\x20\x00" + head[22:] + body[:24]),
        (
            time + 1000,
            head[:16] + (20 + len(body) - 24).to_bytes(2, "big") + head[18:20] + b"\x00\x03" + head[22:] + body[24:],
        ),
    ]
    other = Frames(("10.0.0.9", 41000)).handshake().close()
    blocks = [section(), interface(1, tsresol=9), interface(101, tsresol=9)]
    both = [*((t, 0, f) for t, f in (*frames[:3], *parts, *frames[4:])), *((t + 5, 1, f[14:]) for t, f in other.frames)]
    for when, number, frame in sorted(both):
        blocks.append(enhanced(when, frame[:60], interface=number, wirelen=len(frame)))
    path = tmp_path / "mixed.pcapng"
    path.write_bytes(b"".join(blocks))
    return path


def test_fragments_interfaces_and_cut_frames_go_along(tmp_path: Path) -> None:
    path = mixed(tmp_path)
    assert compare(path, tmp_path) == 2
    assert len(records(tmp_path / "carved.pcapng")) == len(records(path))
    assert compare(path, tmp_path, "-c", "1", of={1}) == 1
    carved = records(tmp_path / "carved.pcapng")
    assert {record[4] for record in carved} == {1}
    assert len(carved) == 9
    assert here("extract", path, "--streams", tmp_path / "s", "-c", "1", "--quiet") == 0
    assert next((tmp_path / "s").glob("*client*")).read_bytes() == b"in two fragments"


def test_tshark_reads_the_same_frames_with_the_comments(tmp_path: Path) -> None:
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    original, carved = SAMPLES / "stuck-close-wait.pcap", tmp_path / "carved.pcapng"
    assert here("extract", original, "--rule", "stuck-close-wait", "--pcap", carved, "--quiet") == 0
    fields = ["frame.time_epoch", "frame.len", "frame.cap_len", "ip.id", "tcp.seq_raw", "tcp.ack_raw", "tcp.flags"]

    def read(path: Path, *more: str) -> list[list[str]]:
        command = [
            tshark,
            "-r",
            str(path),
            "-T",
            "fields",
            *(part for name in (*fields, *more) for part in ("-e", name)),
        ]
        command += ["-o", "tcp.desegment_tcp_streams:FALSE"]
        lines = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout.splitlines()
        return [line.split("\t") for line in lines]

    new, old = read(carved, "frame.comment"), read(original)
    kept = numbers(original, carved)
    assert [line[:-1] for line in new] == [old[number - 1] for number in kept.values()]
    comments = {frame: line[-1] for frame, line in zip(kept.values(), new, strict=True) if line[-1]}
    findings = [f for f in analysed(original, tmp_path / "r.json")["findings"] if f["connection"] in (3, 5, 6)]
    cited = {frame for f in findings for frame in (f["frame"], *f["related_frames"])}
    assert set(comments) == cited
    for f in findings:
        assert f"{f['rule']} (connection {f['connection']}), frame {f['frame']}: {f['message']}" in comments[f["frame"]]


def test_the_end_of_observation_is_carried_along(tmp_path: Path) -> None:
    frames = Frames().handshake().send("client", "FA", 101, 301).stay(100).frames
    path, carved = tmp_path / "c.pcap", tmp_path / "d.pcapng"
    path.write_bytes(pcap_of(frames, nano=True))
    assert here("extract", path, "--pcap", carved, "--quiet") == 0
    (c,) = analysed(carved, tmp_path / "r.json")["connections"]
    assert round(c["observed_until"] * SECOND) // 1000 == frames[-1][0] // 1000
    assert c["findings"] == analysed(path, tmp_path / "r.json")["connections"][0]["findings"] != []
