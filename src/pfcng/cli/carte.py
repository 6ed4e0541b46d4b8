"""``pfcng igc carte``: the test cards of a PFCNG-IGC."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.french import FrenchCommand, FrenchGroup
from pfcng.cli.key_options import option

carte = typer.Typer(
    name="carte",
    cls=FrenchGroup,
    help="Les cartes de test, en fichiers : pour essayer une plateforme sans carte de l’IGC-Santé.",
    no_args_is_help=True,
    subcommand_metavar="COMMANDE …",
    rich_markup_mode=None,
)
_Config = Annotated[Path, option("FICHIER", "Les réglages de PFCNG-IGC (TOML).")]


@carte.callback()
def _carte() -> None:
    """Les cartes de test."""


@carte.command(cls=FrenchCommand)
def faire(
    *,
    config: _Config,
    sortie: Annotated[Path, option("DOSSIER", "Le dossier à faire : deux certificats et leurs clés.")],
    type_: Annotated[str, typer.Option("--type", metavar="CPS|CPF|CDE|CPE|CPA", help="Le type de la carte.")],
    id_nat: Annotated[str, option("ID", "L’identifiant national du porteur, comme dans l’annuaire.")],
    nom: Annotated[str, option("NOM", "Son nom.")],
    prenom: Annotated[str, option("PRÉNOM", "Son prénom.")],
    titre: Annotated[str | None, option("TITRE", "Sa profession en clair ; un employé peut s’en passer.")] = None,
    profession: Annotated[int | None, option("CODE", "Le code de sa profession (CPS, CPF).")] = None,
    struct: Annotated[str | None, option("ID", "La structure de la carte (CDE, CPE, CPA).")] = None,
    raison_sociale: Annotated[str | None, option("NOM", "La raison sociale de cette structure.")] = None,
    departement: Annotated[str | None, option("CODE", "Son département, comme 69 ou 2A.")] = None,
) -> None:
    """Fait une carte de test : un certificat d’authentification et un de signature, avec leurs clés.

    L’AC des cartes (ACI-ST-PP-TEST ; ACI-FO-PP-TEST pour CPS et CPF) est, avec sa clé, dans « autres_autorites » des
    réglages. Les clés ne sont pas chiffrées : ce n’est qu’une carte de test, jamais de PRODUCTION.

    \b
    Exemple :
      pfcng igc carte faire --config igc.toml --sortie zoe --type CPA \\
        --id-nat 599900034200017/CPAT0001 --nom ROUX-TEST --prenom ZOE \\
        --struct 399900034200017 --raison-sociale "EDITEUR FICTIF" --departement 21

    \b
    Code de sortie : 0 la carte est faite ; 2 commande ou réglages à corriger ;
    3 base ou clé injoignable.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import carte as work  # noqa: PLC0415 - the help must not wait for it

    given = work.Given(
        type=type_,
        id_nat=id_nat,
        nom=nom,
        prenom=prenom,
        titre=titre,
        profession=profession,
        struct=struct,
        raison_sociale=raison_sociale,
        departement=departement,
    )

    def act() -> str:
        work.make(config, given.spec(), sortie, datetime.now(UTC))
        return f"La carte est dans {sortie} : authentification.pem et .key pour [tls], signature.pem et .key."

    _told(act)


@carte.command(cls=FrenchCommand)
def revoquer(
    *,
    config: _Config,
    certificat: Annotated[Path, option("FICHIER", "L’un des deux certificats de la carte (PEM).")],
) -> None:
    """Met en opposition un certificat d’une carte de test, pour toujours.

    \b
    Exemple :
      pfcng igc carte revoquer --config igc.toml --certificat zoe/authentification.pem

    \b
    Code de sortie : 0 révoqué ; 2 commande ou réglages à corriger ; 3 base injoignable.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import carte as work  # noqa: PLC0415 - the help must not wait for it

    def act() -> str:
        new = work.revoke(config, certificat, datetime.now(UTC))
        return "Le certificat est révoqué." if new else "Le certificat était déjà révoqué."

    _told(act)


def _told(act: Callable[[], str]) -> None:
    """Do it, and say what became of it."""
    from pfcng.cli.serve import fail  # noqa: PLC0415 - idem
    from pfcng.node.faults import StartFault  # noqa: PLC0415 - idem

    try:
        typer.echo(act())
    except StartFault as fault:
        raise fail(fault) from None
