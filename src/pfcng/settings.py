"""The settings of a platform: one frozen tree, from its maker and from the environment (``PFCNG_…``)."""

import ipaddress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pfcng.contract.catalogue import PRODUCTS


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


_PORTS: Final = {"starttls": 587, "tls": 465, "aucune": 25}


class Courrier(_Part):
    """How mails leave: into a maildir (``dossier``) or to a relay (``serveur``).

    Attributes:
        expediteur: The From header: an address, or ``Nom <adresse>``.
        modeles: A folder whose templates replace those of the same name (docs/courrier.md).
        dossier: A maildir, made when it is not there.
        serveur: Name of the relay.
        port: 587, 465 or 25 by ``securite`` when not told.
        securite: ``aucune`` is for a relay of this machine alone.
        utilisateur: For a relay that asks for an account.
        mot_de_passe: Idem.
        autorites: PEM of the authorities that the relay's certificate is checked with; the system's when not told.
        delai: How long the relay may take to answer a command.
    """

    expediteur: str
    modeles: Path | None = None
    dossier: Path | None = None
    serveur: str | None = None
    port: int | None = None
    securite: Literal["starttls", "tls", "aucune"] = "starttls"
    utilisateur: str | None = None
    mot_de_passe: SecretStr | None = None
    autorites: Path | None = None
    delai: timedelta = timedelta(seconds=30)

    @property
    def relay_port(self) -> int:
        """The port to connect to."""
        return self.port or _PORTS[self.securite]

    @field_validator("modeles")
    @classmethod
    def _is_folder(cls, folder: Path | None) -> Path | None:
        if folder is not None and not folder.is_dir():
            raise ValueError("modeles n’est pas un dossier")
        return folder

    @model_validator(mode="after")
    def _one_way(self) -> "Courrier":
        if (self.dossier is None) == (self.serveur is None):
            raise ValueError("donnez soit dossier, soit serveur")
        if (self.utilisateur is None) != (self.mot_de_passe is None):
            raise ValueError("utilisateur et mot_de_passe vont ensemble")
        if self.securite == "aucune" and self.serveur is not None and not _is_loopback(self.serveur):
            raise ValueError("securite = aucune n’est permise que pour un serveur de ce poste")
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Settings(BaseSettings):
    """Everything that a platform is told when it starts.

    Attributes:
        dsn: libpq connection string (``PFCNG_DSN``); without it the maker starts the embedded PostgreSQL.
        proxies: Networks whose ``Client-Cert`` header is believed (``PFCNG_PROXIES``, a JSON list).
        produits_fermes: Products that cannot be ordered, by label (``PFCNG_PRODUITS_FERMES``, a JSON list:
            ``["PS_SIGN"]``).
        nom_applicatif_strict: Hold nomApplicatif to RFC 1035 (``PFCNG_NOM_APPLICATIF_STRICT``).
        journal_ancre: Where the head of the journal is kept outside the database: ``syslog``, or the path of a file
            (``PFCNG_JOURNAL_ANCRE``); None for nowhere.
        journal_ancre_toutes_les: Sealed entries between two anchors (``PFCNG_JOURNAL_ANCRE_TOUTES_LES``).
        serveur: The TLS server's certificate.
        emettrices: Authorities that issue, with their keys.
        courrier: How mails leave (``PFCNG_COURRIER``, a JSON object); workers alone need it.
    """

    model_config = SettingsConfigDict(env_prefix="PFCNG_", frozen=True, extra="forbid")

    dsn: str | None = None
    proxies: tuple[IPvAnyNetwork, ...] = ()
    produits_fermes: frozenset[str] = frozenset()
    nom_applicatif_strict: bool = True
    journal_ancre: Literal["syslog"] | Path | None = None
    journal_ancre_toutes_les: Annotated[int, Field(ge=1)] = 100
    serveur: KeyPair
    emettrices: tuple[KeyPair, ...]
    confiance: Confiance
    publication: Publication
    courrier: Courrier | None = None

    @field_validator("produits_fermes")
    @classmethod
    def _known_products(cls, labels: frozenset[str]) -> frozenset[str]:
        unknown = labels - {product.label for product in PRODUCTS}
        if unknown:
            raise ValueError(f"produits inconnus : {', '.join(sorted(unknown))}")
        return labels
