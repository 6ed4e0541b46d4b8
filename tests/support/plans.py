"""What a statement reads, as PostgreSQL ran it."""

from typing import Any

from pfcng.store.database import DbConnection


def scans(connection: DbConnection, statement: str, parameters: Any) -> list[dict[str, Any]]:
    """The nodes of a statement's plan that read a table, as they ran."""
    query = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
    [row] = connection.execute(query.encode(), parameters, prepare=False).fetchall()
    nodes = [row["QUERY PLAN"][0]["Plan"]]
    for node in nodes:
        nodes += node.get("Plans", [])
    return [node for node in nodes if "Relation Name" in node or "Index Name" in node]


def rows_read(node: dict[str, Any]) -> float:
    """How many rows a node looked at, those that it threw away included."""
    thrown = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    return float(node["Actual Loops"] * (node["Actual Rows"] + sum(node.get(name, 0) for name in thrown)))


class Explained:
    """A connection that runs each statement twice, and keeps what the first run read."""

    def __init__(self, connection: DbConnection) -> None:
        self._connection = connection
        self.scans: list[dict[str, Any]] = []

    def execute(self, statement: str, parameters: Any) -> Any:
        self.scans += scans(self._connection, statement, parameters)
        return self._connection.execute(statement.encode(), parameters)
