"""``pfcng igc ceremonie``: roots and authorities, step by step."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.french import INTERRUPTED


class Monde(StrEnum):
    """Whose hierarchy is made."""

    TEST = "TEST"
    PRODUCTION = "PRODUCTION"


class Lieu(StrEnum):
    """Where keys are made and kept."""

    FICHIERS = "fichiers"
    JETON = "jeton"
    TRANSIT = "transit"


def _option(metavar: str, text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(metavar=metavar, show_default=False, help=text)
    return option


def ceremonie(
    *,
    dossier: Annotated[Path, _option("DOSSIER", "Où écrire certificats, CRL et procès-verbal ; créé si besoin.")],
    environnement: Annotated[Monde, _option("TEST|PRODUCTION", "La hiérarchie à faire.")],
    url_http: Annotated[str, _option("URL", "Où CRL et AC seront publiées ; inscrit dans les certificats.")],
    url_ldap: Annotated[
        str | None, _option("URL", "L’annuaire des CRL, inscrit de même ; ldap:// et l’hôte de --url-http sinon.")
    ] = None,
    cles: Annotated[
        Lieu, _option("fichiers|jeton|transit", "Où faire et garder les clés ; fichiers sans cette option.")
    ] = Lieu.FICHIERS,
    cles_racines: Annotated[
        Lieu | None, _option("fichiers|jeton|transit", "Où sont celles des racines, si c’est ailleurs.")
    ] = None,
    taille: Annotated[int, _option("BITS", "La taille des clés RSA : 4096 sans cette option, 3072 ou 2048.")] = 4096,
    validite: Annotated[int, _option("ANS", "La durée des racines ; 20 sans cette option.")] = 20,
    dn_strict: Annotated[
        bool, typer.Option("--dn-strict", help="N’ajoute pas OU=EMULATEUR : pour un réseau fermé, jamais ailleurs.")
    ] = False,
    mot_de_passe_fichier: Annotated[
        Path | None, _option("FICHIER", "Le mot de passe des fichiers de clés ; demandé sinon.")
    ] = None,
    mot_de_passe_env: Annotated[str | None, _option("VARIABLE", "De même, dans l’environnement.")] = None,
    module: Annotated[Path | None, _option("FICHIER", "Le module PKCS#11 du jeton.")] = None,
    jeton: Annotated[str | None, _option("ÉTIQUETTE", "Le jeton.")] = None,
    pin_fichier: Annotated[Path | None, _option("FICHIER", "Le code PIN du jeton ; demandé sinon.")] = None,
    pin_env: Annotated[str | None, _option("VARIABLE", "De même, dans l’environnement.")] = None,
    transit: Annotated[str | None, _option("URL", "Le serveur OpenBao ou Vault.")] = None,
    montage: Annotated[str, _option("NOM", "Le moteur transit du serveur ; transit sans cette option.")] = "transit",
    transit_ac: Annotated[Path | None, _option("FICHIER", "Les AC du serveur, PEM ; celles du système sinon.")] = None,
    acces_fichier: Annotated[Path | None, _option("FICHIER", "Le jeton d’accès au serveur ; demandé sinon.")] = None,
    acces_env: Annotated[str | None, _option("VARIABLE", "De même, dans l’environnement.")] = None,
    cles_existantes: Annotated[
        bool, typer.Option("--cles-existantes", help="Prend les clés qui sont déjà là au lieu de s’arrêter.")
    ] = False,
    participant: Annotated[
        list[str] | None, _option("NOM", "Qui est présent, pour le procès-verbal ; peut être répétée.")
    ] = None,
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
    from pfcng.cli.ceremonie_run import CeremonyStopped, Choices, run  # noqa: PLC0415 - the help must not wait for it

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
        password_file=mot_de_passe_fichier,
        password_variable=mot_de_passe_env,
        module=module,
        token=jeton,
        pin_file=pin_fichier,
        pin_variable=pin_env,
        transit=transit,
        mount=montage,
        transit_ca=transit_ac,
        access_file=acces_fichier,
        access_variable=acces_env,
        accept_existing=cles_existantes,
        participants=tuple(participant or ()),
        yes=oui,
    )
    try:
        run(choices)
    except CeremonyStopped as stopped:
        typer.echo(str(stopped), err=True)
        raise typer.Exit(stopped.status) from None
    except KeyboardInterrupt:
        typer.echo("\nInterrompue. Relancez la même commande pour reprendre.", err=True)
        raise typer.Exit(INTERRUPTED) from None
