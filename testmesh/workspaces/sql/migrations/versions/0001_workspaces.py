"""The first schema: workspaces, what they keep, and a policy on every table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROLE = "testmesh_app"
TABLES = (
    "tokens",
    "repositories",
    "runs",
    "run_events",
    "diagnoses",
    "fixes",
    "secrets",
    "model_routes",
    "dismissals",
    "jobs",
)
ENSURE_ROLE = f"""
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}')
     AND EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolcreaterole)) THEN
    BEGIN
      CREATE ROLE {ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND rolcreaterole AND NOT rolsuper)
     AND NOT pg_has_role(current_user, '{ROLE}', 'MEMBER') THEN
    GRANT {ROLE} TO CURRENT_USER;
  END IF;
END $$
"""
GRANTS = f"""
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO {ROLE}', current_schema());
    GRANT SELECT, INSERT, UPDATE, DELETE ON workspaces, {", ".join(TABLES)} TO {ROLE};
  END IF;
END $$
"""
MINE = "= current_setting('app.workspace', true)"


def _text(name: str, **extra: object) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, **extra)  # type: ignore[arg-type]


def _created() -> sa.Column[object]:
    return sa.Column("created", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def _kept(table: str, keys: tuple[str, ...], *rest: sa.schema.SchemaItem) -> None:
    columns = [_text("workspace"), *rest]
    op.create_table(
        table,
        *columns,
        sa.PrimaryKeyConstraint("workspace", *keys),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], ondelete="CASCADE"),
    )


def _tables() -> None:
    op.create_table(
        "workspaces",
        _text("id"),
        _text("name"),
        _created(),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("id ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="workspaces_id_form"),
    )
    _kept(
        "tokens",
        ("id",),
        _text("id"),
        _text("label"),
        _text("role"),
        _text("prefix"),
        _text("digest"),
        _created(),
        _moment("revoked"),
        sa.UniqueConstraint("digest"),
        sa.CheckConstraint("role IN ('viewer', 'editor', 'admin')", name="tokens_role"),
    )
    names = ("name", "source", "branch", "commit", "scanned", "problems")
    _kept("repositories", ("name",), *map(_text, names))
    _kept(
        "runs",
        ("id",),
        _text("id"),
        _text("started"),
        _text("verdict"),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        *map(_text, ("revision", "environment", "artefact")),
    )
    op.create_index("runs_newest", "runs", ["workspace", "started", "id"])
    _kept("run_events", ("run", "seq"), _text("run"), sa.Column("seq", sa.BigInteger(), nullable=False), _text("body"))
    _kept("diagnoses", ("run",), _text("run"), _text("body"), _created())
    _kept(
        "fixes",
        ("id",),
        *map(_text, ("id", "run", "body", "outcome")),
        _created(),
        sa.CheckConstraint("outcome IN ('open', 'merged', 'closed')", name="fixes_outcome"),
    )
    op.create_index("fixes_run", "fixes", ["workspace", "run"])
    _settings()


def _settings() -> None:
    _kept(
        "secrets",
        ("name", "version"),
        _text("name"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _created(),
    )
    models = sa.Column("models", JSONB(), nullable=False)
    _kept("model_routes", ("purpose", "agent"), _text("purpose"), _text("agent"), models)
    _kept("dismissals", ("kind", "subject"), *map(_text, ("kind", "subject", "reason", "by")), _created())
    _kept(
        "jobs",
        ("id",),
        *map(_text, ("id", "kind", "subject", "state")),
        _created(),
        _moment("finished"),
        _text("result", server_default="null"),
        _text("error", server_default=""),
        _text("hint", server_default=""),
        sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name="jobs_state"),
    )


def _policies() -> None:
    for table in ("workspaces", *TABLES):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        column = "id" if table == "workspaces" else "workspace"
        op.execute(f"CREATE POLICY mine ON {table} USING ({column} {MINE}) WITH CHECK ({column} {MINE})")
    op.execute("CREATE POLICY operator ON workspaces FOR SELECT USING (current_setting('app.operator', true) = 'on')")
    op.execute("CREATE POLICY presented ON tokens FOR SELECT USING (digest = current_setting('app.token', true))")
    op.execute(
        "CREATE POLICY presented ON workspaces FOR SELECT USING (EXISTS (SELECT FROM tokens"
        " WHERE tokens.workspace = workspaces.id AND tokens.digest = current_setting('app.token', true)))"
    )


def upgrade() -> None:
    """Make it."""
    op.execute(ENSURE_ROLE)
    _tables()
    _policies()
    op.execute(GRANTS)


def downgrade() -> None:
    """Unmake it; the role stays because other databases of the server may use it."""
    op.execute("DROP POLICY presented ON workspaces")
    for table in (*reversed(TABLES), "workspaces"):
        op.drop_table(table)
