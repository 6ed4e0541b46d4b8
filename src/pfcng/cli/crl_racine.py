"""``pfcng igc crl``: the CRLs of the roots, renewed; an authority, revoked."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.key_options import CeremonyKeys, KeyOptions, Lieu, Participant, option
from pfcng.cli.option_groups import spread


class Raison(StrEnum):
    """Why an authority is revoked."""

    COMPROMISSION = "COMPROMISSION"
    REMPLACEMENT = "REMPLACEMENT"
    CESSATION = "CESSATION"


@spread
def crl(
    *,
    dossier: Annotated[Path, option("DOSSIER", "Celui de la cérémonie : certificats, CRL, clés en fichiers.")],
    racine: Annotated[
        list[str] | None, option("NOM", "La racine, comme ACR-EL-TEST ; toutes sans cette option. Peut être répétée.")
    ] = None,
    revoquer: Annotated[str | None, option("NOM", "L’AC à révoquer, comme ACI-EL-ORG-TEST. Pour toujours.")] = None,
    raison: Annotated[
        Raison | None, option("COMPROMISSION|REMPLACEMENT|CESSATION", "Pourquoi ; obligatoire avec --revoquer.")
    ] = None,
    cles: Annotated[
        Lieu, option("fichiers|jeton|transit", "Où sont les clés des racines ; fichiers sans cette option.")
    ] = Lieu.FICHIERS,
    key_options: KeyOptions,
    participant: Participant = None,
    oui: Annotated[bool, typer.Option("--oui", help="Ne demande pas de confirmation.")] = False,
) -> None:
    """Refait les CRL des racines, ou y révoque une AC, et en dresse le procès-verbal signé.

    Une CRL refaite garde ce qui était révoqué et prend un numéro plus grand. Portez-la ensuite là où la plateforme la
    lit (réglage publication.crls). Voir docs/cles.md.

    \b
    Exemples :
      pfcng igc crl --dossier igc
      pfcng igc crl --dossier igc --revoquer ACI-EL-ORG-TEST --raison COMPROMISSION

    \b
    Code de sortie : 0 les CRL sont faites ; 1 arrêtée à une question ;
    2 commande, clé ou dossier à corriger ; 3 clé injoignable, à reprendre.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work.ceremonie import stops_told  # noqa: PLC0415 - the help must not wait for it
    from pfcng.cli.work.crl_racine import Order, run  # noqa: PLC0415 - idem

    order = Order(
        folder=dossier,
        roots=tuple(racine or ()),
        withdrawn=revoquer,
        reason=raison,
        place=cles,
        keys=CeremonyKeys(options=key_options, folder=dossier, new=False),
        participants=tuple(participant or ()),
        yes=oui,
    )
    with stops_told():
        run(order)
