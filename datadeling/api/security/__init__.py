"""Who calls, and what they may: tokens, access to fields, purpose, rate limit, call id."""
