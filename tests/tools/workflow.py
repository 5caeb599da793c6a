"""Runs a documented CI job: its ``run:`` steps in their order, by GitHub's rules, with stand-ins for what only its machines have."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tools.helpers import put_program
from tools.program import COMMAND, environment

ALWAYS = ("always()", "${{ !cancelled() }}")
"""Conditions under which a step runs after one that failed."""

STAND_INS = {
    "tcpfsm": f'exec {shlex.join(COMMAND)} "$@"',
    "sudo": 'exec "$@"',
    "pip": "exit 0",  # installation has tests of its own
    "sleep": "exec /bin/sleep 0.05",
}
RECORDER = """
echo "tcpdump: listening on lo, link-type EN10MB (Ethernet), snapshot length 262144 bytes" >&2
while [ "$1" != -w ]; do shift; done
cp recorded.pcap "$2"
trap 'exit 0' TERM
while :; do sleep 0.05; done
"""
"""Instead of tcpdump, where what is sent is not to be recorded but given, in recorded.pcap."""


class Done(NamedTuple):
    """What came of a job."""

    failed: list[str]
    """Names of the steps that failed; none: the job is green."""
    used: list[dict[str, Any]]
    """Steps of others that would have run (``uses:``)."""
    output: str
    summary: Path


def steps_of(text: str) -> list[dict[str, Any]]:
    """The steps of the only job of a workflow."""
    [job] = yaml.safe_load(text)["jobs"].values()
    found: list[dict[str, Any]] = job["steps"]
    return found


def run_job(
    steps: list[dict[str, Any]], folder: Path, tools: Path, prefix: Sequence[str] = (), **stand_ins: str
) -> Done:
    """Run the steps in ``folder``, with the stand-ins in ``tools``; ``prefix``: words before the command of each."""
    tools.mkdir(exist_ok=True)
    for name, body in {**STAND_INS, **stand_ins}.items():
        put_program(tools / name, f"#!/bin/sh\n{body}\n")
    summary = tools / "summary.md"
    summary.write_text("")
    env = environment(PATH=f"{tools}:{os.environ['PATH']}", USER="root", GITHUB_STEP_SUMMARY=str(summary))
    failed: list[str] = []
    used: list[dict[str, Any]] = []
    output = ""
    for step in steps:
        condition = step.get("if")
        assert condition in (None, *ALWAYS), condition
        if failed and condition is None:
            continue
        if "uses" in step:
            used.append(step)
            continue
        script = tools / "step.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            [*prefix, "bash", "-e", str(script)],  # as GitHub does where no shell is named
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        output += done.stdout
        if done.returncode:
            failed.append(str(step.get("name", step["run"])))
    return Done(failed, used, output, summary)
