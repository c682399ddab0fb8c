"""What an operator can do by hand, beside the live consumer: look at and mend what failed, erase, renumber."""
