"""The sandbox's keys, certificates and CRLs: what is made, what stays, what is made again."""

import shutil
import ssl
import stat
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from pfcng.contract.catalogue import Environment
from pfcng.igc import crl
from pfcng.igc.cards import CardSpec, CardStructure, CardType
from pfcng.igc.urls import PublicationUrls
from pfcng.pki import names
from pfcng.pki.authorities import AUTHORITIES, PERSONNES_AUTHORITIES, ROOTS, SERVER_AUTHORITIES, AuthorityName
from pfcng.pki.keys import Credential
from pfcng.pki.trust import TrustStore, UntrustedCertificate
from pfcng.sandbox.pairs import DamagedKeyError, Pair
from pfcng.sandbox.pki import SandboxPki, ensure_pki
from support.lints import ALLOWED, lint_certificate

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
HOSPITAL = CardStructure(raison_sociale="HOPITAL FICTIF DES LILAS", id_nat="1750099012", departement="75")
DOCTOR = CardSpec(
    name="cps-medecin",
    card_type=CardType.CPS,
    environment=Environment.TEST,
    id_nat="899700990015",
    nom="DURAND-TEST",
    prenom="PAUL",
    title="Médecin",
    profession=10,
    savoir_faire=("SM26",),
)
STUDENT = replace(DOCTOR, name="cpf-interne", card_type=CardType.CPF, id_nat="899700990031", savoir_faire=())
AGENT = CardSpec(
    name="cpe-agent",
    card_type=CardType.CPE,
    environment=Environment.TEST,
    id_nat="3750099012/CPET0002",
    nom="MARTIN-TEST",
    prenom="LUC",
    title="Personnel santé ou social",
    structure=HOSPITAL,
)
STAFF = replace(AGENT, name="cpa-production", card_type=CardType.CPA, environment=Environment.PRODUCTION)
REVOKED = replace(DOCTOR, name="cps-revoquee", revoked=True)
EXPIRED = replace(DOCTOR, name="cps-expiree", expired=True)
CARDS = (DOCTOR, STUDENT, AGENT, STAFF, REVOKED, EXPIRED)

CARD_TYPE, CARD_NUMBER, CATEGORY = "1.2.250.1.71.1.2.2", "1.2.250.1.71.1.2.3", "1.2.250.1.71.1.2.5"
PROFESSION, IN_TRAINING, SAVOIR_FAIRE = "1.2.250.1.71.1.2.7", "1.2.250.1.71.1.2.8", "1.2.250.1.71.4.2.5"
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def ensure(
    directory: Path, *, cards: tuple[CardSpec, ...] = CARDS, host: str = "127.0.0.1", now: datetime = NOW
) -> SandboxPki:
    return ensure_pki(directory, cards=cards, urls=PublicationUrls(), host=host, ca_key_bits=2048, now=now)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("bac-a-sable") / "pki"
    ensure(directory)
    return directory


@dataclass(frozen=True)
class Box:
    """A copy of a fresh sandbox, for a test to damage."""

    directory: Path
    pki: SandboxPki

    def content(self) -> dict[str, bytes]:
        files = (path for path in self.directory.rglob("*") if path.is_file())
        return {str(path.relative_to(self.directory)): path.read_bytes() for path in files}


@pytest.fixture
def box(made_once: Path, tmp_path: Path) -> Box:
    directory = tmp_path / "pki"
    shutil.copytree(made_once, directory)
    return Box(directory, ensure(directory))


def load(pair: Pair) -> x509.Certificate:
    certificate = pair.load_certificate()
    assert certificate is not None
    return certificate


def trust_of(pki: SandboxPki, accepted: tuple[AuthorityName, ...], now: datetime = NOW) -> TrustStore:
    """What the platform believes: all the roots, the accepted authorities, and CRLs on which nobody is."""

    def certificate(name: AuthorityName) -> x509.Certificate:
        return load(pki.authorities[name.common_name].pair)

    files = [pki.authorities[name.common_name] for name in (*ROOTS, *accepted)]
    return TrustStore.load(
        [certificate(root) for root in ROOTS],
        [certificate(name) for name in accepted],
        [empty_crl(file.pair.load(), now) for file in files],
        now=now,
        crl_grace=DAY,
    )


def empty_crl(issuer: Credential, now: datetime) -> x509.CertificateRevocationList:
    frame = crl.Frame(number=1, base=None, this_update=now, next_update=now + DAY)
    return x509.load_der_x509_crl(crl.sign(issuer, frame, crl.encode(())))


def value_of(certificate: x509.Certificate, oid: str) -> bytes:
    return certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(oid)).value.public_bytes()


def order(certificate: x509.Certificate) -> list[str]:
    return [extension.oid.dotted_string for extension in certificate.extensions]


def test_both_hierarchies_are_made(box: Box) -> None:
    """Three roots and their authorities in each environment, marked OU=EMULATEUR."""
    assert set(box.pki.authorities) == {name.common_name for name in (*ROOTS, *AUTHORITIES)}
    for files in box.pki.authorities.values():
        certificate = load(files.pair)
        assert certificate.subject == files.name.distinguished_name("EMULATEUR")
        assert f"{certificate.serial_number:X}".startswith("1120")
        assert certificate.serial_number.bit_length() == 141


def test_certificates_of_authorities_are_shaped_like_the_real_ones(box: Box) -> None:
    """Order and criticality of the extensions; CRLs of the root on authorities alone."""
    root = load(box.pki.authorities["TEST AC RACINE IGC-SANTE FORT"].pair)
    authority = load(box.pki.authorities["TEST AC IGC-SANTE FORT PERSONNES"].pair)
    assert order(root) == ["2.5.29.19", "2.5.29.15", "2.5.29.32", "2.5.29.14", "2.5.29.35"]
    assert order(authority) == ["2.5.29.19", "2.5.29.15", "2.5.29.32", "2.5.29.31", "2.5.29.14", "2.5.29.35"]
    assert [extension.critical for extension in authority.extensions] == [True, True, False, False, False, False]
    assert value_of(root, "2.5.29.19").hex() == "30030101ff"
    assert value_of(authority, "2.5.29.19").hex() == "30060101ff020100"
    points = authority.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert [name.value for point in points for name in point.full_name or []] == [
        "http://igc-sante.esante.gouv.fr/CRL/ACR-FO-TEST.crl",
        (
            "ldap://annuaire-igc.esante.gouv.fr/CN=TEST%20AC%20RACINE%20IGC-SANTE%20FORT,OU=IGC-SANTE%20TEST,"
            "OU=0002%20187512751,O=ASIP-SANTE,C=FR?certificaterevocationlist;binary?base?objectclass=pkiCa"
        ),
    ]


def test_professional_card_is_shaped_like_a_real_one(box: Box) -> None:
    """FORT PERSONNES; type 00, number, profession and speciality after the category; UPN with a dot."""
    card = box.pki.cards["cps-medecin"]
    auth, sign = load(card.auth), load(card.sign)
    assert names.first(auth.issuer, NameOID.COMMON_NAME) == "TEST AC IGC-SANTE FORT PERSONNES"
    assert names.canonical(auth.subject) == names.canonical(
        names.parse("givenName=PAUL+CN=899700990015+SN=DURAND-TEST,title=Médecin,C=FR")
    )
    head, tail = ["2.5.29.37", "2.5.29.35", "1.3.6.1.5.5.7.1.1", "2.5.29.32"], ["2.5.29.31", "2.5.29.14", "2.5.29.46"]
    private = ["2.5.29.15", CATEGORY, CARD_TYPE, CARD_NUMBER, PROFESSION, SAVOIR_FAIRE, "2.5.29.19"]
    assert order(auth) == [*head, "2.5.29.17", *tail, *private]
    assert order(sign) == [*head, "2.5.29.16", *tail, *private]
    assert (value_of(auth, CATEGORY).hex(), value_of(auth, CARD_TYPE).hex()) == ("040180", "020100")
    assert value_of(auth, CARD_NUMBER)[:13] == b"\x13\x158025000001/"
    assert value_of(auth, CARD_NUMBER) == value_of(sign, CARD_NUMBER)
    assert b"8.99700990015@carte-cps.fr" in value_of(auth, "2.5.29.17")
    assert (value_of(auth, "2.5.29.15").hex(), value_of(sign, "2.5.29.15").hex()) == ("03020780", "03020640")


def test_employee_card_is_shaped_like_a_real_one(box: Box) -> None:
    """STANDARD PERSONNES; the structure in the DN; type 02; UPN as the CN; no profession."""
    auth = load(box.pki.cards["cpe-agent"].auth)
    assert names.first(auth.issuer, NameOID.COMMON_NAME) == "TEST AC IGC-SANTE STANDARD PERSONNES"
    assert [[attribute.oid.dotted_string for attribute in rdn] for rdn in auth.subject.rdns][:5] == [
        ["2.5.4.6"],
        ["2.5.4.8"],
        ["2.5.4.10"],
        ["2.5.4.11"],
        ["2.5.4.12"],
    ]
    assert names.first(auth.subject, NameOID.STATE_OR_PROVINCE_NAME) == "Paris (75)"
    assert value_of(auth, CARD_TYPE).hex() == "020102"
    assert b"\x0c\x203750099012/CPET0002@carte-cps.fr" in value_of(auth, "2.5.29.17")
    assert PROFESSION not in order(auth)


def test_cards_of_other_types_and_environments_differ_where_they_must(box: Box) -> None:
    """CPF: type 01 and the profession in training. PRODUCTION: category 00. CPA: type 03."""
    student, staff = load(box.pki.cards["cpf-interne"].sign), load(box.pki.cards["cpa-production"].sign)
    assert value_of(student, CARD_TYPE).hex() == "020101"
    assert value_of(student, IN_TRAINING).hex() == "02010a"
    assert PROFESSION not in order(student)
    assert value_of(staff, CARD_TYPE).hex() == "020103"
    assert value_of(staff, CATEGORY).hex() == "040100"
    assert names.first(staff.issuer, NameOID.COMMON_NAME) == "AC IGC-SANTE STANDARD PERSONNES"


def test_trust_store_believes_the_good_cards_alone(box: Box) -> None:
    """The expired one is there to be refused; the opposed one is, by the CRL that is published."""
    store = trust_of(box.pki, PERSONNES_AUTHORITIES)
    refused = {}
    for name, card in box.pki.cards.items():
        for pair in (card.auth, card.sign):
            try:
                assert store.validate(load(pair), NOW).name == card.spec.authority
            except UntrustedCertificate as error:
                refused[name] = error.reason.split(":")[0].split(",")[0]
    assert refused == {"cps-expiree": "outside its validity"}


def test_clients_are_believed_as_servers(box: Box) -> None:
    """Both are real server certificates: only the white list tells them apart."""
    store = trust_of(box.pki, SERVER_AUTHORITIES)
    assert {store.validate(load(pair), NOW).name.environment for pair in box.pki.clients.values()} == {Environment.TEST}
    assert set(box.pki.clients) == {"editeur", "intrus"}


@needs_openssl
def test_openssl_verifies_every_card_and_server(box: Box) -> None:
    """Against the anchors alone: each file brings its authority. Strict, and with the CRLs."""
    good = [pair for card in box.pki.cards.values() if not card.spec.expired for pair in (card.auth, card.sign)]
    for pair in (*good, box.pki.server, *box.pki.clients.values()):
        file = str(pair.certificate)
        command = ["openssl", "verify", "-x509_strict", "-CAfile", str(box.pki.anchors), "-untrusted", file, file]
        assert "OK" in subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_server_certificate_bears_the_local_names_and_the_host(box: Box) -> None:
    """Localhost, both loopback addresses, and whatever the platform is reached at."""

    def alternative_names(host: str) -> list[str]:
        certificate = load(ensure(box.directory, host=host).server)
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return [str(name.value) for name in found]

    local = ["localhost", "127.0.0.1", "::1"]
    assert alternative_names("127.0.0.1") == local
    assert alternative_names("localhost") == local
    assert alternative_names("192.0.2.7") == [*local, "192.0.2.7"]
    assert alternative_names("pfc.hopital.example") == [*local, "pfc.hopital.example"]


def test_python_accepts_the_server_certificate_with_its_strictest_flags(box: Box) -> None:
    """The files load as they are into a TLS context."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(box.pki.anchors))
    context.load_cert_chain(box.pki.server.certificate, box.pki.server.key)
    assert len(context.get_ca_certs()) == len(ROOTS)


def test_keys_are_private_and_certificates_public(box: Box) -> None:
    """0600 and 0644."""
    modes = {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in box.directory.rglob("*") if path.is_file()}
    assert modes == {".key": 0o600, ".pem": 0o644}


def test_second_start_changes_nothing(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a byte, and nothing is made or signed again: a start must be quick."""

    def unexpected(pair: Pair, *_: object) -> None:
        pytest.fail(f"{pair.key} was made or used")

    before = box.content()
    for act in ("load", "make_key", "store"):
        monkeypatch.setattr(Pair, act, unexpected)
    ensure(box.directory, now=NOW + timedelta(hours=1))
    assert box.content() == before


def damage(path: Path, place: float) -> None:
    """Change one letter of a PEM file, so far into it; it still decodes."""
    lines = path.read_text("ascii").splitlines()
    number = 1 + int(place * (len(lines) - 2))
    lines[number] = lines[number][:20] + ("A" if lines[number][20] != "A" else "B") + lines[number][21:]
    path.write_text("\n".join(lines) + "\n", "ascii")


@pytest.mark.parametrize("place", [0.0, 0.15, 0.5, 0.6, 0.9])
@pytest.mark.parametrize("of_authority", [True, False])
def test_damaged_key_is_told_by_its_file(box: Box, place: float, *, of_authority: bool) -> None:
    """Whatever part is damaged, while its certificate is there: nothing would say it later but a wrong signature."""
    name = "TEST AC IGC-SANTE STANDARD PERSONNES"
    pair = box.pki.authorities[name].pair if of_authority else box.pki.cards["cpe-agent"].sign
    damage(pair.key, place)
    with pytest.raises(DamagedKeyError, match="illisible ou endommagée") as caught:
        ensure(box.directory)
    assert str(pair.key) in str(caught.value)
    pair.key.unlink()
    ensure(box.directory)
    pair.load()


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\n", b"\xff\x00"])
def test_key_file_without_a_key_is_told(box: Box, content: bytes) -> None:
    """An empty file, half a file, anything else."""
    box.pki.server.key.write_bytes(content)
    with pytest.raises(DamagedKeyError):
        ensure(box.directory)


def test_swapped_keys_get_certificates_of_their_own(box: Box) -> None:
    """The key that is there is the key: server, card and authority."""
    cards, before = box.pki.cards, box.content()
    for one, other in (
        (box.pki.server.key, box.pki.clients["intrus"].key),
        (cards["cps-medecin"].sign.key, cards["cpf-interne"].auth.key),
    ):
        contents = one.read_bytes(), other.read_bytes()
        other.write_bytes(contents[0])
        one.write_bytes(contents[1])
    pki = ensure(box.directory)
    for pair in (pki.server, pki.clients["intrus"], pki.cards["cps-medecin"].sign, pki.cards["cpf-interne"].auth):
        pair.load()
    assert {name for name in changed(before, box.content()) if name.endswith(".pem")} == {
        "serveurs/plateforme.pem",
        "serveurs/intrus.pem",
        "cartes/cps-medecin-sign.pem",
        "cartes/cpf-interne-auth.pem",
    }


@pytest.mark.parametrize("place", [0.05, 0.2, 0.45, 0.6, 0.95])
def test_damaged_certificate_is_made_again(box: Box, place: float) -> None:
    """Wherever the damage is: in the certificate or in the chain after it, of a card or of an authority."""
    root = box.pki.authorities["TEST AC RACINE IGC-SANTE FORT"].pair
    card = box.pki.cards["cps-medecin"].auth
    damage(card.certificate, place)
    damage(root.certificate, place)
    pki = ensure(box.directory)
    trust_of(pki, PERSONNES_AUTHORITIES).validate(load(card), NOW)
    assert [one.subject for one in card.load_chain()] == [load(card).subject, load(card).issuer]
    root.load()


def test_removed_certificate_is_made_again_for_the_same_key(box: Box) -> None:
    """And nothing else changes."""
    pair, before = box.pki.cards["cpe-agent"].sign, box.content()
    old = load(pair)
    pair.certificate.unlink()
    ensure(box.directory)
    assert load(pair).public_key() == old.public_key()
    assert load(pair).serial_number != old.serial_number
    pair.load()
    assert changed(before, box.content()) == {"cartes/cpe-agent-sign.pem"}


def test_removed_key_takes_its_certificate_with_it(box: Box) -> None:
    """A certificate that is there belongs to the key that is there."""
    pair, before = box.pki.clients["editeur"], box.content()
    pair.key.unlink()
    ensure(box.directory)
    pair.load()
    assert changed(before, box.content()) == {"serveurs/editeur.key", "serveurs/editeur.pem"}


def test_removed_key_of_an_authority_renews_what_is_below(box: Box) -> None:
    """Its certificate, its CRL and all that it signed; not the others'."""
    before = box.content()
    box.pki.authorities["TEST AC IGC-SANTE STANDARD PERSONNES"].pair.key.unlink()
    pki = ensure(box.directory)
    stem = "autorites/ACI-ST-PP-TEST"
    assert changed(before, box.content()) == {
        *(f"{stem}.{suffix}" for suffix in ("key", "pem")),
        "cartes/cpe-agent-auth.pem",
        "cartes/cpe-agent-sign.pem",
    }
    store = trust_of(pki, PERSONNES_AUTHORITIES)
    store.validate(load(pki.cards["cpe-agent"].sign), NOW)


def test_removed_root_key_renews_the_whole_branch(box: Box) -> None:
    """The authorities keep their keys, so what they signed stays valid; the anchors follow."""
    before = box.content()
    box.pki.authorities["TEST AC RACINE IGC-SANTE FORT"].pair.key.unlink()
    pki = ensure(box.directory)
    assert "cartes/cps-medecin-sign.key" not in changed(before, box.content())
    assert {"confiance.pem", "autorites/ACI-FO-PP-TEST.pem"} <= changed(before, box.content())
    store = trust_of(pki, PERSONNES_AUTHORITIES)
    store.validate(load(pki.cards["cps-medecin"].sign), NOW)


def test_killed_start_resumes(box: Box) -> None:
    """Half-written files are never in their place, and are overwritten."""
    pair, before = box.pki.cards["cps-medecin"].auth, box.content()
    pair.certificate.with_name(f".{pair.certificate.name}.nouveau").write_bytes(b"-----BEGIN")
    pair.certificate.unlink()
    box.pki.anchors.unlink()
    ensure(box.directory)
    assert set(box.content()) == set(before)
    assert changed(before, box.content()) == {"cartes/cps-medecin-auth.pem"}


def test_changed_spec_renews_the_card(box: Box) -> None:
    """Another title, another type; a revocation taken back changes no certificate."""
    before = box.content()
    cards = (replace(DOCTOR, title="Pharmacien"), STUDENT, AGENT, STAFF, replace(REVOKED, revoked=False), EXPIRED)
    pki = ensure(box.directory, cards=cards)
    assert names.first(load(pki.cards["cps-medecin"].auth).subject, NameOID.TITLE) == "Pharmacien"
    assert changed(before, box.content()) == {
        "cartes/cps-medecin-auth.pem",
        "cartes/cps-medecin-sign.pem",
    }
    store = trust_of(pki, PERSONNES_AUTHORITIES)
    store.validate(load(pki.cards["cps-revoquee"].sign), NOW)


def test_certificates_about_to_expire_are_renewed(box: Box) -> None:
    """Three years later everything works, and the expired card still is expired."""
    later = NOW + timedelta(days=3 * 365)
    pki = ensure(box.directory, now=later)
    store = trust_of(pki, PERSONNES_AUTHORITIES, later)
    store.validate(load(pki.cards["cps-medecin"].sign), later)
    assert load(pki.server).not_valid_after_utc > later + timedelta(days=365)
    assert load(pki.cards["cps-expiree"].sign).not_valid_after_utc < later


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_every_certificate_of_the_sandbox_passes_the_lint(box: Box) -> None:
    """Cards, servers, authorities: nothing but the real profiles’ own findings, and a server called localhost."""
    cards = [load(pair) for card in box.pki.cards.values() for pair in (card.auth, card.sign)]
    clients = [*map(load, box.pki.clients.values())]
    authorities = [load(files.pair) for files in box.pki.authorities.values()]
    assert lint_certificate(load(box.pki.server)) - ALLOWED.keys() == {"pkix.invalid_domain_name_syntax"}
    found = {one: lint_certificate(one) - ALLOWED.keys() for one in (*cards, *clients, *authorities)}
    assert {names.rfc4514(one.subject): codes for one, codes in found.items() if codes} == {}
