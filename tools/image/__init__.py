"""To try the image."""
