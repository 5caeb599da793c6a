"""Our classification of segments beside Wireshark's, frame by frame: where they agree, where not, and why not.

Wireshark's comes from ``tcptrace_py.wireshark``; ours are the marks that the tracker leaves on a segment.  ``reasons`` is the
table of what is known of the differences: each is a sentence, and a question to ask of a frame.
"""
