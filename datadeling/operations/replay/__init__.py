"""Read the topic again beside the live consumer, by the same steps, and write only what differs.

`plan` turns a request into an offset range of each partition. `partition` reads one range (`reader` is its
consumer, outside every group; `rate` holds it back) and hands batches to `writer`. `runner` runs one replay
that `jobs` keeps in the database; `background` runs them inside the consumer process.
"""
