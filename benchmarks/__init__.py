"""Figures, never assertions: how fast, how much memory, on services of this machine alone."""
