"""What is published agrees with every state of a certificate's life, for tools that know nothing but its URLs."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from pfcng.client import Client, ClientError, Profile, RefusedError
from pfcng.contract.catalogue import Motif, Offre, Product, Usage
from pfcng.contract.messages import RequeteRevocationCertificat
from pfcng.igc.publisher import Publisher
from pfcng.pki.keys import Credential, load_pem
from pfcng.store.database import Database
from pfcng.store.embedded import EmbeddedPostgres
from support.csrs import make_csr, make_key
from support.demandes import demande_for
from support.folders import shared_folder
from support.live import Sandbox, start, stop

ORG = Product(Offre.ORG, Usage.AUTH_CLI)
SSL_SERV = Product(Offre.SERV, Usage.SSL_SERV)
PS_SIGN = Product(Offre.PS, Usage.SIGN)
STEM = "ACI-EL-ORG-TEST"
SECONDS = 10
"""How long a revocation may take to reach the endpoints of a busy machine."""
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is the judge")


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate, its key, and what it says of where to look."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def crl_url(self) -> str:
        return crl_url(self.certificate)

    def access(self, method: x509.ObjectIdentifier) -> str:
        found = self.certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
        [url] = [str(one.access_location.value) for one in found if one.access_method == method]
        return url


def crl_url(certificate: x509.Certificate) -> str:
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    names = [str(name.value) for point in points for name in point.full_name or ()]
    return next(name for name in names if name.startswith("http"))


def issue(sandbox: Sandbox, product: Product, card: str = "cpa-editeur", **changes: object) -> Issued:
    key = make_key()
    with sandbox.client(card) as client:
        reply = client.demander_certificats([demande_for(product, make_csr(key), **changes)])
        retrait = client.retirer_certificat(str(reply.demandes[0].indice_retrait), "code")
    return Issued(retrait.certificate, key)


def revoke(sandbox: Sandbox, issued: Issued, motif: Motif, card: str = "cpa-editeur") -> None:
    identifier = issued.certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert identifier.key_identifier is not None
    with sandbox.client(card) as client:
        client.call(
            RequeteRevocationCertificat(
                aki=identifier.key_identifier.hex(),
                numero_serie=f"{issued.certificate.serial_number:X}",
                gamme="EL",
                motif=motif,
                autre_description="autre" if motif is Motif.AUTRE else None,
                mail_demandeur="demandeur@hopital.example",
                mail_personne_a_informer="informer@hopital.example",
            )
        )


def fetch(url: str) -> bytes:
    return httpx.get(url, trust_env=False).raise_for_status().content


class Judge:
    """OpenSSL with the roots, and what it fetches from the URLs of a certificate."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.anchors = sandbox.anchors
        self.folder = folder

    def verify(self, issued: Issued) -> str:
        """Every CRL of the chain: OK, or the error's text."""
        authority = self._issuer(issued)
        crls = [issued.crl_url, crl_url(authority)]
        for number, url in enumerate(crls):
            self._write(f"{number}.crl", x509.load_der_x509_crl(fetch(url)).public_bytes(Encoding.PEM))
        done = self._run(
            *("verify", "-crl_check_all", "-x509_strict", "-CAfile", str(self.anchors), "-untrusted", "ac.pem"),
            *(part for number in range(len(crls)) for part in ("-CRLfile", f"{number}.crl")),
            self._write("certificat.pem", issued.certificate.public_bytes(Encoding.PEM)),
        )
        return "OK" if done.stdout.endswith(": OK\n") else done.stderr

    def ocsp(self, issued: Issued, serial: int | None = None, *options: str) -> list[str]:
        """Status and what follows it, line by line; of another serial of the same issuer when one is given."""
        self._issuer(issued)
        file = self._write("certificat.pem", issued.certificate.public_bytes(Encoding.PEM))
        asked = ["-cert", file] if serial is None else ["-serial", str(serial)]
        url = issued.access(AuthorityInformationAccessOID.OCSP)
        done = self._run("ocsp", "-issuer", "ac.pem", *asked, "-url", url, "-CAfile", str(self.anchors), *options)
        assert "Response verify OK" in done.stderr, done.stderr
        first, *others = done.stdout.splitlines()
        return [first.partition(": ")[2], *(line.strip() for line in others)]

    def _issuer(self, issued: Issued) -> x509.Certificate:
        authority = x509.load_der_x509_certificate(fetch(issued.access(AuthorityInformationAccessOID.CA_ISSUERS)))
        self._write("ac.pem", authority.public_bytes(Encoding.PEM))
        return authority

    def _write(self, name: str, content: bytes) -> str:
        (self.folder / name).write_bytes(content)
        return name

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["openssl", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "NO_PROXY": "*"},
        )


@pytest.fixture
def judge(sandbox: Sandbox, tmp_path: Path) -> Judge:
    return Judge(sandbox, tmp_path)


def publish_now(sandbox: Sandbox) -> None:
    """Another process of the same platform publishes without waiting for its minute."""
    folder = sandbox.directory / "pki" / "autorites"
    signer = load_pem(folder / f"{STEM}.pem", folder / f"{STEM}.key")
    with closing(Database(EmbeddedPostgres(sandbox.directory / "postgres").dsn)) as database:
        publisher = Publisher(database, signers=[signer], clock=lambda: datetime.now(UTC))
        deadline = time.monotonic() + SECONDS
        while publisher.turn(at_once=True).published == 0 and time.monotonic() < deadline:
            time.sleep(0.1)  # the sandbox's own publisher has the lock, or was faster


def test_every_state_of_a_certificate_is_told_by_crl_and_ocsp(sandbox: Sandbox, judge: Judge) -> None:
    """Actif, révoqué for each motif: ``openssl verify -crl_check_all`` and ``openssl ocsp`` agree (guide §16)."""
    issued = {motif: issue(sandbox, ORG) for motif in Motif}
    active = issue(sandbox, ORG)
    for one in (active, *issued.values()):
        assert judge.verify(one) == "OK"
        assert judge.ocsp(one)[0] == "good"
    for motif, one in issued.items():
        revoke(sandbox, one, motif)
    publish_now(sandbox)
    reasons = {
        Motif.VOL: "keyCompromise",
        Motif.PERTE: "keyCompromise",
        Motif.FIN_DACTIVITE: "cessationOfOperation",
        Motif.AUTRE: None,
    }
    for motif, one in issued.items():
        assert "certificate revoked" in judge.verify(one)
        status, *others = judge.ocsp(one)
        told = [line.removeprefix("Reason: ") for line in others if line.startswith("Reason")]
        assert (status, told) == ("revoked", [reasons[motif]] if reasons[motif] else [])
        assert any(line.startswith("Revocation Time: ") for line in others)
    assert judge.verify(active) == "OK"
    assert judge.ocsp(active)[0] == judge.ocsp(active, None, "-no_nonce")[0] == "good"


def test_serial_of_nobody_is_unknown_for_openssl(sandbox: Sandbox, judge: Judge) -> None:
    """Never good."""
    assert judge.ocsp(issue(sandbox, ORG), 123456789)[0] == "unknown"


def test_cards_and_servers_of_the_sandbox_are_known(sandbox: Sandbox, judge: Judge) -> None:
    """OCSP and CRL say what the demonstration says: ``cps-revoquee`` is opposed."""
    cards = sandbox.description["cartes"]
    for name, status in (("cps-medecin", "good"), ("cpa-production", "good"), ("cps-revoquee", "revoked")):
        pem = sandbox.path(cards[name]["sign"]["certificat"]).read_bytes()
        card = Issued(x509.load_pem_x509_certificates(pem)[0], make_key())
        assert judge.ocsp(card)[0] == status
        assert (judge.verify(card) == "OK") is (status == "good")


def test_delta_adds_what_the_complete_crl_before_it_lacks(sandbox: Sandbox) -> None:
    """At a path beside the complete one's (docs/publication.md)."""
    issued = issue(sandbox, ORG)
    revoke(sandbox, issued, Motif.PERTE)
    publish_now(sandbox)
    delta = x509.load_der_x509_crl(fetch(issued.crl_url.replace(".crl", "-delta.crl")))
    complete = x509.load_der_x509_crl(fetch(issued.crl_url))
    for crl in (delta, complete):
        assert crl.get_revoked_certificate_by_serial_number(issued.certificate.serial_number) is not None
    base = delta.extensions.get_extension_for_class(x509.DeltaCRLIndicator).value.crl_number
    assert base < complete.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def connected(sandbox: Sandbox, **credentials: Credential) -> Profile:
    """A profile at ws-srv with these credentials in place of the sandbox's."""
    profile = Profile.load(sandbox.path(sandbox.description["profils"]["cps-medecin-srv"]))
    return replace(profile, **credentials)  # type: ignore[arg-type]  # tls and signature are Credentials


def eventually(attempt: Callable[[], str], expected: str) -> None:
    """The other process gets there by itself."""
    deadline = time.monotonic() + SECONDS
    while (found := attempt()) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == expected


def outcome(profile: Profile) -> str:
    """What becomes of a demande: the code, or the words of an HTTP refusal."""
    try:
        with Client(profile) as client:
            client.demander_certificats([demande_for(PS_SIGN, make_csr(), mail_sujet=None)])
    except RefusedError as error:
        return error.code
    except ClientError as error:
        return (
            "liste blanche" if "liste blanche" in str(error) else "pas valide" if "valide" in str(error) else str(error)
        )
    return "OK"


def test_revoked_signature_is_refused_within_seconds(sandbox: Sandbox) -> None:
    """A PS_SIGN certificate signs messages until it is revoked, however recent the last CRL is (guide §11)."""
    issued = issue(sandbox, PS_SIGN, "cps-medecin", mail_sujet=None)
    profile = connected(sandbox, signature=Credential(certificate=issued.certificate, chain=(), key=issued.key))
    assert outcome(profile) == "OK"
    revoke(sandbox, issued, Motif.VOL, "cps-medecin")
    eventually(lambda: outcome(profile), "WSMG-00000002")


def test_revoked_server_is_refused_within_seconds(sandbox: Sandbox) -> None:
    """At ws-srv: first for its DN, that the white list lacks, then for itself (guide §10)."""
    issued = issue(sandbox, SSL_SERV)
    profile = connected(sandbox, tls=Credential(certificate=issued.certificate, chain=(), key=issued.key))
    assert outcome(profile) == "liste blanche"
    revoke(sandbox, issued, Motif.PERTE)
    eventually(lambda: outcome(profile), "pas valide")


@pytest.fixture
def folder() -> Iterator[Path]:
    with shared_folder() as shared:
        yield shared / "bac"


def test_card_that_is_not_opposed_any_more_leaves_the_crl(folder: Path, tmp_path: Path) -> None:
    """``annuaire.toml`` decides at each start; numbers grow."""
    first = start(folder)
    try:
        assert status_of(first, tmp_path) == ("revoked", False)
    finally:
        stop(first)
    demonstration = folder / "annuaire.toml"
    demonstration.write_text(demonstration.read_text("utf-8").replace("revoquee = true", "revoquee = false"), "utf-8")
    second = start(folder)
    try:
        assert status_of(second, tmp_path) == ("good", True)
    finally:
        stop(second)


def status_of(sandbox: Sandbox, folder: Path) -> tuple[str, bool]:
    """What OCSP says of ``cps-revoquee``, and whether it may sign; the URLs are those of the running sandbox."""
    files = sandbox.description["cartes"]["cps-revoquee"]["sign"]
    card = load_pem(sandbox.path(files["certificat"]), sandbox.path(files["cle"]))
    http = sandbox.description["urls"]["http"]
    crl = x509.load_der_x509_crl(fetch(f"{http}/CRL/ACI-FO-PP-TEST.crl"))
    listed = crl.get_revoked_certificate_by_serial_number(card.certificate.serial_number) is not None
    (folder / "ac.pem").write_bytes(card.chain[0].public_bytes(Encoding.PEM))
    command = ["openssl", "ocsp", "-issuer", "ac.pem", "-serial", str(card.certificate.serial_number)]
    done = subprocess.run(
        [*command, "-url", f"{http}/ocsp", "-CAfile", str(sandbox.anchors)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    status = done.stdout.splitlines()[0].partition(": ")[2]
    signs = outcome(connected(sandbox, signature=card)) == "OK"
    assert listed is (status == "revoked")
    return status, signs
