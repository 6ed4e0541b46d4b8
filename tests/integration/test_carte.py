"""``pfcng igc carte``: test cards that the platform believes, that OCSP knows, and that can be opposed."""

import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pfcng.contract.catalogue import Environment
from pfcng.igc import builder, others
from pfcng.igc.cards import CardSpec, CardType, CardUse, card_holder
from pfcng.igc.lint import UnfitToSign
from pfcng.igc.lint_card import guarded_for_card
from pfcng.igc.migrations import IGC
from pfcng.igc.serials import to_octets
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import AUTHORITIES, Gamme
from pfcng.pki.keys import load_pem
from pfcng.pki.recognition import recognise
from pfcng.pki.trust import key_identifier
from pfcng.store.database import Database, Row
from pfcng.store.migrations import migrate
from support.csrs import make_key
from support.igc_service import Identities, to_toml
from support.platform import make_pki
from support.serve import run

CPA: Final = ("--type", "CPA", "--id-nat", "599900034200017/CPAT0001", "--nom", "ROUX-TEST", "--prenom", "ZOE")
STRUCTURE: Final = ("--struct", "399900034200017", "--raison-sociale", "EDITEUR FICTIF", "--departement", "21")
CPS: Final = ("--type", "CPS", "--id-nat", "899700990015", "--nom", "DURAND-TEST", "--prenom", "PAUL")


@dataclass(frozen=True, slots=True)
class Office:
    """A PFCNG-IGC with the authorities of cards, and a folder for what it makes."""

    config: Path
    dsn: str
    folder: Path

    def make(self, *card: str, name: str = "carte") -> tuple[int, str]:
        """What the command answers."""
        told = run("igc", "carte", "faire", "--config", self.config, "--sortie", self.folder / name, *card)
        return told.returncode, told.stderr

    def revoke(self, certificate: Path) -> tuple[int, str]:
        told = run("igc", "carte", "revoquer", "--config", self.config, "--certificat", certificate)
        return told.returncode, told.stdout + told.stderr

    def status(self, certificate: x509.Certificate, issuer: x509.Certificate) -> Row:
        """What OCSP would say."""
        database = Database(self.dsn, max_connections=1, role=None)
        try:
            with database.transaction() as connection:
                serial = to_octets(certificate.serial_number)
                return others.find_status(connection, key_identifier(issuer), serial)
        finally:
            database.close()


def chain(file: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(file.read_bytes())


@pytest.fixture
def office(pki: Path, postgres: str, tmp_path: Path, request: pytest.FixtureRequest) -> Office:
    name = f"carte{abs(hash(request.node.nodeid)):x}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    dsn = make_conninfo(postgres, dbname=name)
    migrate(dsn, IGC)
    made = make_pki(pki)
    pairs = {one: made.authorities[one.common_name].pair for one in AUTHORITIES if one.gamme is not Gamme.ELEMENTAIRE}
    told = Identities.of(made).settings(dsn)
    told["autres_autorites"] = [{"certificat": str(p.certificate), "cle": str(p.key)} for p in pairs.values()]
    (tmp_path / "igc.toml").write_text(to_toml(told), "utf-8")
    return Office(tmp_path / "igc.toml", dsn, tmp_path)


def test_card_has_two_certificates_that_look_like_a_real_one_s(office: Office) -> None:
    """One for TLS and one that signs, with their keys, known to OCSP; the folder is its owner's alone."""
    assert office.make(*CPA, *STRUCTURE) == (0, "")
    folder = office.folder / "carte"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    seen = []
    for stem in ("authentification", "signature"):
        assert stat.S_IMODE((folder / f"{stem}.key").stat().st_mode) == 0o600
        certificate, issuer = chain(folder / f"{stem}.pem")
        certificate.verify_directly_issued_by(issuer)
        load_pem(folder / f"{stem}.pem", folder / f"{stem}.key")
        seen.append(recognise(certificate).card)
        assert office.status(certificate, issuer)["connu"]
        assert office.status(certificate, issuer)["revoque_le"] is None
    assert seen == ["CPA ou CDA, authentification", "CPA ou CDA, signature"]


def test_card_of_a_professional_comes_from_the_authority_of_theirs(office: Office) -> None:
    """FORT, where those of employees come from STANDARD."""
    assert office.make(*CPS, "--profession", "10", "--titre", "Médecin") == (0, "")
    assert recognise(chain(office.folder / "carte/signature.pem")[0]).authority == AUTHORITIES[-1]


def test_card_that_cannot_be_is_refused_with_all_that_is_wrong(office: Office) -> None:
    """Nothing is made of it."""
    status, said = office.make("--type", "CPX", "--id-nat", "1", "--nom", "A", "--prenom", "B", "--departement", "999")
    assert status == 2
    assert "--type : l’un de CPS, CPF, CDE, CPE, CPA." in said
    assert "--departement : aucun n’a ce code." in said
    assert "--struct, --raison-sociale et --departement" in office.make(*CPA)[1]
    assert "--profession et --titre" in office.make(*CPS)[1]
    said = office.make("--type", "CPA", "--id-nat", "é", "--nom", "A\tB", "--prenom", "x" * 65, *STRUCTURE)[1]
    assert [line.split()[0] for line in said.splitlines()[1:]] == ["--id-nat", "--nom", "--prenom"]
    assert not (office.folder / "carte").exists()


def test_card_needs_its_authority_and_a_folder_of_its_own(office: Office) -> None:
    """What is there is left as it is."""
    assert office.make(*CPA, *STRUCTURE)[0] == 0
    before = (office.folder / "carte/signature.pem").read_bytes()
    status, said = office.make(*CPA, *STRUCTURE)
    assert (status, "existe déjà" in said) == (2, True)
    assert (office.folder / "carte/signature.pem").read_bytes() == before
    text = office.config.read_text("utf-8")
    office.config.write_text(text.replace("autres_autorites", "#autres_autorites"), "utf-8")
    status, said = office.make(*CPA, *STRUCTURE, name="autre")
    assert (status, "TEST AC IGC-SANTE STANDARD PERSONNES" in said) == (2, True)


def test_opposed_card_is_revoked_once_and_what_is_no_card_never(office: Office) -> None:
    """Whatever the certificate says of itself."""
    office.make(*CPA, *STRUCTURE)
    file = office.folder / "carte/signature.pem"
    assert office.revoke(file) == (0, "Le certificat est révoqué.\n")
    certificate, issuer = chain(file)
    assert office.status(certificate, issuer)["revoque_le"] <= datetime.now(UTC)
    assert office.revoke(file) == (0, "Le certificat était déjà révoqué.\n")
    other = office.folder / "autorite.pem"
    other.write_bytes(issuer.public_bytes(Encoding.PEM))
    assert office.revoke(other) == (2, "Erreur : Ce certificat n’est pas celui d’une carte émise ici.\n")


def test_restored_base_makes_no_card(office: Office) -> None:
    """As it signs nothing else, before both sides were compared."""
    with psycopg.connect(office.dsn, autocommit=True) as connection:
        connection.execute("SELECT igc.attester('suspicion', 'elle vient d’une sauvegarde')")
    status, said = office.make(*CPA, *STRUCTURE)
    assert (status, "pfcng reconcilier" in said) == (2, True)
    assert not (office.folder / "carte").exists()


CHANGED: Final[dict[str, dict[str, Any]]] = {
    "the version, the serial number or the algorithm is another": {"serial": 2},
    "the last second is another": {"dates": (datetime(2001, 1, 1, tzinfo=UTC),) * 2},
    "the holder is another": {"id_nat": "899700990023"},
    "the key is another": {"public_key": make_key().public_key()},
    "the key usage is another": {"use": CardUse.SIGN},
}


@pytest.mark.parametrize("finding", CHANGED)
def test_certificate_that_is_not_the_card_s_is_not_signed(pki: Path, finding: str) -> None:
    """Whatever the code that builds it makes of the request."""
    authority = make_pki(pki).authorities[AUTHORITIES[-1].common_name].pair.load()
    spec = CardSpec(
        name="essai",
        card_type=CardType.CPS,
        environment=Environment.TEST,
        id_nat="899700990015",
        nom="DURAND-TEST",
        prenom="PAUL",
        title="Médecin",
        profession=10,
    )
    card = make_key().public_key()
    first = authority.certificate.not_valid_before_utc + timedelta(hours=1)
    told: dict[str, Any] = {
        "issuer": authority.certificate,
        "public_key": card,
        "serial": 1,
        "dates": (first, builder.not_after(first)),
        "id_nat": spec.id_nat,
        "use": CardUse.AUTH,
    }
    holder = card_holder(spec, CardUse.AUTH, card.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    urls = PublicationUrls()
    unsigned = builder.build(holder, issuer=authority.certificate, serial=1, not_before=first, urls=urls)
    unsigned.sign(guarded_for_card(authority.key, **told), SHA256())
    with pytest.raises(UnfitToSign, match=finding):
        unsigned.sign(guarded_for_card(authority.key, **{**told, **CHANGED[finding]}), SHA256())
