"""Golden cases: a request, who signs it, and the whole reply that must come back.

A case is a folder of ``tests/contract/cas``; a step that only prepares others is one of ``tests/contract/etapes``::

    cas.toml      titre, section, carte (the card that signs), apres (the cases and steps to play before),
                  reglages (variables of the platform's environment: the case has a platform of its own)
    base.sql      what only time or another channel brings about, done in the database before the request; optional
    requete.xml   the element of the Body
    reponse.xml   the element that must come back

All of them hold names, ``${indice}``. Some are given (`Names`); every other one is bound by the first reply that
holds it, where its value must follow the pattern of its first word (`PATTERNS`); from then on it stands for that value,
in that reply and in all that follow. ``<?fois 21?>`` in a request repeats the element after it.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from difflib import unified_diff
from pathlib import Path
from secrets import token_hex
from string import Template
from typing import Final, Literal
from xml.sax.saxutils import escape

import httpx
import psycopg
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from pfcng.contract.operations import Operation, by_request_element
from pfcng.contract.paris import PARIS
from pfcng.pki.keys import load_pem
from pfcng.store.embedded import EmbeddedPostgres
from pfcng.xml import codec, dsig, soap
from support.csrs import break_signature, make_csr, make_key
from support.live import Sandbox

CASES: Final = Path(__file__).parents[1] / "contract" / "cas"
STEPS: Final = CASES.parent / "etapes"
WITHOUT_CASE: Final = CASES.parent / "sans-cas.toml"
"""Codes and raisons that no case provokes: name → reason, in French."""

PATTERNS: Final = {
    "indice": r"[1-9][0-9]{0,18}",
    "numero": r"[1-9][0-9]{0,18}",
    "instant": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+0[12]:00",
    "certificat": r"-----BEGIN CERTIFICATE-----\n(?:[A-Za-z0-9+/]{1,64}={0,2}\n)+-----END CERTIFICATE-----\n",
}
"""First word of a name that a reply binds → what its value looks like."""

_NAME: Final = re.compile(r"\$\{([a-z][a-z0-9_.]*)\}")
_PARSER: Final = etree.XMLParser(remove_blank_text=True, resolve_entities=False)
_REPEAT: Final = "fois"


class _Document(Template):
    idpattern = r"(?a:[a-z][a-z0-9_.]*)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One folder.

    Attributes:
        titre: What it shows, in French.
        section: Section of the guide, and which example of it.
        carte: The sandbox's card whose holder signs.
        apres: Names of the cases and steps to play before, in order.
        reglages: Settings of the platform that are not the sandbox's own.
        panne: What goes wrong with PFCNG-IGC: the act (`support.distant.ACTS`) and the name of a `Fault`.
        note: What a reader of the guide would wonder about.
    """

    folder: Path
    titre: str
    section: str
    carte: str
    apres: tuple[str, ...] = ()
    reglages: Mapping[str, str] = field(default_factory=dict)
    panne: tuple[str, str] | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.name

    @property
    def base(self) -> str:
        """What is done in the database before, names not replaced; mostly nothing."""
        path = self.folder / "base.sql"
        return path.read_text("utf-8") if path.exists() else ""

    @property
    def request(self) -> str:
        """The request, names not replaced."""
        return (self.folder / "requete.xml").read_text("utf-8")

    @property
    def reply(self) -> str:
        """The expected reply, names not replaced, in the form that is compared."""
        return canonical(etree.fromstring((self.folder / "reponse.xml").read_bytes(), _PARSER))

    @property
    def codes(self) -> frozenset[str]:
        """The codes of table 22 that the reply carries."""
        statuses = etree.fromstring((self.folder / "reponse.xml").read_bytes()).iter(
            "statut", "statutLot", "statutDemande"
        )
        return frozenset(status.text or "" for status in statuses) - {"OK", "KO"}

    def plays(self) -> list["Case"]:
        """What comes before, whatever that needs included, then the case itself; nothing twice."""
        ordered = {play.name: play for before in self.apres for play in find(before).plays()}
        return [*ordered.values(), self]


def load(folder: Path) -> Case:
    """Read the ``cas.toml`` of a folder; a key that is no attribute of a case is an error."""
    told = tomllib.loads((folder / "cas.toml").read_text("utf-8"))
    panne = tuple(told["panne"]) if "panne" in told else None
    return Case(folder=folder, **{**told, "apres": tuple(told.get("apres", ())), "panne": panne})


def cases() -> list[Case]:
    """Every case, by name."""
    return [load(folder) for folder in sorted(CASES.iterdir())]


def find(name: str) -> Case:
    """The case or step of that name."""
    return load(next(folder for folder in (CASES / name, STEPS / name) if folder.is_dir()))


def reasons(kind: Literal["codes", "raisons"] = "codes") -> dict[str, str]:
    """The codes of table 22, or the members of ``Raison``, that no case provokes, and why."""
    told: dict[str, str] = tomllib.loads(WITHOUT_CASE.read_text("utf-8"))[kind]
    return told


def canonical(element: etree._Element) -> str:
    """Canonical XML, one element a line so that differences can be read."""
    copy = deepcopy(element)
    copy.tail = None
    etree.indent(copy)
    octets: bytes = etree.tostring(copy, method="c14n", exclusive=True)
    return octets.decode()


class Names(dict[str, str]):
    """Name → value.

    Given are ``aujourdhui``, ``hier`` and ``demain`` (days of Paris), ``minuit`` (tomorrow's first second), ``jour``
    (today as the guide prints it), ``alea`` (a text that nobody used), ``bourrage`` (64 KiB of white space) and, made
    when first asked for, ``csr…`` and ``csr_fausse…``, whose signature is wrong. A certificate brings its ``.aki``,
    ``.serie``, ``.debut`` and ``.fin``.
    """

    def __init__(self) -> None:
        today = datetime.now(PARIS).date()
        super().__init__(
            aujourdhui=today.isoformat(),
            hier=(today - timedelta(days=1)).isoformat(),
            demain=(today + timedelta(days=1)).isoformat(),
            jour=f"{today:%d/%m/%Y}",
            minuit=_instant(datetime.combine(today + timedelta(days=1), time(), PARIS)),
            alea=token_hex(6),
            bourrage=" " * 65_536,
        )
        self.keys_made: list[rsa.RSAPublicKey] = []

    def __missing__(self, name: str) -> str:
        if not name.startswith("csr"):
            raise KeyError(name)
        key = make_key()
        self.keys_made.append(key.public_key())
        csr = make_csr(key)
        self[name] = break_signature(csr) if name.startswith("csr_fausse") else csr
        return self[name]

    def bind(self, values: dict[str, str]) -> None:
        """Keep what a reply told."""
        self.update(values)
        for name, value in values.items():
            if name.startswith("certificat"):
                self._bind_certificate(name, x509.load_pem_x509_certificate(value.encode()))

    def _bind_certificate(self, name: str, certificate: x509.Certificate) -> None:
        assert certificate.public_key() in self.keys_made, "the certificate is for a key of this case"
        extension = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        self[f"{name}.aki"] = (extension.value.key_identifier or b"").hex().upper()
        self[f"{name}.serie"] = f"{certificate.serial_number:X}"
        self[f"{name}.debut"] = _instant(certificate.not_valid_before_utc)
        self[f"{name}.fin"] = _instant(certificate.not_valid_after_utc)


def _instant(moment: datetime) -> str:
    return moment.astimezone(PARIS).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Game:
    """A case as it is played: what its names stand for, and where its messages go."""

    sandbox: Sandbox
    endpoint: httpx.Client
    names: Names = field(default_factory=Names)

    def play(self, case: Case) -> None:
        """Send a request and hold the reply against the expected one."""
        if case.base:
            self._change_base(_Document(case.base).substitute(self.names))
        payload = request_of(case, self.names)
        operation = by_request_element(etree.QName(payload).localname)
        assert operation is not None
        reply = self._send(payload, operation, case.carte)
        codec.decode_response(reply, operation)
        self.names.bind(match(case.reply, canonical(reply), self.names))

    def _change_base(self, statements: str) -> None:
        with psycopg.connect(EmbeddedPostgres(self.sandbox.directory / "postgres").dsn) as connection:
            connection.execute(statements.encode())

    def _send(self, payload: etree._Element, operation: Operation, card: str) -> etree._Element:
        files = self.sandbox.description["cartes"][card]["sign"]
        signer = load_pem(self.sandbox.path(files["certificat"]), self.sandbox.path(files["cle"]))
        message = dsig.sign(payload, certificate=signer.certificate, key=signer.key)
        headers = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{operation.soap_action}"'}
        response = self.endpoint.post("", content=message, headers=headers)
        assert response.status_code == httpx.codes.OK, response.text
        return soap.read_reply(response.content)


def request_of(case: Case, names: Names) -> etree._Element:
    """The request with its names replaced and its repetitions made."""
    root = etree.fromstring(_Document(case.request).substitute(names).encode(), etree.XMLParser(huge_tree=True))
    for instruction in list(root.iter(etree.ProcessingInstruction)):
        repeated, parent = instruction.getnext(), instruction.getparent()
        assert instruction.target == _REPEAT
        assert repeated is not None
        assert parent is not None
        for _ in range(int(instruction.text or "") - 1):
            repeated.addnext(deepcopy(repeated))
        parent.remove(instruction)
    return root


def match(expected: str, actual: str, names: Names) -> dict[str, str]:
    """The values that ``actual`` gives to the names of ``expected`` that have none yet.

    Raises:
        AssertionError: they are not the same; the text is their difference.
    """
    found = re.fullmatch("".join(_pattern(expected, names)), actual)
    if found is None:
        shown = _NAME.sub(lambda name: escape(names[name[1]]) if name[1] in names else name[0], expected)
        difference = unified_diff(shown.splitlines(), actual.splitlines(), "attendu", "reçu", lineterm="", n=99)
        raise AssertionError("\n".join(difference))
    return found.groupdict()


def _pattern(expected: str, names: Names) -> Iterator[str]:
    """A regular expression, piece by piece: literal text and names by turns."""
    bound: set[str] = set()
    for position, piece in enumerate(_NAME.split(expected)):
        if position % 2 == 0:
            yield re.escape(piece)
        elif piece in names:
            yield re.escape(escape(names[piece]))
        elif piece in bound:
            yield f"(?P={piece})"
        else:
            bound.add(piece)
            yield f"(?P<{piece}>{PATTERNS[piece.partition('_')[0]]})"
