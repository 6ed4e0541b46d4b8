"""The settings of a platform: one frozen tree, from its maker and from the environment (``PFCNG_…``)."""

from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, IPvAnyNetwork, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pfcng.contract.catalogue import PRODUCTS


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeyPair(_Part):
    """A certificate, followed by its chain, and its key: two PEM files."""

    certificat: Path
    cle: Path


class Confiance(_Part):
    """Whom the platform believes: PEM files, and where their CRLs are.

    Attributes:
        racines: Roots.
        autorites: Authorities of cards and servers, below the roots.
        crls: Their CRLs, PEM or DER: files, read again when they change, and http(s) URLs. Those that the platform
            makes itself need not be named.
        cache: Folder where CRLs that were fetched are kept.
        rafraichissement: How often a URL is asked.
        grace_crl: How long after its nextUpdate a CRL still counts.
    """

    racines: tuple[Path, ...]
    autorites: tuple[Path, ...]
    crls: tuple[AnyHttpUrl | Path, ...] = ()
    cache: Path | None = None
    rafraichissement: timedelta = Field(default=timedelta(hours=1), gt=timedelta(0))
    grace_crl: timedelta = timedelta(hours=24)

    @model_validator(mode="after")
    def _kept_somewhere(self) -> Self:
        if self.cache is None and any(isinstance(source, AnyHttpUrl) for source in self.crls):
            raise ValueError("un dossier « cache » est nécessaire pour garder les CRL des URL")
        return self


class Publication(_Part):
    """Where certificates say that CRLs, authorities and OCSP are found: URLs without a final slash.

    Attributes:
        crls: CRLs that are made elsewhere and published here, a root's: files, PEM or DER, looked at every minute.
    """

    http: str
    ldap: str
    ocsp: str
    crls: tuple[Path, ...] = ()


class Settings(BaseSettings):
    """Everything that a platform is told when it starts.

    Attributes:
        dsn: libpq connection string (``PFCNG_DSN``); without it the maker starts the embedded PostgreSQL.
        proxies: Networks whose ``Client-Cert`` header is believed (``PFCNG_PROXIES``, a JSON list).
        produits_fermes: Products that cannot be ordered, by label (``PFCNG_PRODUITS_FERMES``, a JSON list:
            ``["PS_SIGN"]``).
        nom_applicatif_strict: Hold nomApplicatif to RFC 1035 (``PFCNG_NOM_APPLICATIF_STRICT``).
        serveur: The TLS server's certificate.
        emettrices: Authorities that issue, with their keys.
        autres_autorites: Further ones whose CRLs and OCSP answers are made here: roots, authorities of cards.
    """

    model_config = SettingsConfigDict(env_prefix="PFCNG_", frozen=True, extra="forbid")

    dsn: str | None = None
    proxies: tuple[IPvAnyNetwork, ...] = ()
    produits_fermes: frozenset[str] = frozenset()
    nom_applicatif_strict: bool = True
    serveur: KeyPair
    emettrices: tuple[KeyPair, ...]
    autres_autorites: tuple[KeyPair, ...] = ()
    confiance: Confiance
    publication: Publication

    @field_validator("produits_fermes")
    @classmethod
    def _known_products(cls, labels: frozenset[str]) -> frozenset[str]:
        unknown = labels - {product.label for product in PRODUCTS}
        if unknown:
            raise ValueError(f"produits inconnus : {', '.join(sorted(unknown))}")
        return labels
