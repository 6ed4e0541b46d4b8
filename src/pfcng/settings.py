"""The settings of a platform: one frozen tree, from its maker and from the environment (``PFCNG_…``)."""

from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, IPvAnyNetwork, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pfcng.contract.catalogue import PRODUCTS
from pfcng.pki.signers.sources import (
    Engine,
    FileKey,
    KeySource,
    SecretFile,
    SecretVariable,
    Token,
    TokenKey,
    TransitKey,
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeyPair(_Part):
    """A certificate, followed by its chain, and its key: two PEM files."""

    certificat: Path
    cle: Path


class Emettrice(_Part):
    """An authority that issues: its certificate, followed by its chain, and where its key is (docs/cles.md).

    The key is in a file (``cle``), in a PKCS#11 token (``pkcs11``) or in a transit engine (``transit``): one of them,
    with what belongs to it. Secrets are in files (``…_fichier``) or in variables (``…_env``), never in the settings.

    Attributes:
        certificat: PEM.
        cle: PKCS#8, PEM; with ``mot_de_passe_fichier`` or ``mot_de_passe_env`` when it is encrypted.
        pkcs11: The token's module; with ``jeton``, ``etiquette`` or ``identifiant`` (hexadecimal), ``pin_fichier`` or
            ``pin_env``.
        transit: ``https://…`` of the server; with ``nom``, ``version``, ``montage``, ``autorite`` (PEM), ``espace``,
            ``acces_fichier`` or ``acces_env``.
    """

    certificat: Path
    cle: Path | None = None
    mot_de_passe_fichier: Path | None = None
    mot_de_passe_env: str | None = None
    pkcs11: Path | None = None
    jeton: str | None = None
    etiquette: str | None = None
    identifiant: str | None = None
    pin_fichier: Path | None = None
    pin_env: str | None = None
    transit: str | None = None
    nom: str | None = None
    version: int = 1
    montage: str = "transit"
    autorite: Path | None = None
    espace: str | None = None
    acces_fichier: Path | None = None
    acces_env: str | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        self.source()
        return self

    def source(self) -> KeySource:
        """Where the key is.

        Raises:
            ValueError: not in one place, or something is missing; French.
        """
        if sum(place is not None for place in (self.cle, self.pkcs11, self.transit)) != 1:
            raise ValueError("donnez « cle », ou « pkcs11 », ou « transit »")
        if self.cle is not None:
            return FileKey(
                path=self.cle, password=_secret("mot_de_passe", self.mot_de_passe_fichier, self.mot_de_passe_env)
            )
        if self.pkcs11 is not None:
            return self._token_key(self.pkcs11)
        return self._transit_key(self.transit or "")

    def _token_key(self, module: Path) -> TokenKey:
        pin = _secret("pin", self.pin_fichier, self.pin_env)
        if self.jeton is None or pin is None or not (self.etiquette or self.identifiant):
            raise ValueError(
                "« pkcs11 » demande « jeton », « etiquette » ou « identifiant », « pin_fichier » ou « pin_env »"
            )
        token = Token(module=module, label=self.jeton, pin=pin)
        return TokenKey(token=token, label=self.etiquette, id=_bytes(self.identifiant))

    def _transit_key(self, address: str) -> TransitKey:
        access = _secret("acces", self.acces_fichier, self.acces_env)
        if self.nom is None or access is None:
            raise ValueError("« transit » demande « nom », « acces_fichier » ou « acces_env »")
        engine = Engine(address=address, token=access, mount=self.montage, ca=self.autorite, namespace=self.espace)
        return TransitKey(engine=engine, name=self.nom, version=self.version)


def _bytes(hexadecimal: str | None) -> bytes | None:
    try:
        return bytes.fromhex(hexadecimal) if hexadecimal else None
    except ValueError:
        raise ValueError("« identifiant » s’écrit en hexadécimal") from None


def _secret(name: str, file: Path | None, variable: str | None) -> SecretFile | SecretVariable | None:
    if file is not None and variable is not None:
        raise ValueError(f"donnez soit « {name}_fichier », soit « {name}_env »")
    if file is not None:
        return SecretFile(path=file)
    return SecretVariable(name=variable) if variable is not None else None


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
        produits_fermes: Products that cannot be ordered, by label (``PFCNG_PRODUITS_FERMES``, a JSON list:
            ``["PS_SIGN"]``).
        nom_applicatif_strict: Hold nomApplicatif to RFC 1035 (``PFCNG_NOM_APPLICATIF_STRICT``).
        serveur: The TLS server's certificate.
        emettrices: Authorities that issue, with their keys.
    """

    model_config = SettingsConfigDict(env_prefix="PFCNG_", frozen=True, extra="forbid")

    dsn: str | None = None
    proxies: tuple[IPvAnyNetwork, ...] = ()
    produits_fermes: frozenset[str] = frozenset()
    nom_applicatif_strict: bool = True
    serveur: KeyPair
    emettrices: tuple[Emettrice, ...]
    confiance: Confiance
    publication: Publication

    @field_validator("produits_fermes")
    @classmethod
    def _known_products(cls, labels: frozenset[str]) -> frozenset[str]:
        unknown = labels - {product.label for product in PRODUCTS}
        if unknown:
            raise ValueError(f"produits inconnus : {', '.join(sorted(unknown))}")
        return labels
