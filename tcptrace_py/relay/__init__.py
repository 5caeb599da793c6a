"""RECORD → RECORD, from a process that reads the captures to the one that does all the rest: two cores for one analysis.

::

    Captures ─ pack.Packer ─▶ chunks ─ pipe ─▶ relayed.Relayed ─▶ Record
    └───────── child.Child, forked ────────┘   └─ this process ─┘

Reading is what can be taken apart from the rest without changing what comes out: whatever depends on the order of packets
(numbers, connections, what many of them say together) stays in one place.  ``pay`` decides whether it pays.
"""
