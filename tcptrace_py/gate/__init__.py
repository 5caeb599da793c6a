"""Findings → a verdict: what a project has decided about them, from its configuration, its baseline and its expectations."""
