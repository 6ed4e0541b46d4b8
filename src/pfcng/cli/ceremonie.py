"""``pfcng igc ceremonie``: roots and authorities, step by step."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.key_options import CeremonyKeys, KeyOptions, Lieu, Participant, option
from pfcng.cli.option_groups import spread


class Monde(StrEnum):
    """Whose hierarchy is made."""

    TEST = "TEST"
    PRODUCTION = "PRODUCTION"


@spread
def ceremonie(
    *,
    dossier: Annotated[Path, option("DOSSIER", "Où écrire certificats, CRL et procès-verbal ; créé si besoin.")],
    environnement: Annotated[Monde, option("TEST|PRODUCTION", "La hiérarchie à faire.")],
    url_http: Annotated[str, option("URL", "Où CRL et AC seront publiées ; inscrit dans les certificats.")],
    url_ldap: Annotated[
        str | None, option("URL", "L’annuaire des CRL, inscrit de même ; ldap:// et l’hôte de --url-http sinon.")
    ] = None,
    cles: Annotated[
        Lieu, option("fichiers|jeton|transit", "Où faire et garder les clés ; fichiers sans cette option.")
    ] = Lieu.FICHIERS,
    cles_racines: Annotated[
        Lieu | None, option("fichiers|jeton|transit", "Où sont celles des racines, si c’est ailleurs.")
    ] = None,
    taille: Annotated[int, option("BITS", "La taille des clés RSA : 4096 sans cette option, 3072 ou 2048.")] = 4096,
    validite: Annotated[int, option("ANS", "La durée des racines ; 20 sans cette option.")] = 20,
    dn_strict: Annotated[
        bool, typer.Option("--dn-strict", help="N’ajoute pas OU=EMULATEUR : pour un réseau fermé, jamais ailleurs.")
    ] = False,
    key_options: KeyOptions,
    cles_existantes: Annotated[
        bool, typer.Option("--cles-existantes", help="Prend les clés qui sont déjà là au lieu de s’arrêter.")
    ] = False,
    participant: Participant = None,
    oui: Annotated[bool, typer.Option("--oui", help="Ne demande pas de confirmation à chaque étape.")] = False,
) -> None:
    """Fait les racines puis les AC d’un environnement, étape par étape, et en dresse le procès-verbal signé.

    Les clés se font là où elles resteront : fichiers chiffrés, jeton PKCS#11 ou moteur transit. Interrompue, la
    cérémonie reprend où elle en était : relancez la même commande. Elle ne refait jamais ce qui est fait. Voir
    docs/cles.md.

    \b
    Exemple :
      pfcng igc ceremonie --dossier igc --environnement TEST --url-http http://igc.example

    \b
    Code de sortie : 0 la cérémonie est finie ; 1 arrêtée à une question ;
    2 commande, clé ou dossier à corriger ; 3 clé injoignable, à reprendre.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work.ceremonie import Choices, run, stops_told  # noqa: PLC0415 - the help must not wait for it

    choices = Choices(
        folder=dossier,
        environment=environnement,
        url_http=url_http,
        url_ldap=url_ldap,
        place=cles,
        root_place=cles_racines or cles,
        bits=taille,
        years=validite,
        strict=dn_strict,
        keys=CeremonyKeys(options=key_options, folder=dossier, new=True),
        accept_existing=cles_existantes,
        participants=tuple(participant or ()),
        yes=oui,
    )
    with stops_told():
        run(choices)
