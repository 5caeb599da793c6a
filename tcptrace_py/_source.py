"""Run the engine from its source although it is installed compiled.

A compiled installation holds each module of the engine twice, as an extension module and as the source it was made from, and
Python prefers the extension.  Loaded by the package when ``TCPFSM_PURE`` is set, so that one installation can be tested both ways.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from types import ModuleType

_PREFIX = f"{__package__}."


class SourceFinder:
    """A finder that sees the ``.py`` files of this package, and nothing else."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if path is None or not name.startswith(_PREFIX):
            return None
        for folder in path:
            spec = FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(name)
            if spec is not None and spec.loader is not None:
                return spec
        return None


def prefer_source() -> None:
    """From here on, import this package's modules from their source."""
    sys.meta_path.insert(0, SourceFinder)
