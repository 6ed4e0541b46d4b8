"""The work of ``pfcng diagnostiquer``: from a file to what its signature lacks."""

import base64
import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pfcng.cli.output import Outcome, Status
from pfcng.cli.work.failure import usage
from pfcng.cli.work.showing import Unusable, read_files
from pfcng.client.certificates.fetching import fetch
from pfcng.client.diagnosis.certificate import Trust
from pfcng.client.diagnosis.diagnose import Diagnosis, diagnose
from pfcng.client.diagnosis.steps import State, Step
from pfcng.client.files import file_fault
from pfcng.contract import codes
from pfcng.contract.catalogue import MAX_MESSAGE_BYTES
from pfcng.contract.paris import PARIS

_SHOWN: Final = 2000
"""Characters of canonical octets that a terminal is given."""
_MARKS: Final = {State.GOOD: "bon", State.BAD: "FAUTE", State.UNKNOWN: "?"}
_FILES: Final = {"corps": "corps.c14n", "signedinfo": "signedinfo.c14n"}


def diagnostiquer(
    message: Path,
    *,
    trusted: Sequence[Path],
    crls: Sequence[Path],
    network: bool,
    moment: datetime | None,
    folder: Path | None,
) -> Outcome:
    """Diagnose one file."""
    try:
        anchors = read_files(trusted)
        lists = [(str(file), file.read_bytes()) for file in crls]
        with message.open("rb") as stream:
            raw = stream.read(MAX_MESSAGE_BYTES + 1)
        if len(raw) > MAX_MESSAGE_BYTES:
            return _usage(codes.WSMG_24.message())
        now = moment.replace(tzinfo=PARIS) if moment else datetime.now(UTC)
        found = diagnose(raw, Trust(certificates=anchors, crls=lists, fetch=fetch if network else None, now=now))
        if folder:
            _write(folder, found)
    except OSError as error:
        return _usage(f"Le fichier {error.filename or message} ne convient pas : {file_fault(error)}.")
    except Unusable as error:
        return _usage(str(error))
    return _outcome(found, folder)


def _usage(message: str) -> Outcome:
    return usage(message, {"operation": "diagnostiquer", "etapes": [], "corps": None, "signedinfo": None})


def _write(folder: Path, found: Diagnosis) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, octets in _octets(found).items():
        if octets is not None:
            (folder / _FILES[name]).write_bytes(octets)


def _octets(found: Diagnosis) -> dict[str, bytes | None]:
    return {"corps": found.body, "signedinfo": found.signed_info}


def _outcome(found: Diagnosis, folder: Path | None) -> Outcome:
    fault = found.first_fault
    unknown = any(step.state is State.UNKNOWN for step in found.steps)
    headline = (
        f"En faute : {fault.title}."
        if fault
        else "Aucune faute dans ce qui a pu être vérifié."
        if unknown
        else "La signature est bonne à toutes les étapes."
    )
    return Outcome(
        status=Status.REFUSED if fault else Status.DONE,
        headline=headline,
        lines=tuple(_lines(found, folder)),
        data={
            "operation": "diagnostiquer",
            "message": f"{fault.title} : {fault.text}" if fault else headline,
            "etapes": [_as_data(step) for step in found.steps],
            **{name: _octets_data(octets) for name, octets in _octets(found).items()},
        },
    )


def _lines(found: Diagnosis, folder: Path | None) -> Iterator[tuple[str, str]]:
    for number, step in enumerate(found.steps, 1):
        told = f" : {step.text}" if step.text else ""
        yield _MARKS[step.state], _visible(f"{number}. {step.title}{told}")
        for label, value in step.details.items():
            yield "", _visible(f"     {label} : {value}")
    for title, octets in (("Body", found.body), ("SignedInfo", found.signed_info)):
        if octets is None:
            continue
        yield "", ""
        yield "", f"Octets canoniques attendus de {title} : {len(octets)} octets, SHA-256 {_sha256(octets)}"
        text = octets.decode("utf-8", "replace")
        yield "", _visible(text[:_SHOWN])
        if len(text) > _SHOWN:
            yield "", f"(coupé à {_SHOWN} caractères : --canonique DOSSIER écrit tout)"
    if folder:
        yield "", f"Octets écrits dans {folder}"


def _as_data(step: Step) -> dict[str, object]:
    return {
        "etape": step.name,
        "titre": step.title,
        "etat": step.state.value,
        "texte": step.text,
        "details": dict(step.details),
    }


def _octets_data(octets: bytes | None) -> dict[str, object] | None:
    if octets is None:
        return None
    return {"octets": octets.decode("utf-8", "replace"), "taille": len(octets), "sha256": _sha256(octets)}


def _sha256(octets: bytes) -> str:
    return base64.b64encode(hashlib.sha256(octets).digest()).decode()


def _visible(text: str) -> str:
    """A stranger's text without what would steer a terminal; line ends stay."""
    return "".join(
        character
        if character == "\n" or not unicodedata.category(character).startswith("C")
        else f"\\u{ord(character):04x}"
        for character in text
    )
