"""BYTES → RECORD: every capture format, behind one reader."""
