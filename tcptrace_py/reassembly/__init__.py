"""SEGMENTS → BYTE STREAMS: what each side sent, put in order, with what is missing marked."""
