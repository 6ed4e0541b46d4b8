"""Alembic's entry: runs the revisions on a psycopg connection and notes in the same transaction who may go on."""

import psycopg
from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

_dsn: str = context.config.attributes["dsn"]
_schema: str = context.config.attributes["schema"]
_engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(_dsn), poolclass=NullPool)

with _engine.connect() as connection:
    context.configure(connection=connection, version_table_schema=_schema)
    with context.begin_transaction():
        # Whoever asks for a table that this transaction waits for waits too: it gives up soon, and before PostgreSQL
        # looks for a deadlock (1 s), which would end a request as well as this.
        connection.execute(text("SET LOCAL lock_timeout = '500ms'"))
        context.run_migrations()
        # No program reads the column of a schema that is not newer than itself: it may come with the last revision.
        connection.execute(text(f"ALTER TABLE {_schema}.alembic_version ADD COLUMN IF NOT EXISTS admise text"))
        connection.execute(
            text(f"UPDATE {_schema}.alembic_version SET admise = :oldest"),  # noqa: S608 - a constant of ours
            {"oldest": context.config.attributes["oldest"]},
        )
