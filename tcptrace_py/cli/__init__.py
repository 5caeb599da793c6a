"""WORDS → ALL OF THE ABOVE: one module a command."""
