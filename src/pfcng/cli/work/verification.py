"""The work of ``pfcng verifier``: from a demande or a file to remarks, and from remarks to an outcome."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pfcng.cli.output import Outcome, Status, counted
from pfcng.cli.work.failure import usage
from pfcng.client import csr as csr_files
from pfcng.client.files import file_fault
from pfcng.client.verification.common_names import common_name
from pfcng.client.verification.demande import Known, demande_remarks, has_faults
from pfcng.client.verification.keys import csr_remarks, known_keys, subject_note
from pfcng.client.verification.remarks import Level, Remark, fault, note
from pfcng.client.verification.request import ReadRequest, UnreadableRequest, read_request
from pfcng.contract import codes
from pfcng.contract.catalogue import MAX_DEMANDES, MAX_MESSAGE_BYTES, Offre, Product
from pfcng.contract.domaines import is_domain_form
from pfcng.contract.formats import format_faults
from pfcng.contract.messages import DemandeCertificat, RequeteDemandeCertificats
from pfcng.contract.refusal import Refusal
from pfcng.pki import csr
from pfcng.xml import codec

_MARKS: Final = {Level.FAULT: "faute", Level.DOUBT: "doute", Level.NOTE: "note "}


@dataclass(frozen=True, slots=True)
class _Finding:
    """One thing that was looked at, and what there is to say of it."""

    subject: str
    remarks: tuple[Remark, ...]


def verify(
    demande: DemandeCertificat | None,
    *,
    file: Path | None,
    csr_file: Path | None,
    known: Known,
    seen_in: tuple[Path, ...],
    incomplete: bool = False,
) -> Outcome:
    """Verify what the command line gives: a demande by its options, or a file."""
    if incomplete or (demande is None) == (file is None) or (file and csr_file):
        return _usage("Donnez soit --offre et --usage (avec les autres options), soit un fichier.")
    odd = [one for one in known.domaines if not any(is_domain_form(offre, one) for offre in (Offre.PRO, Offre.SERV))]
    if odd:
        return _usage(f"« {odd[0]} » n’est pas un domaine d’habilitation : d, *d ou *.d ; *@d pour PRO (guide §8).")
    try:
        seen = known_keys(seen_in)
        if demande is not None:
            text = csr_files.read(csr_file) if csr_file else ""
            return _outcome([_demande(replace(demande, csr=text), known, seen)])
        assert file is not None  # noqa: S101 - told above
        return _outcome(_file(file, known, seen))
    except OSError as error:
        return _usage(f"Le fichier {error.filename or ''} ne convient pas : {file_fault(error)}.")
    except (UnreadableRequest, csr_files.UnreadableCsr) as error:
        return _usage(str(error))


def _demande(demande: DemandeCertificat, known: Known, seen: Mapping[bytes, str], position: int = 0) -> _Finding:
    remarks = list(demande_remarks(demande, known))
    if demande.csr:
        remarks += [*csr_remarks(demande.csr, seen), *subject_note(demande.csr, common_name(demande))]
    else:
        remarks.append(
            note("CSR", "La clé n’a pas été regardée : donnez --csr, ou laissez « pfcng demander » la créer.")
        )
    label = f"{Product(demande.offre, demande.usage).label}"
    return _Finding(f"Demande {position}, {label}" if position else f"Demande {label}", tuple(remarks))


def _file(file: Path, known: Known, seen: Mapping[bytes, str]) -> list[_Finding]:
    with file.open("rb") as stream:
        content = stream.read(MAX_MESSAGE_BYTES + 1)
    if len(content) > MAX_MESSAGE_BYTES:
        return [_Finding(str(file), (fault("message", codes.WSMG_24.message(), codes.WSMG_24),))]
    if b"PRIVATE KEY-----" in content:
        raise UnreadableRequest(f"{file} est une clé privée : gardez-la, n’envoyez que sa CSR.")
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        return list(_request(read_request(content), known, seen))
    text = csr_files.read(file)
    return [_Finding(f"CSR {file}", tuple(csr_remarks(text, seen)))]


def _request(request: ReadRequest, known: Known, seen: Mapping[bytes, str]) -> Iterator[_Finding]:
    """The request as a whole, then each demande of a lot; a key of the lot counts as seen from its second use on."""
    yield _Finding(f"Requête {request.operation.value}", (*request.remarks, *_message_remarks(request, known, seen)))
    if not isinstance(request.message, RequeteDemandeCertificats):
        return
    met = dict(seen)
    for position, demande in zip(request.positions, request.message.demandes, strict=True):
        yield _demande(demande, known, met, position)
        try:
            met.setdefault(csr.read(demande.csr).fingerprint, f"demande {position} de ce lot")
        except Refusal:
            continue


def _message_remarks(request: ReadRequest, known: Known, seen: Mapping[bytes, str]) -> Iterator[Remark]:
    message = request.message
    if isinstance(message, RequeteDemandeCertificats):
        if len(message.demandes) > MAX_DEMANDES:
            yield fault("demandeCertificat", codes.WSMG_23.message(), codes.WSMG_23)
        return
    if message is None:
        return
    wrong = dict(format_faults(message, strict_nom_applicatif=not known.lenient_names))
    wrong |= {element: "" for element, _rule in codec.schema_faults(message)}
    for element in wrong:
        yield fault(element, f"« {element} » n’a pas la forme que veut pfcng-ws.xsd.", codes.WSMG_05)
    text = getattr(message, "csr", None)
    if text:
        yield from csr_remarks(text, seen)


def _usage(message: str) -> Outcome:
    return usage(message, {"operation": "verifier", "objets": []})


def _outcome(findings: Sequence[_Finding]) -> Outcome:
    remarks = [remark for finding in findings for remark in finding.remarks]
    counts = {level: sum(remark.level is level for remark in remarks) for level in Level}
    failed = has_faults(remarks)
    headline = (
        f"À corriger : {_count(counts[Level.FAULT], 'faute')}, {_count(counts[Level.DOUBT], 'doute')}."
        if failed
        else f"Rien à corriger ; {_count(counts[Level.DOUBT], 'doute')}."
    )
    lines = [line for finding in findings for line in _lines(finding)]
    return Outcome(
        status=Status.REFUSED if failed else Status.DONE,
        headline=headline,
        lines=tuple(lines),
        data={"operation": "verifier", "message": headline, "objets": [_as_data(finding) for finding in findings]},
    )


def _count(number: int, noun: str) -> str:
    none = "aucune" if noun == "faute" else "aucun"
    return counted(number, noun) if number else f"{none} {noun}"


def _lines(finding: _Finding) -> Iterator[tuple[str, str]]:
    yield "", finding.subject
    for remark in finding.remarks:
        yield _MARKS[remark.level], remark.text + (f" [{remark.code.value}]" if remark.code else "")


def _as_data(finding: _Finding) -> dict[str, object]:
    return {
        "objet": finding.subject,
        "remarques": [
            {
                "gravite": remark.level.value,
                "element": remark.element,
                "code": remark.code.value if remark.code else None,
                "texte": remark.text,
            }
            for remark in finding.remarks
        ],
    }
