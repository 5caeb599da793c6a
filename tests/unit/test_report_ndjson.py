from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator

import pytest

from tcptrace_py.cli.analysis import analyze
from tcptrace_py.config import Config
from tcptrace_py.report.as_ndjson import Ndjson
from tcptrace_py.report.sink import Style
from tools.captures import pcap_header, pcap_record
from tools.talk import SECOND, Talk


class Watched(io.RawIOBase):
    """Throws away what is written, and remembers where in the input that was."""

    def __init__(self, source: io.BytesIO) -> None:
        self.source = source
        self.seen: list[tuple[str, int]] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        assert isinstance(data, bytes)
        self.seen.append((json.loads(data)["type"], self.source.tell()))
        return len(data)


def many(count: int) -> Iterator[tuple[int, bytes]]:
    """Connections one after another, ten minutes apart, so that each is forgotten before many more have come."""
    for n in range(count):
        talk = Talk(client=("10.0.0.1", 1024 + n), time=1_700_000_000 * SECOND + n * 600 * SECOND)
        yield from talk.handshake().close().frames


def test_a_connection_is_written_when_it_can_no_longer_change() -> None:
    data = pcap_header() + b"".join(pcap_record(frame) for frame in many(1000))
    source = io.BytesIO(data)
    out = Watched(source)
    analyze(["-"], Config(), Ndjson(out, Style()), stdin=source)  # type: ignore[arg-type]
    written = [at for kind, at in out.seen if kind == "connection"]
    assert len(written) == 1000
    assert len([at for at in written if at < len(data)]) > 100, "all were kept until the end"
    assert [kind for kind, _ in out.seen][-2:] == ["capture", "summary"]


def test_memory_does_not_grow_with_the_number_of_connections() -> None:
    def peak(count: int) -> int:
        source = io.BytesIO(pcap_header() + b"".join(pcap_record(frame) for frame in many(count)))
        tracemalloc.start()
        analyze(["-"], Config(), Ndjson(Watched(io.BytesIO()), Style()), stdin=source)  # type: ignore[arg-type]
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    few, more = peak(1000), peak(2500)  # what is kept for 2 MSL, and for the next sweep, has its full size by then
    assert more < few + 600_000, "a tenth of a connection for each further one: what Watched has seen, and the table"


@pytest.mark.parametrize("kind", ["json", "table", "csv", "markdown"])
def test_other_formats_take_the_same_connections(kind: str) -> None:
    from tools.sinking import analysed

    _, result = analysed(list(many(20)), kind)
    assert result.summary.connections == 20
