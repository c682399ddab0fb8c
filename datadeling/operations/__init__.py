"""What an operator can do by hand beside the live consumer: handle what failed, erase, renumber."""
