"""Which certificates are believed. Source: guide §10, §11; RFC 5280 §6."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from pfcng.contract.catalogue import Environment
from pfcng.pki import names
from pfcng.pki.authorities import EMULATEUR, AuthorityName, Gamme, Population, find
from pfcng.pki.products import key_usage
from pfcng.pki.trust import InvalidTrustAnchors, TrustStore, UntrustedCertificate, key_identifier

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
GRACE = timedelta(hours=24)
DAY = timedelta(days=1)
CARDS = find(Environment.TEST, Gamme.FORT, Population.PERSONNES)
SERVERS = find(Environment.TEST, Gamme.ELEMENTAIRE, Population.ORGANISATIONS)
Change = Callable[[x509.CertificateBuilder], x509.CertificateBuilder]


@dataclass(frozen=True)
class Ca:
    name: AuthorityName
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def make_ca(
    name: AuthorityName,
    own_key: rsa.RSAPrivateKey,
    issuer: Ca | None = None,
    *,
    ca: bool = True,
    crl_sign: bool = True,
    first: datetime = NOW - 365 * DAY,
    subject: x509.Name | None = None,
    serial: int = 7,
) -> Ca:
    subject = subject or name.distinguished_name(EMULATEUR)
    usages = ["key_cert_sign", "crl_sign"] if crl_sign else ["key_cert_sign"]
    issuer_key = issuer.key if issuer else own_key
    builder = (
        x509.CertificateBuilder(
            issuer.certificate.subject if issuer else subject, subject, own_key.public_key(), serial
        )
        .not_valid_before(first)
        .not_valid_after(first + 3650 * DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca and issuer else None), critical=True)
        .add_extension(key_usage(*usages), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own_key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    return Ca(name, builder.sign(issuer_key, hashes.SHA256()), own_key)


def make_crl(
    issuer: Ca,
    serials: Iterable[int] = (),
    *,
    number: int = 1,
    published: datetime = NOW - DAY,
    next_update: datetime | None = NOW + DAY,
    signer: rsa.RSAPrivateKey | None = None,
    extension: x509.ExtensionType | None = None,
) -> x509.CertificateRevocationList:
    builder = x509.CertificateRevocationListBuilder(issuer.certificate.subject, published, next_update).add_extension(
        x509.CRLNumber(number), critical=False
    )
    if extension:
        builder = builder.add_extension(extension, critical=True)
    for serial in serials:
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder(serial, published).build())
    return builder.sign(signer or issuer.key, hashes.SHA256())


class World:
    """A root, an authority for cards, and keys to make more."""

    def __init__(self) -> None:
        self.root_key, self.ca_key, self.holder_key = key(), key(), key()
        self.root = make_ca(CARDS.root, self.root_key)
        self.ca = make_ca(CARDS, self.ca_key, self.root)

    def load(
        self, *crls: x509.CertificateRevocationList, ca: Ca | None = None, root: Ca | None = None, now: datetime = NOW
    ) -> TrustStore:
        roots, authorities = [(root or self.root).certificate], [(ca or self.ca).certificate]
        return TrustStore.load(roots, authorities, crls, now=now, crl_grace=GRACE)

    def store(self, *revoked: int) -> TrustStore:
        return self.load(make_crl(self.ca, revoked))

    def holder(
        self,
        *,
        issuer: Ca | None = None,
        serial: int = 1234,
        first: datetime = NOW - DAY,
        last: datetime = NOW + DAY,
        aki: bool = True,
        change: Change = lambda builder: builder,
        holder_key: rsa.RSAPrivateKey | None = None,
        digest: hashes.HashAlgorithm | None = None,
    ) -> x509.Certificate:
        issuer = issuer or self.ca
        public_key = (holder_key or self.holder_key).public_key()
        subject = names.parse("CN=899700990015,C=FR")
        builder = x509.CertificateBuilder(issuer.certificate.subject, subject, public_key, serial, first, last)
        if aki:
            identifier = x509.AuthorityKeyIdentifier(key_identifier(issuer.certificate), None, None)
            builder = builder.add_extension(identifier, critical=False)
        return change(builder).sign(issuer.key, digest or hashes.SHA256())  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def world() -> World:
    return World()


def reason(store: TrustStore, certificate: x509.Certificate, now: datetime = NOW) -> str:
    with pytest.raises(UntrustedCertificate) as caught:
        store.validate(certificate, now)
    return caught.value.reason


def test_card_of_an_accepted_authority_is_believed(world: World) -> None:
    """And the answer is the authority, which tells the environment (guide §13)."""
    authority = world.store().validate(world.holder(), NOW)
    assert authority.name == CARDS
    assert authority.name.environment is Environment.TEST


def test_issuer_is_found_by_its_name_without_key_identifier(world: World) -> None:
    """The AKI is a help, not a condition."""
    assert world.store().validate(world.holder(aki=False), NOW).name == CARDS


def test_first_and_last_second_are_inside(world: World) -> None:
    """RFC 5280 §4.1.2.5: notAfter is inclusive, to the end of its second."""
    store, certificate = world.store(), world.holder(first=NOW - DAY, last=NOW)
    second = timedelta(seconds=1)
    store.validate(certificate, NOW - DAY)
    store.validate(certificate, NOW)
    store.validate(certificate, NOW + second - timedelta(microseconds=1))
    assert "outside its validity" in reason(store, certificate, NOW + second)
    assert "outside its validity" in reason(store, certificate, NOW - DAY - second)


def test_revoked_certificate_is_refused(world: World) -> None:
    """Its serial is on the CRL of its authority."""
    assert "revoked: serial 4D2" in reason(world.store(5, 1234), world.holder())


def test_crl_past_its_grace_is_a_refusal(world: World) -> None:
    """A refusal, not a guess; the last instant of the grace still counts."""
    store = world.load(make_crl(world.ca, next_update=NOW))
    certificate = world.holder(last=NOW + 9 * DAY)
    store.validate(certificate, NOW + GRACE)
    assert "past its nextUpdate" in reason(store, certificate, NOW + GRACE + timedelta(seconds=1))


def test_authority_without_crl_vouches_for_nobody(world: World) -> None:
    """Nothing is known of its revocations."""
    assert "no CRL" in reason(world.load(), world.holder())


def test_crl_can_be_refreshed_without_touching_the_store(world: World) -> None:
    """A new store with newer CRLs; the old one answers as before."""
    old = world.store()
    new = old.with_crls([make_crl(world.ca, [1234], number=2)])
    old.validate(world.holder(), NOW)
    assert "revoked" in reason(new, world.holder())


def test_older_crl_never_replaces_a_newer_one(world: World) -> None:
    """Otherwise a replayed file takes revocations back."""
    newer, older = make_crl(world.ca, [1234], number=2), make_crl(world.ca, number=1, next_update=NOW + 9 * DAY)
    for store in (world.load(newer, older), world.load(older, newer), world.load(newer).with_crls([older])):
        assert "revoked" in reason(store, world.holder())


def test_authority_revoked_by_its_root_vouches_for_nobody(world: World) -> None:
    """Also when its root says so after the store was loaded."""
    store = world.store().with_crls([make_crl(world.root, [world.ca.certificate.serial_number])])
    assert "revoked by its root" in reason(store, world.holder())


def test_impostor_with_the_right_names_is_refused(world: World) -> None:
    """Name and key identifier of the authority, another key."""
    impostor = Ca(CARDS, world.ca.certificate, world.holder_key)
    assert "not issued by an accepted authority" in reason(world.store(), world.holder(issuer=impostor))


def test_other_authority_is_refused(world: World) -> None:
    """An authority of the IGC-Santé that is not among the accepted ones."""
    servers = make_ca(SERVERS, world.holder_key, make_ca(SERVERS.root, world.root_key))
    assert "not issued by an accepted authority" in reason(world.store(), world.holder(issuer=servers))


def test_root_does_not_certify_holders(world: World) -> None:
    """Chains are holder, authority, root."""
    assert "not issued by an accepted authority" in reason(world.store(), world.holder(issuer=world.root))


def test_authority_is_not_a_holder(world: World) -> None:
    """A certificate of an authority signs no message."""
    below = world.holder(
        change=lambda b: b.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    assert "authority" in reason(world.store(), below)


def test_unknown_critical_extension_is_refused(world: World) -> None:
    """RFC 5280 §4.2."""
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.250.1.71.99"), b"\5\0")
    critical = world.holder(change=lambda b: b.add_extension(unknown, critical=True))
    assert "critical extension 1.2.250.1.71.99" in reason(world.store(), critical)
    world.store().validate(world.holder(change=lambda b: b.add_extension(unknown, critical=False)), NOW)


def test_small_key_is_refused(world: World) -> None:
    """RSA from 2 048 bits."""
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - the one to refuse
    assert "2048" in reason(world.store(), world.holder(holder_key=small))


def test_weak_hash_is_refused(world: World) -> None:
    """SHA-1 and MD5 prove nothing; so do hashes that nobody expects."""
    assert "signed with" in reason(world.store(), world.holder(digest=hashes.SHA224()))


def test_authority_past_its_validity_vouches_for_nobody(world: World) -> None:
    """A store that was loaded long ago."""
    old = make_ca(CARDS, world.ca_key, world.root, first=NOW - 3640 * DAY)
    store = world.load(make_crl(old, next_update=NOW + 99 * DAY), ca=old)
    certificate = world.holder(issuer=old, last=NOW + 99 * DAY)
    store.validate(certificate, NOW + 10 * DAY)
    assert "outside its validity" in reason(store, certificate, NOW + 11 * DAY)


def test_chain_is_checked_at_loading(world: World) -> None:
    """Signature, extensions, dates and names of every authority."""
    stranger = make_ca(CARDS.root, world.holder_key)
    other_root = make_ca(SERVERS.root, world.root_key)
    unknown_name = names.parse("CN=AC INCONNUE,C=FR")
    faults: dict[str, Callable[[], TrustStore]] = {
        "pas celle de sa racine": lambda: world.load(root=stranger),
        "sa racine manque": lambda: world.load(root=other_root),
        "pas le certificat d’une autorité": lambda: world.load(
            ca=make_ca(CARDS, world.ca_key, world.root, crl_sign=False)
        ),
        "le certificat d’une autorité": lambda: world.load(ca=make_ca(CARDS, world.ca_key, world.root, ca=False)),
        "période de validité": lambda: world.load(now=NOW + 9999 * DAY),
        "pas une autorité de l’IGC-Santé": lambda: world.load(
            ca=make_ca(CARDS, world.ca_key, world.root, subject=unknown_name)
        ),
        "une racine est parmi les autorités": lambda: world.load(ca=world.root),
    }
    for message, fault in faults.items():
        with pytest.raises(InvalidTrustAnchors, match=message):
            fault()


def test_authority_below_the_root_of_another_gamme_is_refused(world: World) -> None:
    """The name says FORT, the root ELEMENTAIRE."""
    other_root = make_ca(SERVERS.root, world.root_key)
    with pytest.raises(InvalidTrustAnchors, match="sa racine manque"):
        world.load(ca=make_ca(CARDS, world.ca_key, other_root), root=other_root)


def test_crl_that_cannot_be_believed_is_refused_at_loading(world: World) -> None:
    """Wrong signature, unknown issuer, delta, partial, endless."""
    partial = x509.IssuingDistributionPoint(
        None,
        None,
        only_contains_user_certs=True,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )
    stranger = make_ca(SERVERS.root, world.holder_key)
    for message, crl in {
        "mal signée": make_crl(world.ca, signer=world.holder_key),
        "aucune autorité connue": make_crl(stranger),
        "2.5.29.27": make_crl(world.ca, extension=x509.DeltaCRLIndicator(1)),
        "2.5.29.28": make_crl(world.ca, extension=partial),
    }.items():
        with pytest.raises(InvalidTrustAnchors, match=message):
            world.load(crl)


def test_authority_names_of_the_emulator_and_the_real_ones_are_both_known(world: World) -> None:
    """OU=EMULATEUR is only a mark: the CN tells the authority."""
    real = make_ca(CARDS, world.ca_key, world.root, subject=CARDS.distinguished_name())
    assert world.load(ca=real).authorities[0].name == CARDS
    assert names.first(real.certificate.subject, NameOID.COMMON_NAME) == CARDS.common_name
