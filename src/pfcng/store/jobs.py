"""The workers' queue: jobs put into it with a change, and what is seen and done about it from outside.

The tables and functions are procrastinate's, made by revision 0009. They are called here without the library: a serving
process that defers need not load it.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from pfcng.store.database import DbConnection, Row

MAIL_TASK: Final = "courrier"
"""Name of the task that sends a mail, and of its queue."""
SILENCE: Final = timedelta(seconds=30)
"""After which a worker counts as gone, and its jobs as another's."""


DEFER_MAILS: Final = """
SELECT procrastinate_defer_jobs_v1(ARRAY(
    SELECT ROW(%(task)s::text, %(task)s::text, 0, %(task)s::text || ':' || numero, NULL,
               jsonb_build_object('numero', numero), NULL)::procrastinate_job_to_defer_v1
    FROM courriers
))
"""
"""One job a mail, of those whose numbers are in ``courriers``; its parameter is ``task``."""


def defer_mails(connection: DbConnection, numeros: Sequence[int]) -> None:
    """One job a mail, in the caller's transaction: neither without the other (M1)."""
    statement = f"WITH courriers AS (SELECT unnest(%(numeros)s::bigint[]) AS numero) {DEFER_MAILS}"
    connection.execute(statement, {"task": MAIL_TASK, "numeros": list(numeros)})


def take_over(connection: DbConnection, silence: timedelta) -> list[int]:
    """Give back to the queue the jobs of workers that are gone, or were silent for that long; their numbers.

    An act whose next period waits already has nothing to give back: of each, one job waits at most.
    One statement, so that of two callers one gives a job back.
    """
    rows = connection.execute(
        """
        WITH perdue AS (
            SELECT j.id, j.queueing_lock
            FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
            WHERE j.status = 'doing' AND (w.id IS NULL OR w.last_heartbeat < now() - %s)
            FOR UPDATE OF j SKIP LOCKED
        )
        SELECT id, CASE
            WHEN EXISTS (SELECT FROM procrastinate_jobs t
                         WHERE t.status = 'todo' AND t.queueing_lock = perdue.queueing_lock)
            THEN procrastinate_finish_job_v1(id, 'failed', true)
            ELSE procrastinate_retry_job_v2(id, now(), NULL, NULL, NULL) END
        FROM perdue
        """,
        (silence,),
    )
    return [row["id"] for row in rows]


def bring_forward(connection: DbConnection, by: timedelta) -> None:
    """Let mails that wait for their next try wait that much less: for a clock that was moved."""
    connection.execute(
        "UPDATE procrastinate_jobs SET scheduled_at = scheduled_at - %s "
        "WHERE queue_name = %s AND status = 'todo' AND scheduled_at IS NOT NULL",
        (by, MAIL_TASK),
    )


def purge(connection: DbConnection, age: timedelta, limit: int) -> int:
    """Remove jobs that ended so long ago, at most that many; how many. Those that succeed are not even kept."""
    return connection.execute(
        """
        DELETE FROM procrastinate_jobs WHERE id IN (
            SELECT j.id FROM procrastinate_jobs j
            WHERE j.status IN ('succeeded', 'failed', 'cancelled', 'aborted') AND NOT EXISTS (
                SELECT FROM procrastinate_events e WHERE e.job_id = j.id AND e.at > now() - %s)
            LIMIT %s)
        """,
        (age, limit),
    ).rowcount


def list_jobs(connection: DbConnection, statuses: Sequence[str], limit: int) -> list[Row]:
    """The jobs in one of these states, oldest first."""
    return connection.execute(
        """
        SELECT j.id, j.task_name, j.status::text AS status, j.args, j.attempts, j.scheduled_at, j.worker_id,
               min(e.at) AS depuis, max(e.at) FILTER (WHERE e.type <> 'scheduled') AS dernier
        FROM (SELECT * FROM procrastinate_jobs WHERE status::text = ANY(%s) ORDER BY id LIMIT %s) j
        LEFT JOIN procrastinate_events e ON e.job_id = j.id GROUP BY j.id, j.task_name, j.status, j.args, j.attempts,
            j.scheduled_at, j.worker_id
        ORDER BY j.id
        """,
        (list(statuses), limit),
    ).fetchall()


def count_jobs(connection: DbConnection) -> Mapping[str, int]:
    """How many jobs there are in each state."""
    rows = connection.execute("SELECT status::text, count(*) AS nombre FROM procrastinate_jobs GROUP BY status")
    return {row["status"]: row["nombre"] for row in rows}


def count_workers(connection: DbConnection) -> int:
    """How many workers gave a sign of life lately."""
    row: Any = connection.execute(
        "SELECT count(*) AS nombre FROM procrastinate_workers WHERE last_heartbeat >= now() - %s", (SILENCE,)
    ).fetchone()
    return int(row["nombre"])


def retry(connection: DbConnection, job: int) -> bool:
    """Do a job that failed, or that waits for its next try, at once; whether there was one.

    An act that failed and whose next period waits is done by that one.
    """
    failed = connection.execute(
        """
        SELECT procrastinate_retry_job_v2(j.id, now(), NULL, NULL, NULL) FROM procrastinate_jobs j
        WHERE j.id = %s AND j.status = 'failed' AND NOT EXISTS (
            SELECT FROM procrastinate_jobs t WHERE t.status = 'todo' AND t.queueing_lock = j.queueing_lock)
        """,
        (job,),
    )
    waiting = connection.execute(
        """
        UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo' AND (id = %(job)s OR queueing_lock = (
            SELECT queueing_lock FROM procrastinate_jobs WHERE id = %(job)s AND status = 'failed'))
        """,
        {"job": job},
    )
    return failed.rowcount + waiting.rowcount > 0


def cancel(connection: DbConnection, job: int) -> bool:
    """Take a job that waits out of the queue; whether it waited."""
    row: Any = connection.execute("SELECT procrastinate_cancel_job_v1(%s, false, false) AS id", (job,)).fetchone()
    return row["id"] is not None


def find_mail_job(connection: DbConnection, numero: int) -> Row | None:
    """The job of a mail that waits or is under way; the first that waits, if there are several."""
    return connection.execute(
        "SELECT id, status::text FROM procrastinate_jobs j WHERE lock = %s AND status IN ('todo', 'doing') "
        "ORDER BY j.status, id LIMIT 1",
        (f"{MAIL_TASK}:{numero}",),
    ).fetchone()
