"""The work of ``pfcng coffre``."""

from dataclasses import asdict
from pathlib import Path

from pfcng.cli.output import Outcome, Status, counted
from pfcng.cli.work import session
from pfcng.cli.work.failure import failure, usage
from pfcng.client import ClientError
from pfcng.client.dossier import FILE_NAME, Dossier
from pfcng.client.vault import Entry, Vault


def lister(parc: Path | None, phrase_file: Path | None) -> Outcome:
    """What is in the vault, without its secrets."""
    data = {"operation": "coffre lister", "entrees": None}
    try:
        entries = session.open_vault(parc, phrase_file).entries()
    except ClientError as error:
        return failure(error, data, headline="")
    shown = [
        {"identifiant": e.identifiant, "nom": e.nom, "dossier": e.dossier, "creee_le": e.creee_le} for e in entries
    ]
    lines = tuple((entry.creee_le[:10], entry.nom, entry.dossier, entry.identifiant) for entry in entries)
    count = counted(len(entries), "entrée") if entries else "Le coffre est vide"
    return Outcome(status=Status.DONE, headline=f"{count}.", lines=lines, data={**data, "entrees": shown})


def montrer(wanted: str, parc: Path | None, phrase_file: Path | None) -> Outcome:
    """The secrets of one certificate: of a folder the one in service, else the newest of that name."""
    data = {"operation": "coffre montrer", **dict.fromkeys(Entry.__dataclass_fields__)}
    try:
        entry = _find(session.open_vault(parc, phrase_file), wanted)
    except ClientError as error:
        return failure(error, data, headline="")
    if entry is None:
        return usage(f"Le coffre n’a rien pour « {wanted} ».", data, advice="La liste : pfcng coffre lister")
    lines = (
        ("Code de révocation", entry.code_revocation),
        ("Mot de passe des PKCS#12", entry.mot_de_passe_p12),
        ("Dossier", entry.dossier),
    )
    return Outcome(status=Status.DONE, headline=f"{entry.nom}.", lines=lines, data={**data, **asdict(entry)})


def changer_phrase(new_file: Path | None, parc: Path | None, phrase_file: Path | None) -> Outcome:
    """Encrypt the vault with another passphrase."""
    data = {"operation": "coffre changer-phrase"}
    try:
        vault = session.open_vault(parc, phrase_file)
        vault.change_passphrase(session.new_passphrase(new_file))
    except ClientError as error:
        return failure(error, data, headline="")
    return Outcome(status=Status.DONE, headline="Le coffre a une nouvelle phrase secrète.", data=data)


def _find(vault: Vault, wanted: str) -> Entry | None:
    entries = vault.entries()
    folder = Path(wanted)
    if (folder / FILE_NAME).exists():
        dossier = Dossier.load(folder)
        wanted = (dossier.en_service or dossier.dernier).identifiant
    by_id = {entry.identifiant: entry for entry in entries}
    by_name = {entry.nom: entry for entry in entries}
    return by_id.get(wanted) or by_name.get(wanted)
