"""An observation that still goes on: what is open, what there is to say of it so far, and how it is shown.

::

    Growing ─ pulse ─▶ Observer ─ copies, judged ─▶ a view: events (NDJSON), lines, a table that refreshes

The engine knows nothing of this room, and nothing in here changes what the engine infers: whatever is said of a connection
before its end is said of a copy.  So the report at the end is that of ``analyze``.
"""
