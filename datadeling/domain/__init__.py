"""The avtale, its versions and its fields. Pure: imports nothing else of ours, and no driver."""
