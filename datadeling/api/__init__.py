"""Process 2, `datadeling serve`: lookups over HTTP. Reads only, but for `admin`.

`server` starts the workers; in each (`worker`), threads take in `turns` what has come (`waiting`,
`client_socket`) and answer it. `app` puts one worker's application together from `auth`, `problems`,
`call_id`, `measured` and the calls: `tiltaksstatus`, `avtaler`, `historikk`, `graphql`, `health`.
`requests`, `answers` describe what goes in and out, `arguments` reads it, `openapi` publishes it, `pages`
shows it. `admin` has the calls of administrators, which know more of the rest than these may.
"""
