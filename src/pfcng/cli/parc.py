"""``pfcng parc``: the inventory of what was obtained, its renewals, its exports."""

from pathlib import Path
from typing import Annotated

import typer

from pfcng.cli.demande_options import ParcDossier, PhraseFichier
from pfcng.cli.french import FrenchCommand, FrenchGroup
from pfcng.cli.options import Json
from pfcng.cli.output import finish

app = typer.Typer(
    name="parc",
    cls=FrenchGroup,
    help="Le parc : les certificats obtenus, leurs échéances, leurs renouvellements.",
    no_args_is_help=True,
    subcommand_metavar="COMMANDE …",
)
DossierArgument = Annotated[Path, typer.Argument(metavar="DOSSIER", help="Un dossier de « pfcng obtenir ».")]


@app.command(cls=FrenchCommand)
def lister(*, parc: ParcDossier = None, json: Json = False) -> None:
    """Liste les certificats : quoi, pour qui, jusqu’à quand, où ils servent.

    \b
    Exemple :
      pfcng parc lister

    \b
    Clés de l’objet JSON : les communes, plateforme_lue_le et certificats
    (chacun : nom, dossier, produit, structure, application, sujet,
    numero_serie, debut_validite, fin_validite, jours, etat, detail, lieux,
    profil).
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import fleet  # noqa: PLC0415 - the help must not wait for cryptography

    finish(fleet.lister(parc), as_json=json)


@app.command(cls=FrenchCommand)
def actualiser(*, parc: ParcDossier = None, json: Json = False) -> None:
    """Lit le suivi de la plateforme : révocations, et certificats obtenus autrement.

    \b
    Exemple :
      pfcng parc actualiser
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import fleet  # noqa: PLC0415 - the help must not wait for cryptography and httpx

    finish(fleet.actualiser(parc, shown=not json), as_json=json)


@app.command(cls=FrenchCommand)
def renouveler(
    *,
    avant: Annotated[
        str,
        typer.Option(
            metavar="JOURS",
            show_default=False,
            help="Renouvelle ce qui finit dans ce délai, par exemple 30j ; 60j sans cette option.",
        ),
    ] = "60j",
    simuler: Annotated[bool, typer.Option("--simuler", help="Dit ce qui serait fait, et ne fait rien.")] = False,
    parc: ParcDossier = None,
    phrase_fichier: PhraseFichier = None,
    json: Json = False,
) -> None:
    """Renouvelle ce qui arrive à échéance, et finit ce qui était interrompu.

    Faite pour cron et systemd : rien à répondre, une ligne par certificat, un second lancement attend le premier.
    Chaque certificat renouvelé prend la place de l’ancien sous les mêmes noms, puis deploiement.toml est suivi : copies
    et crochets. Un crochet qui échoue rétablit l’ancien ; le prochain lancement réessaie sans nouvelle demande.

    \b
    Exemples :
      pfcng parc renouveler --avant 60j
      0 5 * * *  pfcng parc renouveler   (dans une crontab)

    \b
    Code de sortie, le premier qui convient : 4 copie ou crochet en échec ;
    3 réseau, TLS, accès refusé ou panne ; 1 refus de la plateforme ;
    2 réglage, coffre ou fichier à corriger ; 0 tout est fait.

    \b
    Clés de l’objet JSON : les communes et certificats (chacun : dossier,
    etat, numero_serie, fin_validite, message, conseil).
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import fleet  # noqa: PLC0415 - the help must not wait for cryptography and httpx

    outcome = fleet.renouveler(avant, simuler=simuler, parc=parc, phrase_file=phrase_fichier, shown=not json)
    finish(outcome, as_json=json)


@app.command(cls=FrenchCommand)
def deployer(*, dossier: DossierArgument, json: Json = False) -> None:
    """Suit deploiement.toml maintenant : copies et crochets, pour le certificat en service.

    \b
    Exemple :
      pfcng parc deployer insi-auto
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import fleet  # noqa: PLC0415 - the help must not wait for cryptography

    finish(fleet.deployer(dossier), as_json=json)


@app.command(cls=FrenchCommand)
def ajouter(*, dossier: DossierArgument, parc: ParcDossier = None, json: Json = False) -> None:
    """Ajoute à l’inventaire un dossier déplacé, ou venu d’une autre machine.

    \b
    Exemple :
      pfcng parc ajouter /srv/certificats/insi-auto
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import fleet  # noqa: PLC0415 - the help must not wait for cryptography

    finish(fleet.ajouter(dossier, parc), as_json=json)


@app.command(cls=FrenchCommand)
def oublier(*, dossier: DossierArgument, parc: ParcDossier = None, json: Json = False) -> None:
    """Retire un dossier de l’inventaire ; ses fichiers restent.

    \b
    Exemple :
      pfcng parc oublier insi-auto
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import fleet  # noqa: PLC0415 - the help must not wait for cryptography

    finish(fleet.oublier(dossier, parc), as_json=json)


@app.command(cls=FrenchCommand)
def exporter(
    *,
    forme: Annotated[str, typer.Option("--format", metavar="<csv|json|prometheus>", help="La forme.")],
    sortie: Annotated[
        Path | None,
        typer.Option(metavar="FICHIER", help="Le fichier, remplacé d’un coup ; la sortie standard sans cette option."),
    ] = None,
    parc: ParcDossier = None,
    json: Json = False,
) -> None:
    """Exporte l’inventaire : CSV pour un tableur, JSON, ou le texte de Prometheus.

    \b
    Exemples :
      pfcng parc exporter --format csv --sortie parc.csv
      pfcng parc exporter --format prometheus \\
        --sortie /var/lib/prometheus/node-exporter/pfcng.prom
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import fleet  # noqa: PLC0415 - the help must not wait for cryptography

    outcome = fleet.exporter(forme, sortie, parc)
    text = outcome.data.get("texte")
    if sortie is None and isinstance(text, str) and not json:
        typer.echo(text, nl=False)
        raise typer.Exit
    finish(outcome, as_json=json)


@app.command(cls=FrenchCommand)
def systemd(
    *,
    sortie: Annotated[
        Path, typer.Option(metavar="DOSSIER", help="Où écrire les deux unités, par exemple /etc/systemd/system.")
    ],
    json: Json = False,
) -> None:
    """Écrit les unités systemd qui renouvellent le parc chaque jour.

    \b
    Exemple :
      pfcng parc systemd --sortie /etc/systemd/system
      systemctl enable --now pfcng-parc.timer
    """  # noqa: D301 - \b is typer's mark for a paragraph that is not filled
    from pfcng.cli.work import fleet  # noqa: PLC0415 - the help must not wait for cryptography

    finish(fleet.systemd(sortie), as_json=json)
