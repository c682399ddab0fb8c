"""Process 2, `datadeling serve`: lookups over HTTP, and the calls of administrators.

`server` starts gunicorn with `worker`; `app` wires the application of one worker from its `services`. `hooks`
runs before and after each lookup. The calls are in `v1`, `graphql`, `admin`, `health` and `pages`; `schemas`
reads their requests, `problems` answers errors.
"""
