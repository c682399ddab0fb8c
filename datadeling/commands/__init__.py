"""The commands of an operator, for `cli`: what they ask for, and how they print it."""
