"""Read the topic again beside the live consumer, by the same steps, and write only what differs."""
