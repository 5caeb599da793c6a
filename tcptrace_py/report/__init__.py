"""FINDINGS → TEXT: a frozen, versioned model and one module a format."""
