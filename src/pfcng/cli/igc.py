"""``pfcng igc``: PFCNG-IGC, the authority."""

import typer

from pfcng.cli import ceremonie
from pfcng.cli.french import FrenchCommand, FrenchGroup

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


igc.command(cls=FrenchCommand)(ceremonie.ceremonie)
