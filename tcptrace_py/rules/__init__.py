"""TRANSITIONS AND FACTS → FINDINGS: one module a family, one class a rule."""
