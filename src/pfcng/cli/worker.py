"""``pfcng worker``: sends the mails and does what falls due, beside the platform's servers."""

from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.output import Status
from pfcng.cli.serve import fail


def worker(
    *,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FICHIER", help="Les réglages de la plateforme (TOML) ; sans lui, l’environnement seul."),
    ] = None,
) -> None:
    """Envoie les courriels et fait ce qui vient à échéance, jusqu’à Ctrl-C ou SIGTERM.

    Autant de workers que voulu, sur autant de machines : ils se partagent la base. Celui qu’on arrête finit ce qu’il
    fait ; un autre reprend les tâches de celui qui meurt. Les réglages sont ceux de « pfcng serve », plus « courrier »
    (docs/courrier.md). Le bac à sable a le sien : cette commande est pour une plateforme.

    \b
    Exemple :
      pfcng worker --config /etc/pfcng/pfcng.toml

    \b
    Code de sortie : 0 arrêté ; 2 réglages à corriger ou base à mettre à jour ; 3 base injoignable.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work.worker_process import run_worker  # noqa: PLC0415 - the help must not wait for it
    from pfcng.node.faults import StartFault  # noqa: PLC0415 - idem

    try:
        run_worker(config)
    except StartFault as fault:
        raise fail(fault) from None
    raise typer.Exit(Status.DONE)
