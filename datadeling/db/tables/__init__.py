"""The statements, grouped by the table that they work on."""
