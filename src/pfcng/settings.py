"""The settings of a platform: one frozen tree, from its maker and from the environment (``PFCNG_…``)."""

from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, IPvAnyNetwork
from pydantic_settings import BaseSettings, SettingsConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeyPair(_Part):
    """A certificate, followed by its chain, and its key: two PEM files."""

    certificat: Path
    cle: Path


class Confiance(_Part):
    """Whom the platform believes: PEM files.

    Attributes:
        racines: Roots.
        autorites: Authorities of cards and servers, below the roots.
        crls: Their CRLs, PEM or DER.
        grace_crl: How long after its nextUpdate a CRL still counts.
    """

    racines: tuple[Path, ...]
    autorites: tuple[Path, ...]
    crls: tuple[Path, ...]
    grace_crl: timedelta = timedelta(hours=24)


class Publication(_Part):
    """Where certificates say that CRLs, authorities and OCSP are found: URLs without a final slash."""

    http: str
    ldap: str
    ocsp: str


class Settings(BaseSettings):
    """Everything that a platform is told when it starts.

    Attributes:
        dsn: libpq connection string (``PFCNG_DSN``); without it the maker starts the embedded PostgreSQL.
        proxies: Networks whose ``Client-Cert`` header is believed (``PFCNG_PROXIES``, a JSON list).
        serveur: The TLS server's certificate.
        emettrices: Authorities that issue, with their keys.
    """

    model_config = SettingsConfigDict(env_prefix="PFCNG_", frozen=True, extra="forbid")

    dsn: str | None = None
    proxies: tuple[IPvAnyNetwork, ...] = ()
    serveur: KeyPair
    emettrices: tuple[KeyPair, ...]
    confiance: Confiance
    publication: Publication
