"""What is built and installed: metadata, the engine's switch, and the list of what is compiled."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import pytest

import tcptrace_py
from tcptrace_py import engine

Python = Callable[..., subprocess.CompletedProcess[str]]
PACKAGE = Path(tcptrace_py.__file__).parent
SHOW_ENGINE = "from tcptrace_py import engine, packet; print(engine.ENGINE, engine.REASON, packet.__file__, sep='|')"


@pytest.fixture(scope="module")
def project(checkout: Path) -> str:
    """The text of pyproject.toml: Python 3.10 has nothing to parse it with."""
    return (checkout / "pyproject.toml").read_text(encoding="utf-8")


@pytest.fixture
def backend(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    pytest.importorskip("setuptools", "77", reason="the build backend needs setuptools")
    monkeypatch.syspath_prepend(str(checkout / ".build"))
    monkeypatch.delenv("TCPFSM_PURE", raising=False)
    monkeypatch.delenv("TCPFSM_COMPILE", raising=False)
    return importlib.import_module("tcpfsm_build")


@pytest.fixture(scope="module")
def installed(checkout: Path) -> importlib.metadata.Distribution:
    if PACKAGE.parent.samefile(checkout):
        pytest.skip("the checkout is tested, not an installed package")
    return importlib.metadata.distribution("tcptrace-py")


# ---- the installed distribution


def test_the_version_is_that_of_the_package(installed: importlib.metadata.Distribution) -> None:
    assert installed.version == tcptrace_py.__version__


def test_the_version_is_written_in_one_place(checkout: Path) -> None:
    files = [checkout / "pyproject.toml", checkout / "setup.py", *checkout.glob("tcptrace_py/**/*.py")]
    quoted = f'"{tcptrace_py.__version__}"'
    assert [path.name for path in files if quoted in path.read_text(encoding="utf-8")] == ["__init__.py"]


def test_the_command_is_installed(installed: importlib.metadata.Distribution) -> None:
    commands = {entry.name: entry.value for entry in installed.entry_points if entry.group == "console_scripts"}
    assert commands == {"tcpfsm": "tcptrace_py.cli.main:main"}


def test_pytest_finds_the_plugin(installed: importlib.metadata.Distribution) -> None:
    points = {entry.name: entry.value for entry in installed.entry_points if entry.group == "pytest11"}
    assert points == {"tcpfsm": "tcptrace_py.testing.plugin"}


def test_everything_of_the_package_is_installed(installed: importlib.metadata.Distribution, checkout: Path) -> None:
    files = {str(path) for path in installed.files or ()}
    source = checkout / "tcptrace_py"
    wanted = [
        *source.rglob("*.py"),
        source / "py.typed",
        *(path for path in source.glob("data/**/*") if path.is_file()),
    ]
    assert [path for path in wanted if str(path.relative_to(checkout)) not in files] == []


def test_all_of_the_engine_is_compiled_or_nothing(
    installed: importlib.metadata.Distribution, backend: Any, checkout: Path
) -> None:
    suffix = EXTENSION_SUFFIXES[0]
    compiled = {str(path)[: -len(suffix)] for path in installed.files or () if str(path).endswith(suffix)}
    if compiled:
        assert compiled == {name[:-3] for name in backend.core(checkout)} | {"tcptrace_py/engine__mypyc"}


def test_the_licence_goes_along(installed: importlib.metadata.Distribution) -> None:
    assert installed.metadata["License-Expression"] == "MIT"
    assert any(path.name == "LICENSE" for path in installed.files or ())


# ---- the engine's switch


def test_the_engine_in_use_is_the_one_reported() -> None:
    modules = [module for name, module in sys.modules.items() if name.startswith("tcptrace_py.machine.")]
    modules.append(sys.modules["tcptrace_py.packet"])
    compiled = {str(module.__file__).endswith(tuple(EXTENSION_SUFFIXES)) for module in modules}
    assert compiled == {engine.ENGINE == "compiled"}


@pytest.mark.parametrize("value", ["1", "yes"])
def test_the_source_is_used_where_the_environment_asks_for_it(python: Python, value: str) -> None:
    result = python("-c", SHOW_ENGINE, TCPFSM_PURE=value)
    name, reason, file = result.stdout.strip().split("|")
    assert (name, reason, Path(file).name) == ("interpreted", "TCPFSM_PURE is set", "packet.py")


@pytest.mark.parametrize("value", ["", "0"])
def test_an_empty_wish_is_none(python: Python, value: str) -> None:
    name, reason, file = python("-c", SHOW_ENGINE, TCPFSM_PURE=value).stdout.strip().split("|")
    extensions = [path for path in PACKAGE.glob("packet.*") if path.name.endswith(EXTENSION_SUFFIXES[0])]
    assert name == ("compiled" if extensions else "interpreted")
    assert reason == ("compiled by mypyc" if extensions else "installed without a compiled engine")
    assert Path(file).suffix == ("" if extensions else ".py") or extensions


HIDE_LIBRT = """
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name.partition(".")[0] == "librt" else find(name, *rest)
"""


def test_the_source_is_used_where_librt_is_missing(python: Python) -> None:
    code = f"{HIDE_LIBRT}\n{SHOW_ENGINE}; from tcptrace_py import words; print(words.read_i64_be(bytes(7) + b'!', 0), words.vec[int]([7])[0])"
    shown, word = python("-c", code, TCPFSM_PURE="").stdout.splitlines()
    assert shown.split("|")[:2] == ["interpreted", "librt is not installed"]
    assert word == "33 7"


def test_importing_the_package_imports_nothing_else(python: Python) -> None:
    before = "import __future__, os, sys, importlib.machinery, librt; before = set(sys.modules)"
    result = python("-c", f"{before}; import tcptrace_py; print(sorted(set(sys.modules) - before))", TCPFSM_PURE="")
    assert result.stdout.strip() == "['tcptrace_py']"


# ---- the build


def test_every_module_of_the_engine_is_compiled_or_has_a_reason(backend: Any, checkout: Path) -> None:
    core = set(backend.core(checkout))
    assert {"tcptrace_py/packet.py", "tcptrace_py/machine/table.py"} <= core
    for path in checkout.glob("tcptrace_py/**/*.py"):
        name = path.relative_to(checkout / "tcptrace_py").as_posix()
        belongs = path.name != "__init__.py" and (name in backend.MODULES or name.split("/")[0] in backend.ROOMS)
        assert (f"tcptrace_py/{name}" in core) == (belongs and name not in backend.INTERPRETED), name


def test_the_list_of_what_is_not_compiled_is_current(backend: Any, checkout: Path) -> None:
    for name, reason in backend.INTERPRETED.items():
        assert (checkout / "tcptrace_py" / name).is_file(), f"{name} is gone"
        assert len(reason.split()) >= 5, f"{name}: no reason"


def test_the_compiler_is_the_one_that_checks_the_types(backend: Any, project: str) -> None:
    dev = project.partition("\ndev = [\n")[2].partition("\n]\n")[0]
    assert f'    "{backend.MYPYC}",' in dev


def test_the_compiler_is_asked_for_only_when_it_is_used(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TCPFSM_PURE", "1")
    assert backend.get_requires_for_build_wheel() == []
    monkeypatch.setenv("TCPFSM_PURE", "0")
    monkeypatch.setenv("TCPFSM_COMPILE", "1")
    assert backend.get_requires_for_build_wheel() == [backend.MYPYC]
    assert backend.get_requires_for_build_editable() == [backend.MYPYC]
    monkeypatch.delenv("TCPFSM_COMPILE")
    assert backend.get_requires_for_build_editable() == []


def test_without_a_compiler_nothing_is_asked_for(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "false")
    assert backend.get_requires_for_build_wheel() == []


def test_contradictory_wishes_are_refused(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TCPFSM_PURE", "1")
    monkeypatch.setenv("TCPFSM_COMPILE", "1")
    with pytest.raises(SystemExit, match="contradict"):
        backend.get_requires_for_build_wheel()


# ---- the project's own papers


def test_the_readme_names_its_two_commands(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(checkout / ".ci"))
    read_commands = importlib.import_module("readme").read_commands
    commands = read_commands((checkout / "README.md").read_text(encoding="utf-8"))
    assert ".venv/bin/tcpfsm " in commands["install"]
    assert re.search(r" && \.venv/bin/pytest\b[^&]*$", commands["test"])


@pytest.mark.parametrize(
    "text",
    [
        "# tcpfsm\n",
        "## Install and test\n```sh\none\n```\n",
        "## Install and test\n```sh\none\n```\n## Next\n```sh\ntwo\n```\n",
        "## Install and test\n```sh\none\ntwo\n```\n```sh\nthree\n```\n",
        "## Install and test\n```sh\n```\n```sh\nthree\n```\n",
    ],
)
def test_a_readme_without_them_is_refused(checkout: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.syspath_prepend(str(checkout / ".ci"))
    with pytest.raises(ValueError, match=r"README\.md"):
        importlib.import_module("readme").read_commands(text)


def test_the_changelog_has_a_place_for_what_is_new(checkout: Path) -> None:
    assert re.search(r"^## \[Unreleased\]$", (checkout / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_package_has_no_syntax_newer_than_the_oldest_python(checkout: Path, project: str) -> None:
    oldest = re.search(r'^requires-python = ">=3\.(\d+)"$', project, re.MULTILINE)
    assert oldest
    for path in checkout.glob("tcptrace_py/**/*.py"):
        ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, int(oldest[1])))
