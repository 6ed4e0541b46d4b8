"""Step 1: who holds the TLS connection, and whether the endpoint admits them. Source: guide §10."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pfcng.pki import names
from pfcng.pki.authorities import PERSONNES_AUTHORITIES, SERVER_AUTHORITIES
from pfcng.pki.trust import TrustStore, UntrustedCertificate
from pfcng.store.annuaire import is_white_listed
from pfcng.store.database import Database

Network = IPv4Network | IPv6Network


class Endpoint(StrEnum):
    """The two addresses of the Web Service (guide §3.2)."""

    WS_SRV = "ws-srv"
    WS_APT = "ws-apt"


class NotAdmitted(Exception):
    """The endpoint does not admit this peer (HTTP 403); ``sentence`` is for the client, ``reason`` for the log."""

    def __init__(self, sentence: str, reason: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.reason = reason


def peer_certificate(scope: Mapping[str, Any], proxies: Sequence[Network]) -> x509.Certificate | None:
    """The certificate of the TLS peer, or None when it showed none.

    Behind a proxy of ``proxies`` it is that of the ``Client-Cert`` header (RFC 9440); from anybody else the header
    counts for nothing.

    Raises:
        NotAdmitted: The proxy's header is not one certificate.
    """
    if _is_proxy(scope, proxies):
        return _forwarded(scope)
    chain = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain", ())
    return _read(str(chain[0])) if chain else None


@lru_cache(maxsize=1000)
def _read(pem: str) -> x509.Certificate:
    """Read once what a connection shows with each of its requests: an object remembers what was asked of it."""
    return x509.load_pem_x509_certificate(pem.encode())


def peer_address(scope: Mapping[str, Any], proxies: Sequence[Network]) -> str:
    """Where the request comes from; empty when nobody knows.

    A proxy of ``proxies`` tells it as the last address of ``X-Forwarded-For``: what stands before may be the client's.
    """
    if _is_proxy(scope, proxies):
        told = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        last = told[-1].decode("latin-1").rpartition(",")[2].strip() if told else ""
        with suppress(ValueError):
            return str(ip_address(last))
    client = scope.get("client")
    return str(client[0]) if client else ""


def shown_certificate(scope: Mapping[str, Any], proxies: Sequence[Network]) -> str | None:
    """What stands for the certificate that `peer_certificate` would read: the same text for the same certificate."""
    if _is_proxy(scope, proxies):
        return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"client-cert"), None)
    chain = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain", ())
    return str(chain[0]) if chain else None


def _is_proxy(scope: Mapping[str, Any], proxies: Sequence[Network]) -> bool:
    client = scope.get("client")
    return client is not None and any(ip_address(client[0]) in network for network in proxies)


def _forwarded(scope: Mapping[str, Any]) -> x509.Certificate | None:
    """Read ``Client-Cert: :<base64 of DER>:``."""
    values = [value for name, value in scope["headers"] if name == b"client-cert"]
    if not values:
        return None
    sentence = "Accès refusé : l’en-tête Client-Cert est illisible."
    value = values[0].strip()
    if len(values) != 1 or not (value.startswith(b":") and value.endswith(b":")):
        raise NotAdmitted(sentence, "not one byte sequence")
    try:
        return x509.load_der_x509_certificate(base64.b64decode(value[1:-1], validate=True))
    except (ValueError, binascii.Error) as error:
        raise NotAdmitted(sentence, str(error)) from error


def admit(
    endpoint: Endpoint,
    certificate: x509.Certificate | None,
    *,
    trust: TrustStore,
    now: datetime,
) -> x509.Certificate:
    """Let the peer in, or say in one French sentence why not.

    ws-srv: a server certificate of an ORGANISATIONS authority; its DN has to be in the white list too. ws-apt: an
    authentication certificate of a PERSONNES authority.

    Raises:
        NotAdmitted: HTTP 403.

    Source: guide §10.
    """
    if certificate is None:
        raise NotAdmitted("Accès refusé : cette adresse exige un certificat client.", "no client certificate")
    try:
        authority = trust.validate(certificate, now)
    except UntrustedCertificate as error:
        raise NotAdmitted("Accès refusé : le certificat client n’est pas valide.", error.reason) from error
    if endpoint is Endpoint.WS_SRV:
        if authority.name not in SERVER_AUTHORITIES or not _serves(certificate):
            raise NotAdmitted(
                "Accès refusé : ws-srv n’admet que les certificats de serveur de l’AC IGC-SANTE ELEMENTAIRE "
                "ORGANISATIONS, de production ou de test.",
                authority.name.common_name,
            )
    elif authority.name not in PERSONNES_AUTHORITIES or not _authenticates(certificate):
        raise NotAdmitted(
            "Accès refusé : ws-apt n’admet que les certificats d’authentification des cartes CPx.",
            authority.name.common_name,
        )
    return certificate


def check_white_list(certificate: x509.Certificate, database: Database) -> None:
    """What the database has to say of a server that ws-srv admits otherwise.

    Raises:
        NotAdmitted: HTTP 403.

    Source: guide §10.
    """
    with database.autocommit() as connection:
        listed = is_white_listed(connection, names.canonical(certificate.subject))
    if not listed:
        raise NotAdmitted(
            "Accès refusé : le DN du certificat client n’est pas dans la liste blanche de ws-srv.",
            names.rfc4514(certificate.subject),
        )


def _purposes(certificate: x509.Certificate) -> set[x509.ObjectIdentifier]:
    try:
        return set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return set()


def _serves(certificate: x509.Certificate) -> bool:
    return _purposes(certificate) >= {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}


def _authenticates(certificate: x509.Certificate) -> bool:
    return ExtendedKeyUsageOID.CLIENT_AUTH in _purposes(certificate)
