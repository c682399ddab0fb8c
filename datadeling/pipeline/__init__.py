"""The write path that live consumer, retry and replay share: message → decode → transform → fold → store."""
