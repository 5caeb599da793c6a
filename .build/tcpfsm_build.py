"""The build backend: setuptools, and mypyc where a C compiler works.

Building is asked for by ``pip install .`` and ``python -m build``; setuptools does the work and this module only decides
what it is given.  The engine (the list ``core`` gives) is ordinary Python that mypyc can turn into C extensions:

* with nothing said, it is compiled where a C compiler and Python.h prove themselves on an empty module, and otherwise, or
  when compiling goes wrong in any way, the same source is installed to run interpreted, with one line that says so;
* ``TCPFSM_PURE=1`` never compiles; ``TCPFSM_COMPILE=1`` always does, and any failure is then fatal (releases, CI);
* an editable install is interpreted unless ``TCPFSM_COMPILE=1``: a compiled one would ignore every edit.

All of the engine is compiled or none of it: compiled classes are not classes that interpreted code may subclass, and a mixture
would be a third engine to test.  The compiler, mypy at one pinned version, is asked for only when it will be used, so that a
machine without a C compiler never downloads it.

This file lives in a folder of its own with a dot, outside the package, because it is of no use once installed, and because a
backend inside the package would import the package in order to build it.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from setuptools import Distribution, Extension, build_meta
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

MYPYC = "mypy[mypyc]==2.4.1"  # the same pin as in the ``dev`` extra; a test compares them
PACKAGE = "tcptrace_py"
GROUP = "tcptrace_py.engine"  # the shared library: tcptrace_py/engine__mypyc.*.so

# What is compiled: these modules, and every module of these rooms ...
MODULES = (
    "packet.py",
    "pipeline.py",
    "extraction/loop.py",
    "report/cells.py",
    "report/connection_text.py",
    "report/digits.py",
    "report/identity.py",
    "report/sent_text.py",
)
ROOMS = ("capture", "decode", "machine", "reassembly", "relay")
# ... except these, each with its reason.  ``__init__.py`` is never compiled: it holds prose, and names for people.
INTERPRETED: dict[str, str] = {
    "capture/compressed.py": "a stream like those of streams.py; its time is spent in zlib and its kin",
    "capture/filtering.py": "starts a program, once a link type",
    "capture/formats.py": "a table that holds classes, read once a file",
    "capture/growing.py": "every wait for a live capture is here, and an interrupt is noticed only in interpreted code",
    "capture/keep.py": "writes files, a piece at a time",
    "capture/live.py": "starts processes and waits for them",
    "capture/notes.py": "plain data for the report and for other processes: dataclass fields and pickle must work",
    "capture/opening.py": "paths and error messages, once a file",
    "capture/streams.py": "an interrupt is noticed only in interpreted code: every wait for bytes is here",
    "capture/tap.py": "a piece of a live capture at a time, with struct",
    "capture/writer.py": "subclasses the writer and the blocks of dpkt, which is interpreted",
    "relay/child.py": "starts a process and waits for it: an interrupt is noticed only in interpreted code",
    "relay/pay.py": "asks the system once a run whether there is anything to gain",
    "decode/slow.py": "calls dpkt, which is interpreted and raises whatever it likes: nothing would be gained",
}

# What a source distribution holds besides the package: all that is needed to build wheels, and to test them.
SDIST_FOLDERS = (".build", ".ci", "docs", "samples", "tests")
SDIST_FILES = ("CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "setup.py", ".gitignore")

Settings = dict[str, Any]


def core(root: Path) -> list[str]:
    """Paths of the modules to compile, relative to ``root`` (the folder of pyproject.toml), sorted."""
    package = root / PACKAGE
    found = [package / name for name in MODULES]
    for room in ROOMS:
        found += (package / room).rglob("*.py")
    names = sorted(
        path.relative_to(package).as_posix() for path in found if path.is_file() and path.name != "__init__.py"
    )
    return [f"{PACKAGE}/{name}" for name in names if name not in INTERPRETED]


# ---- to compile or not


def is_set(variable: str) -> bool:
    """Whether an environment variable says yes: anything but empty and 0."""
    return os.environ.get(variable, "") not in ("", "0")


def forced() -> bool:
    """Whether compiling is demanded, so that a failure must be fatal."""
    if is_set("TCPFSM_COMPILE") and is_set("TCPFSM_PURE"):
        raise SystemExit("tcpfsm: TCPFSM_COMPILE and TCPFSM_PURE contradict each other: set one of them")
    return is_set("TCPFSM_COMPILE")


def obstacle() -> str:
    """Why not to compile, the user's wish or the machine's lack; empty if nothing is in the way."""
    if forced():
        return ""
    if is_set("TCPFSM_PURE"):
        return "TCPFSM_PURE is set"
    if platform.python_implementation() != "CPython":
        return f"mypyc compiles for CPython, and this is {platform.python_implementation()}"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "mypyc's support of free-threaded Python is experimental"
    try:
        compile_probe()
    except (Exception, SystemExit):  # a broken toolchain fails in as many ways as there are toolchains
        return "there is no working C compiler with Python.h"
    return ""


def compile_probe() -> None:
    """Compile and link an empty extension module the way the engine would be; raises if that does not work."""
    with tempfile.TemporaryDirectory(prefix="tcpfsm-probe-") as folder:
        source = Path(folder, "probe.c")
        source.write_text("#include <Python.h>\nPyMODINIT_FUNC PyInit_probe(void) { return NULL; }\n", encoding="ascii")
        # Not "tcptrace-py" and no config files: the probe must not pick up the project's own configuration
        command = build_ext(Distribution({"name": "probe", "ext_modules": [Extension("probe", [str(source)])]}))
        command.build_lib = command.build_temp = folder
        with contextlib.redirect_stdout(sys.stderr):
            command.ensure_finalized()
            command.run()


# ---- what setup.py is given


class SourceDistribution(sdist):
    """An sdist that can build wheels and run the tests, without a MANIFEST.in at the top level."""

    def make_distribution(self) -> None:
        for folder in SDIST_FOLDERS:
            if Path(folder).is_dir():
                self.filelist.graft(folder)
        self.filelist.extend([name for name in SDIST_FILES if Path(name).is_file()])
        for pattern in ("*.py[co]", "*.so", "*.pyd"):
            self.filelist.global_exclude(pattern)
        # What is listed by its full path is of the build's own scratch folder
        self.filelist.files = sorted({name for name in self.filelist.files if not os.path.isabs(name)})
        super().make_distribution()


class _Build:
    """What the hook that runs now wants of setup.py, which setuptools executes with no arguments of ours."""

    compiled = False
    scratch: str | None = None  # where everything that is made on the way goes


def setup_arguments() -> dict[str, Any]:
    """The keyword arguments of ``setup`` that pyproject.toml cannot express."""
    arguments: dict[str, Any] = {"cmdclass": {"sdist": SourceDistribution}}
    if _Build.scratch:  # nothing of an earlier build can leak into this one, and the checkout stays clean
        arguments["options"] = {
            "build": {"build_base": os.path.join(_Build.scratch, "build")},
            "egg_info": {"egg_base": _Build.scratch},
        }
    if _Build.compiled and _Build.scratch:
        arguments["ext_modules"] = extensions(_Build.scratch)
    return arguments


def extensions(scratch: str) -> list[Extension]:
    """Translate the engine to C; raises, or exits with mypy's messages, when that does not work."""
    from mypyc.build import mypycify

    # mypy's own run over the project is strict and knows every dependency; here only the engine's types matter, and the
    # libraries of the interpreted rooms need not be present
    options = ["--config-file=", "--ignore-missing-imports", "--follow-imports=silent", f"--cache-dir={scratch}/mypy"]
    found: list[Extension] = mypycify(
        [*options, *core(Path.cwd())], opt_level="3", debug_level="0", target_dir=f"{scratch}/c", group_name=GROUP
    )
    if os.name == "posix":
        for extension in found:  # mypyc asks for -Werror: a warning of a newer compiler is no reason to fail
            extension.extra_compile_args = [*extension.extra_compile_args, "-Wno-error", "-fvisibility=hidden"]
    return found


@contextlib.contextmanager
def _building(compiled: bool) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="tcpfsm-build-") as scratch:
        _Build.compiled, _Build.scratch = compiled, scratch
        Path(scratch, "c").mkdir()
        try:
            yield
        finally:
            _Build.compiled, _Build.scratch = False, None


# ---- the hooks (PEP 517 and PEP 660)


def get_requires_for_build_sdist(config_settings: Settings | None = None) -> list[str]:
    return []


def get_requires_for_build_wheel(config_settings: Settings | None = None) -> list[str]:
    return [] if obstacle() else [MYPYC]


def get_requires_for_build_editable(config_settings: Settings | None = None) -> list[str]:
    return [MYPYC] if forced() else []


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Settings | None = None) -> str:
    with _building(compiled=False):
        return str(build_meta.prepare_metadata_for_build_wheel(metadata_directory, config_settings))


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_sdist(sdist_directory: str, config_settings: Settings | None = None) -> str:
    with _building(compiled=False):
        return str(build_meta.build_sdist(sdist_directory, config_settings))


def build_wheel(
    wheel_directory: str, config_settings: Settings | None = None, metadata_directory: str | None = None
) -> str:
    reason = obstacle()
    if not reason:
        try:
            with _building(compiled=True):
                return str(build_meta.build_wheel(wheel_directory, config_settings, metadata_directory))
        except (Exception, SystemExit) as error:  # whatever mypy, mypyc or the C compiler may do
            if forced():
                raise
            print(error.code if isinstance(error, SystemExit) else repr(error), file=sys.stderr)
            reason = "compiling failed, as told above"
    print(f"tcpfsm: the engine will run interpreted, about 20 times slower: {reason}", file=sys.stderr, flush=True)
    with _building(compiled=False):
        return str(build_meta.build_wheel(wheel_directory, config_settings, metadata_directory))


def build_editable(
    wheel_directory: str, config_settings: Settings | None = None, metadata_directory: str | None = None
) -> str:
    with _building(compiled=forced()):
        return str(build_meta.build_editable(wheel_directory, config_settings, metadata_directory))
