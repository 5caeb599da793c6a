"""The data of graphs: what happened in one connection, as points over time.

``points`` looks at each segment after the tracker has had it, and keeps nothing but what the next point needs.
"""
