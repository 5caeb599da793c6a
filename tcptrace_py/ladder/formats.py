"""The ladder in each of its formats."""

from __future__ import annotations

from tcptrace_py.ladder.model import Ladder


def render(ladder: Ladder, name: str, *, width: int = 80, ascii_only: bool = False, color: bool = False) -> str:
    """The ladder as text, json, mermaid or svg."""
    if name == "json":
        import msgspec

        from tcptrace_py.report.encoding import to_json

        return msgspec.json.format(to_json(ladder), indent=1).decode("utf-8") + "\n"
    if name == "mermaid":
        from tcptrace_py.ladder import as_mermaid

        return as_mermaid.render(ladder)
    if name == "svg":
        from tcptrace_py.ladder import as_svg

        return as_svg.render(ladder)
    from tcptrace_py.ladder import as_text

    return as_text.render(ladder, width=width, ascii_only=ascii_only, color=color)
