"""``pfcng igc``: PFCNG-IGC, the authority: its service, and the ceremony of its keys."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli import ceremonie, crl_racine
from pfcng.cli.carte import carte
from pfcng.cli.french import INTERRUPTED, FrenchCommand, FrenchGroup
from pfcng.cli.serve import fail

igc = typer.Typer(
    name="igc",
    cls=FrenchGroup,
    help="PFCNG-IGC, l’autorité qui émet et révoque les certificats.",
    no_args_is_help=True,
    subcommand_metavar="COMMANDE …",
    rich_markup_mode=None,
)


@igc.callback()
def _igc() -> None:
    """PFCNG-IGC, l’autorité qui émet et révoque les certificats."""


@igc.command(cls=FrenchCommand)
def serve(
    *,
    config: Annotated[Path, typer.Option(metavar="FICHIER", help="Les réglages du service (TOML).")],
) -> None:
    """Ouvre le service de PFCNG-IGC : HTTPS avec certificat client, sa base, sa liste blanche.

    Chaque réglage du fichier peut aussi venir de l’environnement, qui l’emporte : PFCNG_IGC_DSN, PFCNG_IGC_ECOUTE…
    Ctrl-C arrête le service une fois les requêtes en cours terminées ; SIGHUP lui fait relire son certificat et sa
    liste blanche.

    \b
    Exemple :
      pfcng igc serve --config igc.toml

    \b
    Code de sortie : 0 le service a été arrêté ; 2 réglages à corriger, tous
    nommés, ou base à mettre à jour (pfcng igc migrer) ; 3 base ou adresse d’écoute indisponible.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work.igc_serve import run_service  # noqa: PLC0415 - the help must not wait for it
    from pfcng.node.faults import StartFault  # noqa: PLC0415 - idem

    def tell(service: str, http: str, exploitation: str) -> None:
        with suppress(OSError):  # a disk that is full keeps nobody from serving
            typer.echo(f"PFCNG-IGC écoute sur {service} et publie sur {http} ; exploitation : {exploitation}.")

    try:
        run_service(config, tell)
    except StartFault as fault:
        raise fail(fault) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@igc.command(cls=FrenchCommand)
def migrer(
    *,
    config: Annotated[Path, typer.Option(metavar="FICHIER", help="Les réglages du service (TOML).")],
) -> None:
    """Met la base de PFCNG-IGC à jour : crée ou complète ses tables, sans rien perdre de ce qu’elles ont.

    \b
    Exemple :
      pfcng igc migrer --config igc.toml

    \b
    Code de sortie : 0 base à jour ; 2 réglages à corriger ; 3 base injoignable ou qui refuse.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work.igc_serve import migrate_igc  # noqa: PLC0415 - the help must not wait for it
    from pfcng.node.faults import StartFault  # noqa: PLC0415 - idem

    try:
        migrate_igc(config)
    except StartFault as fault:
        raise fail(fault) from None
    typer.echo("La base est à jour.")


@igc.command(cls=FrenchCommand)
def verifier(
    *,
    config: Annotated[Path, typer.Option(metavar="FICHIER", help="Les réglages du service (TOML).")],
) -> None:
    """Nomme toutes les fautes des réglages en une fois : noms, valeurs, fichiers, clés, certificats, imprudences.

    Lit le fichier et l’environnement comme le fait « pfcng igc serve », ouvre chaque clé et chaque certificat, et
    n’écoute ni ne se connecte nulle part.

    \b
    Exemple :
      pfcng igc verifier --config igc.toml

    \b
    Code de sortie : 0 rien à corriger ; 2 fautes, une par ligne.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.node.faults import StartFault  # noqa: PLC0415 - the help must not wait for it
    from pfcng.node.settings_check import check_settings  # noqa: PLC0415 - idem
    from pfcng.settings import IgcSettings  # noqa: PLC0415 - idem

    try:
        check_settings(config, IgcSettings)
    except StartFault as fault:
        raise fail(fault) from None
    typer.echo(f"Rien à corriger dans {config}.")


igc.command(cls=FrenchCommand)(ceremonie.ceremonie)
igc.command(cls=FrenchCommand)(crl_racine.crl)
igc.add_typer(carte)
