"""What an avtale is and means. Pure: imports nothing else of ours, and no driver."""
