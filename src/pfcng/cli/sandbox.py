"""``pfcng sandbox``: a platform in a box."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pfcng.cli.french import INTERRUPTED, FrenchCommand, FrenchGroup
from pfcng.cli.options import Json
from pfcng.cli.output import finish

if TYPE_CHECKING:
    from pfcng.sandbox.run import Ready

STARTED = time.monotonic()
"""When this program was loaded, for the time that the start took."""


app = typer.Typer(
    name="sandbox",
    cls=FrenchGroup,
    invoke_without_command=True,
    subcommand_metavar="[COMMANDE …]",
    rich_markup_mode=None,
)


@app.callback()
def sandbox(
    context: typer.Context,
    *,
    data: Annotated[
        Path,
        typer.Option(
            metavar="DOSSIER",
            show_default=False,
            help="Le dossier, créé s’il n’existe pas ; sandbox sans cette option.",
        ),
    ] = Path("sandbox"),
    host: Annotated[
        str,
        typer.Option(metavar="ADRESSE", show_default=False, help="L’adresse d’écoute ; 127.0.0.1 sans cette option."),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            show_default=False,
            help="Le port du Web Service, 0 pour un port libre ; 8443 sans cette option.",
        ),
    ] = 8443,
    http_port: Annotated[
        int,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            show_default=False,
            help="Le port des CRL et des AC, 0 pour un port libre ; 8080 sans cette option.",
        ),
    ] = 8080,
    taille_cle_ac: Annotated[
        int,
        typer.Option(
            metavar="BITS",
            show_default=False,
            help="La taille des clés d’AC créées : 2048 sans cette option, 3072, ou 4096 comme les vraies AC.",
        ),
    ] = 2048,
) -> None:
    """Ouvre un bac à sable : plateforme complète, cartes et annuaire de démonstration.

    À la première ouverture, le dossier reçoit les AC, les cartes, les profils, la base de données et annuaire.toml,
    que vous pouvez modifier. Ctrl-C arrête le bac à sable ; ses données restent.

    Avec une commande, agit sur le bac à sable ouvert : son horloge, ses pannes.

    \b
    Exemple :
      pfcng sandbox --data bac --port 9443
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    if context.invoked_subcommand is not None:
        context.obj = data
        return
    from pfcng.sandbox.mistakes import SandboxError  # noqa: PLC0415 - the help must not wait for it
    from pfcng.sandbox.run import Options, run  # noqa: PLC0415 - idem

    if taille_cle_ac not in {2048, 3072, 4096}:
        _stop("La taille de --taille-cle-ac doit être 2048, 3072 ou 4096.", status=2)
    _configure_log(level="warning")
    options = Options(data=data, host=host, port=port, http_port=http_port, ca_key_bits=taille_cle_ac)
    try:
        run(options, _on_ready)
    except SandboxError as error:
        _stop(str(error), status=1)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


_Opened = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DOSSIER", show_default=False, help="Le dossier du bac à sable ; sandbox sans cette option."
    ),
]


@app.command(cls=FrenchCommand)
def avancer(
    context: typer.Context,
    *,
    duree: Annotated[str, typer.Argument(metavar="DURÉE", help="De combien : 60j, 3a, 12h…", show_default=False)],
    data: _Opened = None,
    json: Json = False,
) -> None:
    """Avance l’horloge du bac à sable, jour par jour, et fait ce qui vient à échéance.

    Délais, rappels, validités et CRL suivent cette horloge, qui ne recule pas et reste d’une ouverture à l’autre. Les
    cartes qui expireraient sont refaites. DURÉE : un nombre et a (365 jours), sem, j, h, m ou s.

    \b
    Exemple :
      pfcng sandbox avancer 60j

    \b
    Code de sortie : 0 avancée ; 1 refusé ; 2 commande à corriger ;
    3 bac à sable fermé.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage,
    transport), message, maintenant, avance_secondes, pannes (nom → secondes
    restantes ou null), fait (par genre d’échéance).
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work.sandbox_control import advance  # noqa: PLC0415 - the help must not wait for it

    finish(advance(_folder(context, data), duree), as_json=json)


@app.command(cls=FrenchCommand)
def panne(
    context: typer.Context,
    *,
    nom: Annotated[str | None, typer.Argument(metavar="PANNE", help="Laquelle.", show_default=False)] = None,
    pendant: Annotated[
        str | None, typer.Option(metavar="DURÉE", help="Combien de temps, comme 10m ; sinon jusqu’à retablir.")
    ] = None,
    data: _Opened = None,
    json: Json = False,
) -> None:
    """Met le bac à sable en panne ; sans PANNE, montre celles qui existent et celles en cours.

    \b
    Exemple :
      pfcng sandbox panne igc-inaccessible --pendant 10m

    \b
    Code de sortie : 0 fait ; 1 refusé ; 2 commande à corriger ;
    3 bac à sable fermé.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage,
    transport), message, maintenant, avance_secondes, pannes (nom → secondes
    restantes ou null), fait.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work.sandbox_control import break_down  # noqa: PLC0415 - the help must not wait for it

    finish(break_down(_folder(context, data), nom, pendant), as_json=json)


@app.command(cls=FrenchCommand)
def retablir(context: typer.Context, *, data: _Opened = None, json: Json = False) -> None:
    """Met fin à toutes les pannes.

    \b
    Exemple :
      pfcng sandbox retablir --data bac

    \b
    Code de sortie : 0 fait ; 2 commande à corriger ; 3 bac à sable fermé.

    \b
    Clés de l’objet JSON (null si sans objet) : etat (fait, refus, usage,
    transport), message, maintenant, avance_secondes, pannes, fait.
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work.sandbox_control import restore  # noqa: PLC0415 - the help must not wait for it

    finish(restore(_folder(context, data)), as_json=json)


def _folder(context: typer.Context, data: Path | None) -> Path:
    """The folder, told after the command or before it."""
    before: Path = context.obj
    return data or before


def _stop(message: str, *, status: int) -> None:
    typer.echo(f"Erreur : {message}", err=True)
    raise typer.Exit(status)


def _on_ready(ready: "Ready") -> None:
    """What happens from now on is told; what the start does by itself would only stand before the welcome."""
    _welcome(ready)
    _configure_log(level="info")


def _configure_log(*, level: str) -> None:
    """One line an event of that level and above, on the standard error."""
    import logging  # noqa: PLC0415 - the help must not wait for it

    from pfcng.watch.log import log_for_people  # noqa: PLC0415 - idem

    log_for_people(logging.getLevelNamesMapping()[level.upper()])


def _welcome(ready: "Ready") -> None:
    from rich.console import Console  # noqa: PLC0415 - the help must not wait for it
    from rich.text import Text  # noqa: PLC0415 - idem

    console = Console(highlight=False, soft_wrap=True)
    seconds = f"{time.monotonic() - STARTED:.1f}".replace(".", ",")
    console.print(Text(f"Le bac à sable est prêt ({seconds} s).", style="bold green"))
    lines = (
        ("Web Service, serveurs", ready.addresses.ws_srv),
        ("Web Service, cartes", ready.addresses.ws_apt),
        ("CRL et AC", ready.addresses.http),
        ("Description", str(ready.directory / "sandbox.json")),
        ("Profils du client", str(ready.directory / "profils")),
        ("Annuaire", str(ready.directory / "annuaire.toml")),
    )
    width = max(len(label) for label, _ in lines)
    for label, value in lines:
        console.print(Text.assemble("  ", (f"{label:<{width}}", "dim"), "  ", value))
    if ready.notice:
        console.print(Text(ready.notice, style="yellow"))
    console.print(Text("Ctrl-C pour arrêter.", style="dim"))
