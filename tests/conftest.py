"""What all tests share: which tcpfsm they test, and how to run it as a program.

``pytest`` tests the installed package, compiled or not; ``python -m pytest`` has the checkout on its path and tests that.  The
header says which.  With ``TCPFSM_EXPECT_ENGINE=compiled`` or ``interpreted`` (as .ci/run sets it) only an installed package with that
engine will do.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import tcptrace_py
from tcptrace_py.engine import ENGINE, REASON

CHECKOUT = Path(__file__).resolve().parents[1]
PACKAGE = Path(tcptrace_py.__file__).resolve().parent
INSTALLED = PACKAGE.parent != CHECKOUT


def pytest_report_header() -> str:
    return f"tcpfsm {tcptrace_py.__version__}: {ENGINE} ({REASON}), {'installed' if INSTALLED else 'the checkout'}: {PACKAGE}"


def pytest_configure() -> None:
    # a shell without job control starts what it puts in the background with the signal ignored, and children inherit that
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    expected = os.environ.get("TCPFSM_EXPECT_ENGINE", "")
    if expected and (expected != ENGINE or not INSTALLED):
        raise pytest.UsageError(f"expected an installed, {expected} engine; got {pytest_report_header()}")


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder of pyproject.toml, with the samples and the documentation."""
    return CHECKOUT


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Python in a process of its own, from an empty folder, with the tcpfsm under test.

    ``python("-c", code, TCPFSM_PURE="1")``: arguments, then changes to the environment.
    """

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment}
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=60)

    return run
