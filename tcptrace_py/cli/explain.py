"""``tcpfsm explain NAME``: a rule, a state, a transition or a topic, in the terminal."""

from __future__ import annotations

import click


@click.command(name="explain", context_settings={"ignore_unknown_options": True})  # "->" is none
@click.argument("name", nargs=-1)
def command(name: tuple[str, ...]) -> None:
    """Explain NAME: a topic (why-time-wait), a state (FIN_WAIT_2), a transition (FIN_WAIT_1:FIN_WAIT_2) or a rule
    (stuck-fin-wait-2).  Without NAME, list what there is.
    """
    from tcptrace_py.explain import as_text
    from tcptrace_py.explain.names import find

    lines = as_text.explain(find(" ".join(name))) if name else as_text.overview()
    click.echo("\n".join(lines))
