"""Tokens, access to fields, purpose, rate limit and call id."""
