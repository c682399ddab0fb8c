"""`POST /graphql`: the interface that today's consumers use, over the same lookups, tokens and audit log.

`schema` describes the types, `queries` resolves the queries, `documents` parses and bounds what is sent,
`errors` formats errors as graphql-java does, `view` is the HTTP call. The contract is frozen: see adr/0005
and adr/0018.
"""
