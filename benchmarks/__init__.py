"""Figures, never assertions: speed and CPU with real services on this machine."""
