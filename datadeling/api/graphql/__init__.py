"""`POST /graphql`: the interface that today's consumers use, over the same lookups, tokens and records.

`schema` says what can be asked, `documents` reads and bounds a query, `queries` and `selection` answer it,
`errors` says what is wrong as graphql-java would, `blueprint` speaks HTTP. It gets no new functions: see
adr/0005 and adr/0018.
"""
