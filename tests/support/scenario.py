"""Demandes taken as far as a test needs them."""

from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509

from pfcng.contract.catalogue import TABLE_11, Offre, Presence, Product, Usage
from pfcng.contract.messages import RequeteDemandeCertificats, RequeteRetraitCertificat
from pfcng.domain.rules import Rules
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.operations.context import RequestContext
from pfcng.operations.demander_certificats import demander_certificats
from pfcng.operations.retirer_certificat import confirm_delivery, retirer_certificat
from pfcng.store.database import Database, Row
from support.csrs import make_csr
from support.demandes import demande_for
from support.platform import make_context

ORG = Product(Offre.ORG, Usage.AUTH_CLI)
MEDECIN = "899700990015"
INTERNE = "899700990023"
AGENT = "3750099012/CPET0001"
DIRECTEUR = "3750099012/CDET0001"
ADMIN = "599900012800010/CPAT0001"
PRODUCTION_EDITEUR = "599900034200017/CPAP0001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A database with an authority, and the acts of its users."""

    database: Database
    authority: EmbeddedAuthority

    def order(
        self,
        product: Product = ORG,
        *,
        context: RequestContext | None = None,
        csr: str | None = None,
        rules: Rules | None = None,
        **changes: object,
    ) -> int:
        """The number of a demande that is accepted."""
        requete = RequeteDemandeCertificats(demandes=(demande_for(product, csr or make_csr(), **changes),))
        reply = demander_certificats(
            requete, database=self.database, context=context or make_context(), rules=rules or Rules()
        )
        assert reply.statut_lot == "OK", reply.message
        return int(reply.demandes[0].indice_retrait or 0)

    def withdraw(
        self, numero: int, *, context: RequestContext | None = None, tiers: str | None = None, delivered: bool = True
    ) -> x509.Certificate:
        """The certificate of a demande, delivered or not."""
        requete = RequeteRetraitCertificat(indice_retrait=str(numero), code_revocation="code", id_nat_tiers=tiers)
        context = context or make_context()
        retrait = retirer_certificat(requete, database=self.database, authority=self.authority, context=context)
        if delivered:
            confirm_delivery(retrait, database=self.database, context=context)
        return x509.load_pem_x509_certificate((retrait.reponse.certificat or "").encode())

    def issue(
        self,
        product: Product = ORG,
        *,
        context: RequestContext | None = None,
        csr: str | None = None,
        mail_sujet: str | None = "sujet@hopital.example",
    ) -> x509.Certificate:
        """A certificate that was ordered and delivered."""
        address = {} if TABLE_11[product]["mailSujet"] is Presence.INTERDIT else {"mail_sujet": mail_sujet}
        return self.withdraw(self.order(product, context=context, csr=csr, rules=None, **address), context=context)

    def rows(self, query: str, *parameters: object) -> list[Row]:
        """What the database has."""
        with self.database.transaction() as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def states(self) -> list[tuple[str, str]]:
        """The states of every demande and its produit, in their order."""
        rows = self.rows(
            "SELECT d.etat AS demande, p.etat AS produit FROM demande d JOIN produit p ON p.demande = d.numero "
            "ORDER BY d.numero"
        )
        return [(row["demande"], row["produit"]) for row in rows]


def at(moment: datetime, signataire: str | None = None) -> RequestContext:
    """A request of that moment."""
    context = make_context() if signataire is None else make_context(signataire)
    return replace(context, now=moment)


def aki_of(certificate: x509.Certificate) -> str:
    """The AKI as a révocation names it."""
    identifier = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    assert identifier is not None
    return identifier.hex().upper()


def serial_of(certificate: x509.Certificate) -> str:
    """The serial number as a révocation names it."""
    return f"{certificate.serial_number:X}"
