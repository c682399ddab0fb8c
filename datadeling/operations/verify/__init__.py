"""Compare the tables with the topic, and repair what differs.

`reading` reads the topic, `summary` keeps the newest version of each avtale as a fingerprint, `compare` goes
through the rows and `judgement` names each difference; `repair` writes or deletes. `verifier` joins them.
"""
