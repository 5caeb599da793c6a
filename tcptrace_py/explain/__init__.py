"""WHAT tcpfsm KNOWS, FOR PEOPLE: rules, states, transitions and topics, each told in one place, from which terminal and docs/ take it.

Rules are told by their docstrings (``rules``); the other three here.  A name leads to a text, and nothing of it is compiled.
"""
