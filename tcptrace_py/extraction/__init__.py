"""CHOSEN CONNECTIONS → FILES: their byte streams, one after the other or interleaved, and their frames as a capture."""
