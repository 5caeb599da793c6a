"""EXPRESSION → YES OR NO: ``--where``, a small language over the report's fields of one connection.

``lexer`` cuts the text into words, ``parser`` makes a test of it, ``fields`` says what there is to ask (drawn from the report's
model, so that nothing has two names) and ``kinds`` what may be compared with it and how that is written. ``logic`` knows that what
is not known is neither so nor not so. ``choice`` is what the rest of the program uses. docs/where.md tells it to users.
"""
