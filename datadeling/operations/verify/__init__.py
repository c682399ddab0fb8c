"""Compare the tables with the topic, of which `summary` keeps fingerprints, and repair what differs."""
