"""Certificates of roots and of the authorities below them, shaped like the real ones.

Source: the certificates that the IGC-Santé publishes under http://igc-sante.esante.gouv.fr/AC.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from pfcng.igc.builder import distribution_points, policies
from pfcng.igc.lint_authority import guarded
from pfcng.igc.urls import PublicationUrls
from pfcng.pki.authorities import AuthorityName
from pfcng.pki.keys import Credential
from pfcng.pki.products import key_usage
from pfcng.pki.trust import key_identifier

_SERIAL_PREFIX: Final = 0x1120
_ANY_POLICY: Final = x509.ObjectIdentifier("2.5.29.32.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityPlan:
    """Everything that goes into an authority's certificate but its key: the same plan and key give the same bytes.

    Attributes:
        name: The authority.
        markers: Organisational units that tell it from the real one (`EMULATEUR`).
        serial: Positive, 141 bits.
        not_before: Aware; whole seconds.
        not_after: The last second.
        urls: Where its root publishes.
    """

    name: AuthorityName
    markers: tuple[str, ...]
    serial: int
    not_before: datetime
    not_after: datetime
    urls: PublicationUrls

    @property
    def subject(self) -> x509.Name:
        """Its name."""
        return self.name.distinguished_name(*self.markers)


def authority_serial() -> int:
    """128 random bits after the two octets with which the real ones begin."""
    return (_SERIAL_PREFIX << 128) | secrets.randbits(128)


def certify(
    plan: AuthorityPlan, public_key: rsa.RSAPublicKey, signer: rsa.RSAPrivateKey | Credential
) -> x509.Certificate:
    """The certificate of a root, which its own key signs, or of an authority, which its root's credential signs.

    Raises:
        UnfitToSign: what was built is not what it should be.
        KeyUnavailable: the key cannot sign now.
    """
    root = signer if isinstance(signer, Credential) else None
    key = signer.key if isinstance(signer, Credential) else signer
    own_key = x509.SubjectKeyIdentifier.from_public_key(public_key).digest
    builder = x509.CertificateBuilder(
        issuer_name=root.certificate.subject if root else plan.subject,
        subject_name=plan.subject,
        public_key=public_key,
        serial_number=plan.serial,
        not_valid_before=plan.not_before,
        not_valid_after=plan.not_after,
    )
    issuer_key = key_identifier(root.certificate) if root else own_key
    for extension in ca_extensions(plan.name, public_key, issuer_key, plan.urls):
        critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
        builder = builder.add_extension(extension, critical=critical)
    certificate = builder.sign(
        guarded(
            key,
            name=plan.name,
            subject=plan.subject,
            public_key=public_key,
            serial=plan.serial,
            dates=(plan.not_before, plan.not_after),
            urls=plan.urls,
            root=root.certificate if root else None,
        ),
        hashes.SHA256(),
    )
    certificate.verify_directly_issued_by(root.certificate if root else certificate)
    return certificate


def ca_extensions(
    name: AuthorityName, public_key: rsa.RSAPublicKey, issuer_key: bytes, urls: PublicationUrls
) -> list[x509.ExtensionType]:
    """The extensions of an authority's certificate, in the real order; the first two are critical.

    Args:
        name: The authority.
        public_key: Its key.
        issuer_key: Subject key identifier of its root, or its own for a root.
        urls: Where its root publishes.
    """
    crls = [] if name.is_root else [distribution_points(urls.crl(name.root), urls.directory_root_crl(name.root))]
    return [
        x509.BasicConstraints(ca=True, path_length=None if name.is_root else 0),
        key_usage("key_cert_sign", "crl_sign"),
        policies(_ANY_POLICY, urls.policies(name)),
        *crls,
        x509.SubjectKeyIdentifier.from_public_key(public_key),
        x509.AuthorityKeyIdentifier(issuer_key, None, None),
    ]
