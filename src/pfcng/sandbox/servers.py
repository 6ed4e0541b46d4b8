"""The sandbox's server certificates: the platform's own, and those of its clients."""

import ipaddress
from dataclasses import replace
from typing import Final

from cryptography import x509

from pfcng.contract.catalogue import Environment, Offre, Product, Usage
from pfcng.igc import profiles
from pfcng.igc.builder import Holder
from pfcng.igc.requests import CertificateRequest, OrganisationSubject

_SSL_SERV: Final = Product(Offre.SERV, Usage.SSL_SERV)


def server_holder(spki: bytes, *, host: str) -> Holder:
    """The platform's own certificate: production, as the real one's, and its addresses besides its names."""
    request = _ssl_serv(Environment.PRODUCTION, spki, "localhost", raison_sociale="PLATEFORME EMULEE IGC-SANTE")
    addresses: list[x509.GeneralName] = [
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    holder = profiles.holder(request)
    names = [*holder.names, *addresses]
    return replace(holder, names=tuple(dict.fromkeys([*names, _host_name(host)])))


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def client_holder(spki: bytes, *, name: str) -> Holder:
    """A client's server certificate, TEST."""
    request = _ssl_serv(Environment.TEST, spki, f"{name}.example", raison_sociale=f"{name.upper()} FICTIF")
    return profiles.holder(request)


def _ssl_serv(environment: Environment, spki: bytes, fqdn: str, *, raison_sociale: str) -> CertificateRequest:
    return CertificateRequest(
        environment=environment,
        product=_SSL_SERV,
        spki=spki,
        subject=OrganisationSubject(
            departement_label="Paris (75)",
            raison_sociale=raison_sociale,
            id_nat_struct="399900012800010",
            common_name=fqdn,
        ),
        fqdn=(fqdn,),
    )
