"""Certificates obtained from a running sandbox by the commands' own code."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from typer.testing import CliRunner

from pfcng.cli import app
from pfcng.contract.catalogue import Offre, Product, TypeDemande, Usage
from pfcng.contract.messages import DemandeCertificat, RequeteSuiviActivite, Resultat
from support.demandes import HOPITAL, demande_for
from support.live import Sandbox

PHRASE: Final = "une phrase secrète"
ENVIRONMENT: Final = {"PFCNG_COFFRE_PHRASE": PHRASE}


def order(name: str) -> DemandeCertificat:
    """An ORG_AUTH_CLI of that name."""
    return replace(demande_for(Product(Offre.ORG, Usage.AUTH_CLI), ""), nom_applicatif=name)


class Run:
    """A command as it is typed."""

    def __init__(self, *arguments: object, env: dict[str, str] | None = None) -> None:
        words = [str(argument) for argument in arguments]
        result = CliRunner().invoke(app, words, prog_name="pfcng", env={**ENVIRONMENT, **(env or {})})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        self.status, self.stdout, self.stderr = result.exit_code, result.stdout, result.stderr

    @property
    def document(self) -> dict[str, Any]:
        import json  # noqa: PLC0415 - the tests that read text need none

        document: dict[str, Any] = json.loads(self.stdout)
        return document


def obtain(sandbox: Sandbox, folder: Path, home: Path, *options: object, name: str = "INSI-AUTO") -> Run:
    """``pfcng obtenir`` of an ORG_AUTH_CLI with the éditeur's card."""
    return Run(
        "obtenir",
        *("--profil", sandbox.path(sandbox.description["profils"]["cpa-editeur"])),
        *("--offre", "ORG", "--usage", "AUTH_CLI", "--struct", HOPITAL, "--nom-applicatif", name),
        *("--mail-demandeur", "demandeur@hopital.example", "--mail-informer", "informer@hopital.example"),
        *("--sortie", folder, "--parc", home),
        *options,
    )


def demandes_named(sandbox: Sandbox, name: str, kind: TypeDemande = TypeDemande.DEMANDES_CERTIFICAT) -> list[Resultat]:
    """What the platform has of that name, newest first."""
    request = RequeteSuiviActivite(type_demande=kind, offre=Offre.ORG, id_nat_struct=HOPITAL)
    with sandbox.client() as client:
        return [line for line in client.suivre(request) if line.nom_applicatif == name]
