"""Workspaces in PostgreSQL: one schema, row-level security on every table."""
