"""The statements, grouped by table."""
