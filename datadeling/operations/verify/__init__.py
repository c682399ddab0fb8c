"""Whether the tables hold what the topic says, and what is to be done where they do not.

In the order the data flows: `reading` → `summary` (of `fingerprint`s) → `judgement` → `compare` → `repair`,
`surplus`. `verify` wires them together.
"""
