"""``pfcng serve`` and ``pfcng migrer``: the platform for real, and its database."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pfcng.cli.french import INTERRUPTED
from pfcng.cli.output import Status

if TYPE_CHECKING:
    from pfcng.node.faults import StartFault

ConfigOption = Annotated[
    Path, typer.Option("--config", metavar="FICHIER", help="Les réglages de la plateforme (TOML).")
]


def serve(
    *,
    config: ConfigOption,
    with_worker: Annotated[
        bool, typer.Option("--with-worker", help="Envoie aussi les courriels et fait ce qui vient à échéance.")
    ] = False,
) -> None:
    """Ouvre la plateforme : le Web Service en HTTPS, les CRL, les AC et l’OCSP en HTTP, en plusieurs processus.

    La base doit être à jour (pfcng migrer). SIGTERM ou Ctrl-C arrête la plateforme une fois les requêtes en cours
    terminées, et sans attendre si on le répète ; SIGHUP relit le certificat, la clé et les AC clientes sans couper de
    connexion. Un processus qui meurt est remplacé.

    \b
    Exemple :
      pfcng serve --config /etc/pfcng/pfcng.toml

    \b
    Code de sortie : 0 la plateforme a été arrêtée ; 2 réglages à corriger, tous
    nommés, ou base à mettre à jour ; 3 base, adresse d’écoute ou système
    indisponible : à réessayer.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.node.faults import StartFault  # noqa: PLC0415 - the help must not wait for it
    from pfcng.node.run import Addresses, run_node  # noqa: PLC0415 - idem

    def tell(where: Addresses) -> None:
        publishes = f" et publie sur {where.http}" if where.http else ""
        with suppress(OSError):  # a disk that is full keeps nobody from serving
            typer.echo(f"La plateforme écoute sur {where.service}{publishes} ; exploitation : {where.exploitation}.")

    try:
        run_node(config, with_worker=with_worker, on_ready=tell)
    except StartFault as fault:
        raise fail(fault) from None
    except KeyboardInterrupt:  # before it served
        raise typer.Exit(INTERRUPTED) from None


def migrer(*, config: ConfigOption) -> None:
    """Met la base de la plateforme à jour : crée ou complète ses tables, sans rien perdre de ce qu’elles ont.

    À lancer avant « pfcng serve » et « pfcng worker » d’une nouvelle version, qui refusent une base plus ancienne.

    \b
    Exemple :
      pfcng migrer --config /etc/pfcng/pfcng.toml

    \b
    Code de sortie : 0 base à jour ; 2 réglages à corriger ; 3 base injoignable ou qui refuse.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.node.faults import StartFault  # noqa: PLC0415 - the help must not wait for it
    from pfcng.node.run import migrate_database  # noqa: PLC0415 - idem

    try:
        migrate_database(config)
    except StartFault as fault:
        raise fail(fault) from None
    typer.echo("La base est à jour.")


def fail(fault: "StartFault") -> typer.Exit:
    """Tell why a program cannot start; the exit to raise."""
    typer.echo(f"Erreur : {fault}", err=True)
    return typer.Exit(Status.TRANSPORT if fault.is_outage else Status.USAGE)
