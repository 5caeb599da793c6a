"""The truth about repeated segments, worked out of a run's frames, and what was said of them."""

from __future__ import annotations

from pathlib import Path

from kernel.repeats import AGAIN, COPY, HIDDEN, LATE, LOST, NEW, judged, sent_again, table
from kernel.runs import pcap
from tools.talk import Talk

HEADER = "fid,conn,dir,t_in,fate,client_frames,middle_frame,server_frames"


def recorded(folder: Path) -> Path:
    """A run of one connection: of four segments of data the first is repeated by the wire, the second lost before the client's
    peer, the third held up; the second and the fourth are sent again.
    """
    talk = Talk().handshake()
    first = len(talk.frames)
    for seq, after in ((101, 10), (201, 1), (301, 1), (401, 1), (201, 300), (401, 1)):
        talk.send("client", "PA", seq, 301, b"x" * 100, after=after * 1_000_000)
    one, two, three, four, two_again, four_again = talk.frames[first:]
    opening = talk.frames[:first]

    def at(frame: tuple[int, bytes], ms: int) -> tuple[int, bytes]:
        return frame[0] + ms * 1_000_000, frame[1]

    captures = {
        "client": [*opening, one, two, three, four, two_again, four_again],
        "server": [*opening, at(one, 2), at(one, 3), at(four, 2), at(three, 5), at(two_again, 2), at(four_again, 2)],
    }
    captures["middle"] = captures["client"]
    for tap, frames in captures.items():
        (folder / f"{tap}.pcap").write_bytes(pcap((time, data, len(data)) for time, data in frames))
    rows = [
        (0, "1", "1"),
        (1, "2", "2"),
        (2, "3", "3"),
        (3, "4", "4|5"),
        (4, "5", ""),
        (5, "6", "7"),
        (6, "7", "6"),
        (7, "8", "8"),
        (8, "9", "9"),
    ]
    lines = [f"{fid},1,c2s,0,fwd,{here},{here},{there}" for fid, here, there in rows]
    (folder / "frames.csv").write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return folder


def test_what_really_became_of_the_frames(tmp_path: Path) -> None:
    run = recorded(tmp_path)
    again = sent_again(run)
    assert again == {3: False, 4: False, 5: False, 6: False, 7: True, 8: True}
    assert judged(run, "client", again) == {(NEW, NEW): 4, (AGAIN, AGAIN): 2}
    assert judged(run, "server", again) == {
        (NEW, NEW): 2,
        (COPY, COPY): 1,
        (LATE, LATE): 1,
        (LOST, LOST): 1,
        (AGAIN, AGAIN): 1,
    }


def test_the_table_tells_of_every_kind(tmp_path: Path) -> None:
    text = table([recorded(tmp_path)])
    assert "| new | 10 | 100.00 % |  |" in text
    assert f"| {LATE} | 1 | 100.00 % |  |" in text
    assert f"| {HIDDEN} | 0 |  |  |" in text
