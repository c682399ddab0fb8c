"""Process 2, `datadeling serve`: lookups over HTTP. Reads only.

`server` starts the workers; `app` puts one worker's application together from `auth`, `problems`, `call_id`,
`measured` and the calls: `tiltaksstatus`, `avtaler`, `historikk`, `health`. `schemas` describes what goes in
and out, `arguments` reads it, `openapi` publishes it.
"""
