"""``pfcng``: thin commands over the library.

Commands import what they need when they run, so that the help comes at once.
"""

import sys
import warnings
from typing import Annotated

import typer

from pfcng.cli import (
    annuaire,
    certificat,
    coffre,
    config,
    courrier,
    demander,
    diagnostiquer,
    habilitation,
    igc,
    journal,
    liste_blanche,
    obtenir,
    parc,
    reconcilier,
    renouveler,
    retirer,
    revoquer,
    sandbox,
    serve,
    suivre,
    taches,
    verifier,
    worker,
)
from pfcng.cli.french import FrenchCommand, FrenchGroup

app = typer.Typer(
    name="pfcng",
    cls=FrenchGroup,
    help="Certificats de l’IGC-Santé par le Web Service : plateforme, bac à sable et client.",
    no_args_is_help=True,
    subcommand_metavar="COMMANDE …",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command(cls=FrenchCommand)(obtenir.obtenir)
app.command(cls=FrenchCommand)(obtenir.reprendre)
app.command(cls=FrenchCommand)(demander.demander)
app.command(cls=FrenchCommand)(retirer.retirer)
app.command(cls=FrenchCommand)(renouveler.renouveler)
app.command(cls=FrenchCommand)(revoquer.revoquer)
app.command(cls=FrenchCommand)(suivre.suivre)
app.add_typer(parc.app)
app.add_typer(coffre.app)
app.command(cls=FrenchCommand)(verifier.verifier)
app.command(cls=FrenchCommand)(diagnostiquer.diagnostiquer)
app.add_typer(sandbox.app)
app.command(cls=FrenchCommand)(serve.serve)
app.command(cls=FrenchCommand)(worker.worker)
app.command(cls=FrenchCommand)(serve.migrer)
app.add_typer(config.app)
app.add_typer(certificat.certificat)
app.add_typer(annuaire.annuaire)
app.add_typer(habilitation.habilitation)
app.add_typer(liste_blanche.liste_blanche)
app.add_typer(journal.app)
app.add_typer(courrier.app)
app.add_typer(taches.app)
app.command(cls=FrenchCommand)(reconcilier.reconcilier)
app.add_typer(igc.igc)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

        try:
            typer.echo(f"pfcng {version('pfcng')}")
        except PackageNotFoundError:
            typer.echo("pfcng (sources non installées)")
        raise typer.Exit


@app.callback()
def pfcng(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Affiche la version.")
    ] = False,
) -> None:
    """Certificats de l’IGC-Santé par le Web Service : plateforme, bac à sable et client."""


def main() -> None:
    """Run the program on the command line's arguments, and exit with its status."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # what a library has to say to programmers is nothing to a user
    app(prog_name="pfcng")
