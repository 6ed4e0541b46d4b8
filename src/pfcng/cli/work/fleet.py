"""The work of ``pfcng parc``."""

import re
import shutil
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Final

from pfcng.cli.output import ETATS, Outcome, Status, counted
from pfcng.cli.work import obtaining, session
from pfcng.cli.work.failure import failure, usage
from pfcng.client import Client, ClientError, Profile
from pfcng.client.deployment import Deployment, DeploymentError
from pfcng.client.dossier import Dossier, DossierError
from pfcng.client.export import Format, export
from pfcng.client.files import file_fault, replace_whole
from pfcng.client.parc import Line, Parc, is_due
from pfcng.client.vault import Vault
from pfcng.contract.paris import PARIS

UNITS: Final = ("pfcng-parc.service", "pfcng-parc.timer")
_DAYS: Final = re.compile(r"(\d{1,5})\s*j?")
_PUBLIC: Final = 0o644
_WORST: Final = (Status.DEPLOYMENT, Status.TRANSPORT, Status.REFUSED, Status.USAGE)
"""Which exit status counts when several certificates failed."""


def lister(parc: Path | None) -> Outcome:
    """The inventory."""
    data = {"operation": "parc lister", "plateforme_lue_le": None, "certificats": None}
    try:
        now = session.present()
        inventory = Parc(session.home(parc))
        lines, read_at = inventory.lines(now=now), inventory.read_at
    except ClientError as error:
        return failure(error, data, headline="")
    lines.sort(key=lambda line: line.fin or now)
    shown = [{**asdict(line), "jours": line.days_left(now)} for line in lines]
    count = counted(len(lines), "certificat") if lines else "Le parc est vide"
    return Outcome(
        status=Status.DONE,
        headline=f"{count}.",
        lines=tuple(_shown(line, now) for line in lines),
        advice="" if read_at or not lines else "Le suivi de la plateforme n’a jamais été lu : pfcng parc actualiser",
        data={**data, "certificats": shown, "plateforme_lue_le": read_at.isoformat() if read_at else None},
    )


def actualiser(parc: Path | None, *, shown: bool) -> Outcome:
    """Ask the platform."""
    data = {"operation": "parc actualiser", "produits": None}
    try:
        with session.progress(shown=shown) as tell:
            tell("Lecture du suivi")
            count = Parc(session.home(parc)).refresh(_open_client, now=session.present())
    except ClientError as error:
        return failure(error, data, headline="Le suivi est refusé.")
    return Outcome(
        status=Status.DONE,
        headline=f"Le suivi est lu : {counted(count, 'certificat')}.",
        data={**data, "code": "OK", "produits": count},
    )


def renouveler(before: str, *, simuler: bool, parc: Path | None, phrase_file: Path | None, shown: bool) -> Outcome:
    """Renew what is due and finish what was interrupted; one failure does not keep the others from being done."""
    data: dict[str, object] = {"operation": "parc renouveler", "certificats": None}
    days = _DAYS.fullmatch(before.strip())
    if days is None:
        return usage("La valeur de --avant est un nombre de jours, par exemple 60j.", data)
    inventory = Parc(session.home(parc))
    try:
        with inventory.locked():
            due = _due(inventory, timedelta(days=int(days[1])), session.present())
            if simuler:
                outcomes = [_announced(item) for item in due]
            else:
                outcomes = list(_renew_all(due, inventory, phrase_file, shown=shown))
    except ClientError as error:
        return failure(error, data, headline="")
    return _summary(outcomes, data, simuler=simuler)


def deployer(folder: Path) -> Outcome:
    """Follow ``deploiement.toml`` for the certificate in service."""
    data = {"operation": "parc deployer", "dossier": str(folder), "lieux": None}
    try:
        with obtaining.locked(folder):
            dossier = Dossier.load(folder)
            acte = dossier.en_service
            if acte is None:
                raise DossierError(f"{folder} n’a pas de certificat en service.")
            deployment = Deployment.load(dossier.chemin)
            deployment.run(acte)
    except DeploymentError as error:
        return Outcome(
            status=Status.DEPLOYMENT, headline=f"Erreur : {error.message}", data={**data, "message": error.message}
        )
    except ClientError as error:
        return failure(error, data, headline="")
    places = [*filter(None, [deployment.lieu]), *(str(copy.target) for copy in deployment.copies)]
    done = f"{counted(len(deployment.copies), 'copie')}, {counted(len(deployment.hooks), 'crochet')}."
    return Outcome(status=Status.DONE, headline=f"Déployé : {done}", data={**data, "code": "OK", "lieux": places})


def ajouter(folder: Path, parc: Path | None) -> Outcome:
    """Add a folder to the inventory."""
    data = {"operation": "parc ajouter", "dossier": str(folder)}
    try:
        Parc(session.home(parc)).add(Dossier.load(folder).chemin)
    except ClientError as error:
        return failure(error, data, headline="")
    return Outcome(status=Status.DONE, headline=f"{folder} est dans le parc.", data=data)


def oublier(folder: Path, parc: Path | None) -> Outcome:
    """Take a folder out of the inventory."""
    data = {"operation": "parc oublier", "dossier": str(folder)}
    try:
        if not Parc(session.home(parc)).forget(folder):
            return usage(f"{folder} n’est pas dans le parc.", data)
    except ClientError as error:
        return failure(error, data, headline="")
    return Outcome(status=Status.DONE, headline=f"{folder} n’est plus dans le parc ; ses fichiers restent.", data=data)


def exporter(form: str, output: Path | None, parc: Path | None) -> Outcome:
    """The inventory in another form."""
    data: dict[str, object] = {"operation": "parc exporter", "fichier": str(output) if output else None, "texte": None}
    if form not in set(Format):
        return usage(f"La valeur de --format est l’une de {', '.join(Format)}.", data)
    try:
        now = session.present()
        inventory = Parc(session.home(parc))
        text = export(inventory.lines(now=now), Format(form), now=now, read_at=inventory.read_at)
        if output is None:
            return Outcome(status=Status.DONE, headline="", data={**data, "texte": text})
        replace_whole(output, text.encode(), _PUBLIC)
    except OSError as error:
        return usage(f"Le fichier {output} ne peut pas être écrit : {file_fault(error)}.", data)
    except ClientError as error:
        return failure(error, data, headline="")
    return Outcome(status=Status.DONE, headline=f"Le parc est exporté dans {output}.", data=data)


def systemd(folder: Path) -> Outcome:
    """Write the units, with the path of this very program."""
    data = {"operation": "parc systemd", "fichiers": None}
    program = shutil.which("pfcng") or f"{sys.executable} -m pfcng"
    try:
        for name in UNITS:
            text = files("pfcng.cli").joinpath("unites", name).read_text("utf-8").replace("@PFCNG@", program)
            replace_whole(folder / name, text.encode(), _PUBLIC)
    except OSError as error:
        return usage(f"Les unités ne peuvent pas être écrites dans {folder} : {file_fault(error)}.", data)
    written = [str(folder / name) for name in UNITS]
    return Outcome(
        status=Status.DONE,
        headline="Les unités sont écrites.",
        lines=tuple(("Fichier", file) for file in written),
        advice="Mettez la phrase du coffre dans /etc/pfcng/coffre-phrase (0600), puis : systemctl enable --now "
        "pfcng-parc.timer",
        data={**data, "fichiers": written},
    )


def _due(inventory: Parc, before: timedelta, now: datetime) -> list[Dossier | DossierError]:
    """What cannot be read counts: it is told rather than left out."""
    return [
        item
        for item in inventory.dossiers()
        if isinstance(item, DossierError) or not item.dernier.ended or is_due(item, before=before, now=now)
    ]


def _renew_all(
    due: Iterable[Dossier | DossierError], inventory: Parc, phrase_file: Path | None, *, shown: bool
) -> Iterable[Outcome]:
    profiles: dict[Path, Profile] = {}
    vault: Vault | None = None
    for item in due:
        data: dict[str, object] = {"dossier": None, **dict.fromkeys(obtaining.KEYS)}
        try:
            if isinstance(item, DossierError):
                raise item
            data["dossier"] = str(item.chemin)
            vault = vault or session.open_vault(inventory.home, phrase_file)
            if item.profil not in profiles:  # a card's PIN is asked for once
                profiles[item.profil] = session.load_profile(item.profil)
            yield _renew(item.chemin, profiles[item.profil], vault, inventory, data, shown=shown)
        except ClientError as error:
            yield failure(error, data, headline="")


def _renew(
    folder: Path, profile: Profile, vault: Vault, inventory: Parc, data: dict[str, object], *, shown: bool
) -> Outcome:
    with obtaining.locked(folder):
        dossier = Dossier.load(folder)
        if dossier.dernier.ended:
            dossier = obtaining.renewed(dossier, profile)
        return obtaining.led(dossier, profile, vault, inventory, data=data, shown=shown)


def _announced(item: Dossier | DossierError) -> Outcome:
    if isinstance(item, DossierError):
        return failure(item, {"dossier": None}, headline="")
    acte = item.en_service or item.dernier
    facts = {"dossier": str(item.chemin), "fin_validite": acte.fin_validite, "numero_serie": acte.numero_serie}
    return Outcome(status=Status.DONE, headline="À renouveler.", data=facts)


def _summary(outcomes: list[Outcome], data: dict[str, object], *, simuler: bool) -> Outcome:
    failed = {outcome.status for outcome in outcomes if outcome.status is not Status.DONE}
    status = next((status for status in _WORST if status in failed), Status.DONE)
    keys = ("dossier", "numero_serie", "fin_validite", "message")
    told = [
        {
            **{key: outcome.data.get(key) for key in keys},
            "etat": ETATS[outcome.status],
            "conseil": outcome.advice or None if outcome.status is not Status.DONE else None,
        }
        for outcome in outcomes
    ]
    done = sum(outcome.status is Status.DONE for outcome in outcomes)
    text = "Rien à renouveler." if not outcomes else f"Renouvellements faits : {done} sur {len(outcomes)}."
    if simuler and outcomes:
        text = f"Certificats à renouveler : {len(outcomes)} ; rien n’est fait."
    lines = tuple((_name(outcome), _line(outcome)) for outcome in outcomes)
    return Outcome(status=status, headline=text, lines=lines, data={**data, "certificats": told})


def _name(outcome: Outcome) -> str:
    folder = outcome.data.get("dossier")
    return Path(str(folder)).name if folder else "–"


def _line(outcome: Outcome) -> str:
    if outcome.status is not Status.DONE:
        return " ".join(filter(None, (str(outcome.data.get("message") or outcome.headline), outcome.advice)))
    end = outcome.data.get("fin_validite")
    until = f" jusqu’au {datetime.fromisoformat(str(end)).astimezone(PARIS):%d/%m/%Y}" if end else ""
    return f"{outcome.headline.rstrip('.')}{until}."


def _shown(line: Line, now: datetime) -> tuple[str, ...]:
    days = line.days_left(now)
    when = f"{line.fin.astimezone(PARIS):%d/%m/%Y} ({days} j)" if line.fin else ""
    names = (line.nom or "–", line.produit, line.application, line.structure)
    return *names, when, line.etat, "  ".join(filter(None, (line.detail, ", ".join(line.lieux))))


def _open_client(profile: Path) -> Client:
    return Client(session.load_profile(profile))
