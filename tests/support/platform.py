"""The parts of a platform as the integration tests put them together: real authority, real annuaire."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pfcng.contract.catalogue import Environment
from pfcng.igc.connectors.embedded import EmbeddedAuthority
from pfcng.igc.urls import PublicationUrls
from pfcng.operations.context import RequestContext
from pfcng.pki.authorities import AUTHORITIES, AuthorityName, Gamme
from pfcng.pki.keys import Credential
from pfcng.sandbox.demonstration import load_demonstration
from pfcng.sandbox.pki import SandboxPki, ensure_pki
from pfcng.store.database import Database

EDITEUR: Final = "599900034200017/CPAT0001"
NOW: Final = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def make_pki(directory: Path) -> SandboxPki:
    """The sandbox's authorities, without cards; made at the first call."""
    return ensure_pki(
        directory, cards=(), urls=PublicationUrls(), host="localhost", ca_key_bits=2048, now=datetime.now(UTC)
    )


def load_signers(directory: Path) -> dict[AuthorityName, Credential]:
    """The four of those authorities that sign products, with their keys."""
    made = make_pki(directory).authorities
    return {name: made[name.common_name].pair.load() for name in AUTHORITIES if name.gamme is Gamme.ELEMENTAIRE}


def make_authority(database: Database, directory: Path) -> EmbeddedAuthority:
    """PFCNG-IGC over the authorities of that folder."""
    signers = load_signers(directory)
    return EmbeddedAuthority(database, signers=signers, urls=PublicationUrls(), clock=lambda: datetime.now(UTC))


def make_context(signataire: str = EDITEUR, *, environment: Environment = Environment.TEST) -> RequestContext:
    """A request that this card signed."""
    return RequestContext(
        incident="0123456789abcdef",
        titulaire_tls="CN=editeur.example",
        adresse="127.0.0.1",
        now=NOW,
        environment=environment,
        signataire=signataire,
        signataire_dn=f"CN={signataire}",
    )


def load_annuaire(database: Database, directory: Path) -> None:
    """The sandbox's demonstration annuaire and habilitations."""
    demonstration = load_demonstration(directory / "annuaire.toml")
    with database.transaction() as connection:
        demonstration.save(connection)
