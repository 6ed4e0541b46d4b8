"""``pfcng serve``: the settings, the checks, the sockets, the parent."""

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from pfcng.node.counts import counts_folder
from pfcng.node.faults import StartFault, faults_told, read_settings, settings_place
from pfcng.node.messages import Assignment, Kind
from pfcng.node.parent import Parent
from pfcng.node.service_manager import READY, STOPPING, keep_alive, notify
from pfcng.node.sockets import listen, place
from pfcng.settings import PlatformSettings
from pfcng.settings.kinds import is_open
from pfcng.settings.schemas import platform_schemas
from pfcng.store.migrations import check_schema, migrate
from pfcng.store.reaching import reach
from pfcng.watch.log import log_as_json

log = structlog.get_logger()

_FILES: Final = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a node listens, as URLs; None for what it does not serve."""

    service: str
    http: str | None
    exploitation: str


def run_node(config: Path, *, with_worker: bool, on_ready: Callable[[Addresses], None]) -> None:
    """Serve until SIGINT or SIGTERM; SIGHUP reads the TLS files again.

    Args:
        config: The file of the settings.
        with_worker: Have a process beside that sends the mails and does what falls due.
        on_ready: Called once every process serves.

    Raises:
        StartFault: The node cannot start.
    """
    if sys.platform == "win32":
        raise StartFault("« pfcng serve » demande Linux ou macOS.")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is anything to renew
    log_as_json()
    _raise_file_limit()
    text = read_settings(str(config), lambda: config.read_text("utf-8"))
    folder = config.resolve().parent
    settings = read_settings(str(config), lambda: PlatformSettings.parse(text, folder, is_open=is_open(config)))
    if with_worker and settings.courrier is None:
        raise StartFault("--with-worker demande le réglage « courrier ».")
    with ExitStack() as leaving, ExitStack() as stack:  # the sockets go when the node stops, the rest when it has
        service = stack.enter_context(listen("ecoute", settings.ecoute))
        http = stack.enter_context(listen("ecoute_http", settings.ecoute_http)) if settings.publishes else None
        exploitation = stack.enter_context(listen("ecoute_exploitation", settings.ecoute_exploitation))
        check_database(settings)
        counts = leaving.enter_context(counts_folder())
        assign = partial(Assignment, text=text, folder=str(folder), counts=counts)
        serves = partial(
            assign,
            kind=Kind.SERVES,
            has_worker=with_worker,
            service=service.fileno(),
            http=None if http is None else http.fileno(),
            exploitation=exploitation.fileno(),
        )
        names = [f"serveur-{number}" for number in range(1, settings.processus + 1)]
        assignments = [serves(name=name) for name in names]
        if with_worker:
            assignments.append(assign(kind=Kind.WORKS, name="worker"))
        where = Addresses(
            service=f"https://{place(service)}",
            http=None if http is None else f"http://{place(http)}",
            exploitation=f"http://{place(exploitation)}",
        )
        renewing = partial(_tell_change, config, text)
        asyncio.run(_keep(assignments, settings, stack, lambda: on_ready(where), renewing))


def _tell_change(config: Path, running: str) -> None:
    """Say that settings were changed that only another start reads."""
    try:
        is_changed = config.read_text("utf-8") != running
    except (OSError, ValueError):
        is_changed = True
    if is_changed:
        log.warning("settings.not_renewed", file=str(config), see="docs/exploitation/depannage.md")


def _raise_file_limit() -> None:
    """Take as many open files as the system lets this account have: a connection is one."""
    import resource  # noqa: PLC0415 - Windows has none

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _keep(
    assignments: list[Assignment],
    settings: PlatformSettings,
    stack: ExitStack,
    ready: Callable[[], None],
    renewing: Callable[[], None],
) -> None:
    def serving() -> None:
        notify(READY)
        ready()

    def release() -> None:
        notify(STOPPING)
        stack.close()

    grace = settings.delai_arret.total_seconds()
    watched = asyncio.create_task(keep_alive())
    try:
        await Parent(assignments, grace=grace, release=release, renewing=renewing).run(serving)
    finally:
        watched.cancel()


def check_database(settings: PlatformSettings) -> None:
    """See that the database answers and has the tables that this version works with.

    Raises:
        StartFault: Not so.
    """
    with faults_told():
        reach(settings.dsn)
        check_schema(settings.dsn, *platform_schemas(settings))


def migrate_database(config: Path | None) -> None:
    """Bring the database of the settings to the newest revision.

    Raises:
        StartFault: The settings are to be corrected, or the database refuses.
    """
    settings = read_settings(settings_place(config), lambda: PlatformSettings.load(config))
    with faults_told():
        reach(settings.dsn)
        for chain in platform_schemas(settings):
            migrate(settings.dsn, chain)
