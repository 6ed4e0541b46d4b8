"""PostgreSQL: one module per family of tables."""
