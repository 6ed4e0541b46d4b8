"""What an authority signs besides products: other authorities, its responder, its CRLs.

Source: docs/igc.md, "Keys"; RFC 5280 §4, §5; RFC 6960 §4.2.2.2.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Eku

from pfcng.contract.catalogue import Environment
from pfcng.igc import hierarchy
from pfcng.igc.hierarchy import AuthorityPlan, authority_serial, certify
from pfcng.igc.lint import GuardedKey, UnfitToSign
from pfcng.igc.lint_authority import guarded, guarded_for_crl, guarded_for_responder, lint_crl
from pfcng.igc.urls import PublicationUrls
from pfcng.pki import names
from pfcng.pki.authorities import EMULATEUR, AuthorityName, Gamme, Population, find
from pfcng.pki.keys import Credential
from pfcng.pki.products import key_usage
from pfcng.pki.trust import key_identifier

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=6)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NAME = find(Environment.TEST, Gamme.ELEMENTAIRE, Population.ORGANISATIONS)


def plan_of(name: AuthorityName) -> AuthorityPlan:
    return AuthorityPlan(
        name=name,
        markers=(EMULATEUR,),
        serial=authority_serial(),
        not_before=NOW - timedelta(days=365),
        not_after=NOW + timedelta(days=(19 if name.is_root else 18) * 365),
        urls=PublicationUrls(),
    )


ROOT_PLAN, PLAN = plan_of(NAME.root), plan_of(NAME)
ROOT = certify(ROOT_PLAN, KEY.public_key(), KEY)
ISSUER = certify(PLAN, KEY.public_key(), Credential(certificate=ROOT, chain=(), key=KEY))


def guard(plan: AuthorityPlan) -> GuardedKey:
    return guarded(
        KEY,
        name=plan.name,
        subject=plan.subject,
        public_key=KEY.public_key(),
        serial=plan.serial,
        dates=(plan.not_before, plan.not_after),
        urls=plan.urls,
        root=None if plan.name.is_root else ROOT,
    )


@pytest.mark.parametrize(("plan", "certificate"), [(ROOT_PLAN, ROOT), (PLAN, ISSUER)], ids=["root", "authority"])
def test_no_byte_of_an_authority_can_change_unseen(plan: AuthorityPlan, certificate: x509.Certificate) -> None:
    """Each bit has one value that passes."""
    tbs, check = certificate.tbs_certificate_bytes, guard(plan)._check
    assert tuple(check(tbs)) == ()
    for place in range(len(tbs)):
        changed = bytearray(tbs)
        changed[place] ^= 1 << place % 8
        assert tuple(check(bytes(changed))), place


@pytest.mark.parametrize(
    "change",
    [
        {"serial": 5},
        {"markers": ()},
        {"not_after": PLAN.not_after + timedelta(seconds=1)},
        {"not_before": PLAN.not_before + timedelta(seconds=1)},
        {"urls": PublicationUrls(http="http://ailleurs.example")},
        {"name": find(Environment.TEST, Gamme.ELEMENTAIRE, Population.PERSONNES)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_authority_of_another_plan_is_not_signed(change: dict[str, Any]) -> None:
    """What was noted before the key was made is what is signed."""
    other = certify(replace(PLAN, **change), KEY.public_key(), Credential(certificate=ROOT, chain=(), key=KEY))
    assert tuple(guard(PLAN)._check(other.tbs_certificate_bytes))


def test_authority_does_not_outlive_its_root() -> None:
    """Nor begins before it."""
    root = Credential(certificate=ROOT, chain=(), key=KEY)
    longer = replace(PLAN, not_after=ROOT_PLAN.not_after + timedelta(days=1))
    older = replace(PLAN, not_before=datetime(2000, 1, 1, tzinfo=UTC))
    for plan in (longer, older):
        with pytest.raises(UnfitToSign, match="issuer"):
            certify(plan, KEY.public_key(), root)


def test_fault_in_the_hierarchys_code_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An authority below which others could stand is not signed."""
    make = hierarchy.ca_extensions

    def extensions(*arguments: Any) -> list[x509.ExtensionType]:
        return [x509.BasicConstraints(ca=True, path_length=None), *make(*arguments)[1:]]

    monkeypatch.setattr(hierarchy, "ca_extensions", extensions)
    with pytest.raises(UnfitToSign, match="basic constraints"):
        certify(PLAN, KEY.public_key(), Credential(certificate=ROOT, chain=(), key=KEY))


def crl(
    *, number: int = 7, base: int | None = None, issuer: x509.Name = ISSUER.subject, end: datetime = LATER
) -> x509.CertificateRevocationListBuilder:
    made = x509.CertificateRevocationListBuilder(issuer, NOW, end)
    made = made.add_extension(x509.AuthorityKeyIdentifier(key_identifier(ISSUER), None, None), critical=False)
    made = made.add_extension(x509.CRLNumber(number), critical=False)
    if base is not None:
        made = made.add_extension(x509.DeltaCRLIndicator(base), critical=True)
    return made


@pytest.mark.parametrize("base", [None, 5])
def test_crl_that_is_the_noted_one_is_signed(base: int | None) -> None:
    """Complete, and delta."""
    key = guarded_for_crl(KEY, issuer=ISSUER, number=7, dates=(NOW, LATER), base=base)
    assert crl(base=base).sign(key, hashes.SHA256()).is_signature_valid(KEY.public_key())


@pytest.mark.parametrize(
    "made",
    [
        crl(number=8),
        crl(base=5),
        crl(issuer=ROOT.subject),
        crl(end=LATER + timedelta(seconds=1)),
        crl().add_extension(x509.IssuerAlternativeName([x509.DNSName("x.example")]), critical=False),
    ],
    ids=["number", "delta", "issuer", "end", "extension"],
)
def test_other_crl_is_not_signed(made: x509.CertificateRevocationListBuilder) -> None:
    key = guarded_for_crl(KEY, issuer=ISSUER, number=7, dates=(NOW, LATER))
    with pytest.raises(UnfitToSign):
        made.sign(key, hashes.SHA256())


def test_delta_is_newer_than_its_base() -> None:
    """RFC 5280 §5.2.4."""
    key = guarded_for_crl(KEY, issuer=ISSUER, number=7, dates=(NOW, LATER), base=7)
    with pytest.raises(UnfitToSign, match="newer"):
        crl(base=7).sign(key, hashes.SHA256())


def test_no_byte_of_an_empty_crl_can_change_unseen() -> None:
    """Its entries are the publisher's."""
    tbs = crl().sign(KEY, hashes.SHA256()).tbs_certlist_bytes
    for place in range(len(tbs)):
        changed = bytearray(tbs)
        changed[place] ^= 1 << place % 8
        assert lint_crl(bytes(changed), issuer=ISSUER, number=7, dates=(NOW, LATER)), place


Change = Callable[[x509.CertificateBuilder], x509.CertificateBuilder]


def responder(
    *,
    days: int = 30,
    uses: tuple[x509.ObjectIdentifier, ...] = (Eku.OCSP_SIGNING,),
    usage: tuple[str, ...] = ("digital_signature",),
    no_check: bool = True,
    subject: x509.Name | None = None,
    ca: bool = False,
) -> x509.CertificateBuilder:
    public_key = OTHER.public_key()
    made = x509.CertificateBuilder(
        ISSUER.subject, subject or names.parse("CN=REPONDEUR,C=FR"), public_key, 9, NOW, NOW + timedelta(days=days)
    )
    for extension in (
        x509.ExtendedKeyUsage(uses),
        x509.AuthorityKeyIdentifier(key_identifier(ISSUER), None, None),
        *([x509.OCSPNoCheck()] if no_check else []),
        x509.SubjectKeyIdentifier.from_public_key(public_key),
        key_usage(*usage),
        x509.BasicConstraints(ca=ca, path_length=None),
    ):
        made = made.add_extension(extension, critical=isinstance(extension, x509.KeyUsage))
    return made


def test_responder_is_certified() -> None:
    key = guarded_for_responder(KEY, issuer=ISSUER, public_key=OTHER.public_key(), serial=9)
    responder().sign(key, hashes.SHA256()).verify_directly_issued_by(ISSUER)


@pytest.mark.parametrize(
    "made",
    [
        responder(days=32),
        responder(uses=(Eku.OCSP_SIGNING, Eku.SERVER_AUTH)),
        responder(usage=("digital_signature", "crl_sign")),
        responder(no_check=False),
        responder(subject=ISSUER.subject),
        responder(ca=True),
    ],
    ids=["life", "uses", "usage", "nocheck", "subject", "ca"],
)
def test_responder_that_could_do_more_is_not_certified(made: x509.CertificateBuilder) -> None:
    """A key that lives in the process of a web server."""
    key = guarded_for_responder(KEY, issuer=ISSUER, public_key=OTHER.public_key(), serial=9)
    with pytest.raises(UnfitToSign):
        made.sign(key, hashes.SHA256())


def test_bytes_that_are_nothing_are_not_signed() -> None:
    """Neither a certificate nor a CRL."""
    for key in (
        guard(PLAN),
        guarded_for_crl(KEY, issuer=ISSUER, number=7, dates=(NOW, LATER)),
        guarded_for_responder(KEY, issuer=ISSUER, public_key=OTHER.public_key(), serial=9),
    ):
        assert tuple(key._check(b"\x30\x00"))
        assert tuple(key._check(b""))
