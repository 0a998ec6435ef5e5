"""Runs the schema history on the connection it is handed, as Alembic expects of a file of this name."""

from __future__ import annotations

from alembic import context

from testmesh.workspaces.sql.models import Table

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Table.metadata, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
