"""The commands of an operator: their options and their output."""
