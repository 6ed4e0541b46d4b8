"""Alembic's entry: runs the revisions on a psycopg connection."""

import psycopg
from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

_dsn: str = context.config.attributes["dsn"]
_engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(_dsn), poolclass=NullPool)

with _engine.connect() as connection:
    context.configure(connection=connection, version_table_schema=context.config.attributes["schema"])
    with context.begin_transaction():
        context.run_migrations()
