"""expected.toml: what is known of the connections in each sample, and which findings a reader of the design expects."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SECTION = re.compile(r"^\n\[([\w-]+)\]\n", re.MULTILINE)
HEAD = """\
# What is true of the samples, and what tcpfsm ought to say of them.  Written by record.py and craft.py.
#
# client_state, server_state: the states at the end of the capture.
#   truth = "kernel": as `ss` listed them in the two hosts right after the last frame.  Where there is no socket: LISTEN
#   if the server never answered and something listens there, else CLOSED; compare the two as one, "no connection".
#   truth = "reading": nobody could be asked (made-up frames, an earlier use of the same ports): by RFC 9293.
# unknowable: endpoints whose true state cannot be told from the frames; it may only be among the possible ones.
# client_seen, server_seen: that host lost its connection without a word; what the frames leave it in.
# others: so many connections more, all alike, and at most how many findings of single ones among them.
# findings: all of them, of every family; those of the capture as a whole only in the list of all.
#   They are a person's reading of the rule catalogue.  Nothing computed them.
# lost: frames in this capture that never reached the other host.
# The same client and server twice: two connections, one after the other, on the same ports.
"""


def put(name: str, entry: dict[str, Any]) -> None:
    """Add or replace the entry of one sample; the others stay as they are written, with the remarks of people."""
    path = HERE / "expected.toml"
    _, *texts = SECTION.split(path.read_text()) if path.exists() else [""]
    known = dict(zip(texts[::2], texts[1::2], strict=True))
    known[name] = section(name, entry).partition("]\n")[2]
    path.write_text(HEAD + "".join(f"\n[{key}]\n{known[key]}" for key in sorted(known)))


def section(name: str, entry: dict[str, Any]) -> str:
    """One sample as TOML text; a string or list of JSON is also one of TOML."""
    lines = [f"\n[{name}]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in entry.items() if key not in ("connections", "others")]
    if "others" in entry:
        lines += [f"others = {inline(entry['others'])}"]
    lines += ["connections = [", *(f"  {inline(connection)}," for connection in entry["connections"]), "]"]
    return "\n".join(lines) + "\n"


def inline(table: dict[str, Any]) -> str:
    return "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in table.items()) + " }"


def entry(facts: dict[str, Any], connections: list[dict[str, Any]], also: list[str]) -> dict[str, Any]:
    """The entry of one sample: its facts, the findings of its connections and ``also``, its connections."""
    found = {rule for connection in connections for rule in connection["findings"]} | set(also)
    return {**facts, "findings": sorted(found), "connections": connections}
