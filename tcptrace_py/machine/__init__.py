"""SEGMENT → TRANSITIONS AND FACTS: what each endpoint is, was, and may be.  No I/O, no clock, no text."""
