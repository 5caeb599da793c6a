"""RECORD → SEGMENT: link types, tunnels, IP, and TCP with its options."""
