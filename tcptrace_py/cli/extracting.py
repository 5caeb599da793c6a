"""``tcpfsm extract`` from its options to the exit status: an analysis that finds the connections, and a second reading."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO, NamedTuple

from tcptrace_py.capture import Captures, open_captures
from tcptrace_py.capture.listed import Listed
from tcptrace_py.cli import exits
from tcptrace_py.cli.analysis import SECOND, timers, without_collector
from tcptrace_py.cli.extraction_text import told
from tcptrace_py.cli.options import config_from, names
from tcptrace_py.cli.output import naming, open_output, spare
from tcptrace_py.cli.progress import Progress
from tcptrace_py.cli.running import wants_color
from tcptrace_py.cli.show import draws
from tcptrace_py.cli.showing import owner_of
from tcptrace_py.config import Config
from tcptrace_py.decode import Decoder
from tcptrace_py.errors import ConfigError
from tcptrace_py.extraction.comments import Comments
from tcptrace_py.extraction.files import StreamFiles
from tcptrace_py.extraction.folder import Folder
from tcptrace_py.extraction.follow import Follow, Look
from tcptrace_py.extraction.loop import Loop
from tcptrace_py.extraction.selection import Selection
from tcptrace_py.gate.settings import load
from tcptrace_py.ladder.choice import Choice, parse
from tcptrace_py.machine.connection import Connection
from tcptrace_py.machine.flowtable import key_of
from tcptrace_py.machine.parking import Parked
from tcptrace_py.machine.registry import Limits
from tcptrace_py.machine.tracker import Tracker
from tcptrace_py.pipeline import Pipeline
from tcptrace_py.reassembly.assembly import Assembly, Chosen, Roster
from tcptrace_py.reassembly.comparison import Comparison
from tcptrace_py.reassembly.conversation import Conversation
from tcptrace_py.report.phrases import count
from tcptrace_py.report.sink import EVERY
from tcptrace_py.report.text import printable, storable
from tcptrace_py.rules.finding import Finding
from tcptrace_py.rules.judge import Judge
from tcptrace_py.where.filter import filter_of

MOST_SPOOLED = 1 << 30
"""Bytes of standard input that are kept on disk, to be read twice."""
_BLOCK = 1 << 20

Tick = Callable[[Captures], None] | None


class Survey:
    """What the analysis has found out for the extraction."""

    def __init__(self, selection: Selection, *, alone: bool) -> None:
        """``alone``: take no other use of the same ports along."""
        self.selection = selection
        self.alone = alone
        self.roster = Roster()
        self.keys: dict[int, bytes] = {}  # of the chosen connections, by number
        self.along: set[int] = set()  # numbers of those that are taken along
        self.comments = Comments()
        self.count = 0  # connections in the capture
        self.until = 0
        self.near: list[bytes] = []
        self.has_fragments = False
        self.problems: list[str] = []
        self._replaced: dict[
            int, Chosen
        ] = {}  # those that were replaced on their ports, by the first frame of the other

    def take(self, c: Connection, findings: list[Finding]) -> None:
        """A connection that can no longer change.

        The states of one that replaces another on its ports, and of the other, rest on the frames of both.
        """
        wanted = self.selection.takes(c, findings)
        part = Chosen(c.number, c.key, c.first_frame, c.takes_from, c.last_frame, wanted)
        if c.successor >= 0:
            self._replaced[int(c.successor)] = part
        if wanted:
            self.comments.cite(findings)
        self.place(part)

    def take_parked(self, parked: Parked) -> None:
        """One that closed without incident, and was packed when it had."""
        key = key_of(parked)
        wanted = self.selection.takes_parked(parked.number, key)
        self.place(Chosen(parked.number, key, parked.first_frame, parked.first_frame, parked.last_frame, wanted))

    def place(self, part: Chosen) -> None:
        """Put it among the others, if it is wanted or comes beside one that is."""
        older = self._replaced.pop(int(part.first_frame), None)
        if part.wanted:
            self.keys[int(part.number)] = part.key
            if older is not None and not older.wanted:
                if not self.roster.knows(older.key):
                    self.roster.add(older)
                self.take_along(older)
        elif older is not None and older.wanted:
            self.take_along(part)
        if part.wanted or self.roster.knows(part.key):
            self.roster.add(part)

    def take_along(self, part: Chosen) -> None:
        """A neighbour of a chosen connection."""
        if not self.alone:
            part.taken_along = True
            self.along.add(int(part.number))


class Source(NamedTuple):
    """The captures, which can be read several times."""

    paths: Sequence[str]
    config: Config
    stdin: BinaryIO | None
    tick: Tick

    def open(self) -> Captures:
        """From the beginning."""
        if self.stdin is not None:
            self.stdin.seek(0)
        return open_captures(self.paths, self.stdin)

    def decoder(self) -> Decoder:
        """A new one."""
        return Decoder(self.config.verify_checksums)


def run_extract(captures: Sequence[str], options: dict[str, Any]) -> int:
    """Extract, say what was written, warn, and return the exit status.  Raises TcpfsmError and OSError."""
    check(captures, options)
    config = config_from({**options, "fail_on": "never"}, load(options["config"]))
    followed: str | None = options["follow"]
    words = [followed] if followed is not None else list(options["connections"])
    choices = [parse([word]) for word in words]
    with ExitStack() as stack:
        stdin = stack.enter_context(spooled()) if "-" in captures else None
        progress = stack.enter_context(
            Progress(captures, enabled=not options["no_progress"] and not options["quiet"] and followed is None)
        )
        source = Source(captures, config, stdin, progress.update if progress.visible else None)
        where = filter_of(config)
        selection = Selection(numbered(choices, source), names(options["rules"]), names(options["states"]), where)
        findings_matter = any(options[name] for name in ("pcap", "rules", "where"))
        detailed = where is not None and where.detailed
        survey = look(source, selection, alone=options["alone"], compares=findings_matter, detailed=detailed)
        if followed is not None:
            missing = follow(source, survey, options)
        else:
            missing = extract(source, survey, options)
    if not options["quiet"]:
        for problem in survey.problems[:5]:
            print(f"tcpfsm: warning: {problem}", file=sys.stderr)
    return exits.DAMAGED if options["strict"] and (missing or survey.problems) else exits.DONE


def check(captures: Sequence[str], options: dict[str, Any]) -> None:
    """Raises ConfigError for what makes no sense together, and for captures that cannot be read twice."""
    wanted = [name for name in ("streams", "pcap", "follow") if options[name] is not None]
    if not wanted:
        raise ConfigError("extract what? --streams DIR, --pcap FILE or --follow CONNECTION (see tcpfsm extract --help)")
    if "follow" in wanted and (
        len(wanted) > 1 or any(options[name] for name in ("connections", "rules", "states", "where", "display_filter"))
    ):
        raise ConfigError("--follow names the one connection that it prints, and goes with no other choice or output")
    if "follow" not in wanted and options["output"] is not None:
        raise ConfigError("--output is for --follow; --streams and --pcap name where they write")
    if options["fill"] is not None and options["streams"] is None:
        raise ConfigError("--fill is for --streams")
    byte_of(options["fill"])
    for path in captures:
        try:
            regular = path == "-" or stat.S_ISREG(os.stat(path).st_mode)
        except (OSError, ValueError):
            continue  # opening it tells what is wrong
        if not regular and not os.path.isdir(path):
            raise ConfigError(
                f"{printable(path)}: is a pipe or device, and captures are read twice: use - for standard input"
            )
    spare(captures, options["pcap"])
    spare(captures, options["output"])


def spooled() -> BinaryIO:
    """Standard input as a file.  Raises ConfigError when it is too long."""
    if sys.stdin is None:
        raise ConfigError("standard input is closed: name a capture")
    file: BinaryIO = tempfile.TemporaryFile(prefix="tcpfsm-")  # noqa: SIM115 - the caller closes it
    kept = 0
    with naming(tempfile.gettempdir()):
        while block := sys.stdin.buffer.read(_BLOCK):
            kept += len(block)
            if kept > MOST_SPOOLED:
                file.close()
                raise ConfigError(
                    f"standard input is longer than {MOST_SPOOLED >> 20} MiB, and is read twice: save it to a file first"
                )
            file.write(block)
    return file


def numbered(choices: Sequence[Choice], source: Source) -> list[Choice]:
    """Choices by frame, as the numbers of the connections that these belong to.  Raises ConfigError."""
    made = []
    for choice in choices:
        if choice.frame >= 0:
            if source.stdin is not None:
                source.stdin.seek(0)
            number = owner_of(source.paths, source.config, choice, source.tick, source.stdin)
            made.append(Choice(choice.text, number=number))
        else:
            made.append(choice)
    return made


def look(source: Source, selection: Selection, *, alone: bool, compares: bool, detailed: bool) -> Survey:
    """The first reading; ``compares`` payload for the finding of it; ``detailed``: figures are asked for that it need not keep.

    Raises CaptureError, and ConfigError where a connection that was named is not there.
    """
    survey = Survey(selection, alone=alone)
    config = source.config
    captures = source.open()
    try:
        listed = listed_for(source, selection)
        decoder = source.decoder()
        tracker = Tracker(timers(config), Limits(config.max_connections, round(config.thresholds.stuck * SECOND)))
        tracker.detailed = detailed
        tick = None if source.tick is None else lambda: source.tick(captures)  # type: ignore[misc]
        comparison = Comparison() if compares else None
        pipeline = Pipeline(
            captures, decoder, tracker, Judge(config), survey.take, EVERY, tick, None, comparison, listed
        )
        tracker.keeps_first = 0  # but for those that must be asked about, most need not be kept whole
        tracker.may_want = selection.needs_whole
        pipeline.take_parked = survey.take_parked
        with without_collector():
            pipeline.run()
    finally:
        captures.close()
    survey.count = int(tracker.count)
    for choice in selection.unmet():
        raise ConfigError(f"no connection {choice.text} among {survey.count}: tcpfsm analyze --format csv lists them")
    survey.comments.cite(pipeline.capture_findings)
    survey.comments.keep(captures.comments)
    survey.until = max(int(pipeline.tally.end), captures.observed_until)
    ends = {end for key in survey.keys.values() for end in (key[: (len(key) - 4) // 2], key[(len(key) - 4) // 2 : -4])}
    first = min((*survey.keys, *survey.along), default=0)
    survey.near = [address for address in tracker.vantage.near_before(first) if address in ends]
    survey.has_fragments = bool(decoder.fragments.reassembled)
    survey.problems = [printable(problem.message) for problem in captures.problems]
    return survey


def listed_for(source: Source, selection: Selection) -> Listed | None:
    """The frames that match the display filter, if there is one; the selection asks for their connections then.

    Raises ConfigError, CaptureError and HelperError.
    """
    if not source.config.display_filter:
        return None
    from tcptrace_py.cli.bridging import Matching, ask

    listed = ask(source.paths, source.config, None)
    selection.where = Matching(listed, selection.where)
    return listed


def extract(source: Source, survey: Survey, options: dict[str, Any]) -> bool:
    """The second reading, into files; returns whether bytes are missing."""
    folder: str | None = options["streams"]
    path: str | None = options["pcap"]
    files = None
    if folder is not None:
        files = StreamFiles(Folder(folder), survey.keys, survey.count, byte_of(options["fill"]))
        files.folder.clear(files.names(), force=options["force"])
    writer = None
    with ExitStack() as stack:
        if path is not None:
            from tcptrace_py.capture.writer import Writer  # with dpkt, which takes its time

            out = stack.enter_context(open_output(path))
            writer = Writer(out, comment_of(source, survey), survey.comments.by_frame, survey.near)
        assembly = None if files is None else Assembly(files, survey.roster)
        captures = source.open()
        try:
            close = files.close if files is not None else no_conversation
            tick = None if source.tick is None else lambda: source.tick(captures)  # type: ignore[misc]
            loop = Loop(captures, source.decoder(), survey.roster, assembly, writer, close, tick)
            if writer is not None and survey.has_fragments:
                loop.fragments = fragments_of(source, survey)
            with naming(folder if files is not None else path):
                loop.run()
                if files is not None:
                    files.finish()
                if writer is not None:
                    writer.finish(survey.until)
        finally:
            captures.close()
    if not options["quiet"]:
        lines = told(survey.count, len(survey.keys), len(survey.along), files, folder, writer, path)
        print("\n".join(lines), file=sys.stderr if path == "-" else sys.stdout)
    return files is not None and files.totals.missing_bytes > 0


def follow(source: Source, survey: Survey, options: dict[str, Any]) -> bool:
    """The second reading, printed; returns whether bytes are missing."""
    if len(survey.keys) > 1:
        numbers = ", ".join(map(str, list(survey.keys)[:10]))
        raise ConfigError(
            f"{count(len(survey.keys), 'connection')} have used these ports: choose one by number: {numbers}"
        )
    path: str | None = options["output"]
    raw = options["format_name"] == "raw"
    if raw and path is None and sys.stdout is not None and sys.stdout.isatty():
        raise ConfigError("raw bytes are not for a terminal: use --output FILE, a pipe, or --format hex")
    ((number, key),) = survey.keys.items()
    with open_output(path) as out:
        ascii_only = path is None and not draws(sys.stdout.encoding)
        follower = Follow(
            out, key, number, Look(options["format_name"], wants_color(options["color"], path), ascii_only)
        )
        captures = source.open()
        try:
            assembly = Assembly(follower, survey.roster, eager=True)
            Loop(captures, source.decoder(), survey.roster, assembly, None, follower.close, None).run()
        finally:
            captures.close()
    if raw and follower.missing and not options["quiet"]:
        print(f"tcpfsm: warning: {count(follower.missing, 'byte')} missing", file=sys.stderr)
    return follower.missing > 0


def fragments_of(source: Source, survey: Survey) -> set[int]:
    """Frames that hold fragments of chosen segments: a reading of its own, for captures that have any."""
    captures = source.open()
    try:
        loop = Loop(captures, source.decoder(), survey.roster, None, None, no_conversation, None)
        loop.find_fragments()
    finally:
        captures.close()
    return loop.fragments


def no_conversation(_talk: Conversation) -> None:
    """Where no streams are put together, none end."""


def byte_of(text: str | None) -> int | None:
    """``0``, ``0x2e`` or ``.`` as a number.  Raises ConfigError."""
    if text is None:
        return None
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if not 0 <= value <= 255:
        raise ConfigError(f"--fill: {printable(text)!r} is not a byte: a number from 0 to 255")
    return value


def comment_of(source: Source, survey: Survey) -> str:
    """What the new capture says of itself."""
    where = ", ".join(storable("standard input" if path == "-" else os.path.basename(path)) for path in source.paths)
    return (
        f"{count(len(survey.keys), 'connection')} of {survey.count} in {where}. "
        "Frame and connection numbers in comments are those of the original."
    )
