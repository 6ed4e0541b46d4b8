"""What the log has of an error that nobody foresaw: where it came from, and nothing that it quotes of rows."""

import traceback

import psycopg


def describe(error: Exception) -> dict[str, str]:
    """Kind, cause and frames. Of a database's error the cause is the first line alone: the details quote rows."""
    cause = (error.diag.message_primary or "no answer") if isinstance(error, psycopg.Error) else str(error)
    frames = "".join(traceback.format_tb(error.__traceback__))
    return {"kind": type(error).__name__, "cause": cause, "frames": frames}
