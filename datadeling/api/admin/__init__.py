"""`/api/v1/admin/…`: what administrators do and see over HTTP; adr/0019 says what they cannot.

`blueprint` puts it together from `rights` (who may), `desk` (the database, and for how many at once), and the
calls: `replays`, `failed`, `consumer`, `lookups`. `calls` is how one is declared; `questions` and `answers`
say what goes in and out. The deeds are those of `operations`, as the commands do them.
"""
