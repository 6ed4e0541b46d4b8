"""The settings: one frozen tree each for a platform and for PFCNG-IGC, from their maker and from the environment.

The environment's names begin with ``PFCNG_`` and with ``PFCNG_IGC_``.
"""

import ipaddress
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from pfcng.contract.catalogue import PRODUCTS
from pfcng.domain.rules import Rules
from pfcng.pki import names
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
from pfcng.settings.loading import FileSettings

_T = TypeVar("_T")


def _readable(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except FileNotFoundError:
        raise ValueError(f"le fichier {path} n’existe pas") from None
    except OSError:
        raise ValueError(f"le fichier {path} ne peut pas être lu") from None


def _name(text: str) -> str:
    try:
        names.parse(text)
    except ValueError:
        raise ValueError("ce n’est pas un DN, comme « CN=plateforme.example, O=…, C=FR »") from None
    return text


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not (host and port.isascii() and port.isdigit() and int(port) <= _MAX_PORT):
        raise ValueError("adresse et port attendus, comme 127.0.0.1:9443")
    return text


def _service_url(text: str) -> str:
    if not re.fullmatch(r"https://[^/\s]+(/\S*[^/\s])?", text):
        raise ValueError("adresse attendue, comme https://igc.example:9443, sans « / » final")
    return text


def _some(values: tuple[_T, ...]) -> tuple[_T, ...]:
    if not values:
        raise ValueError("au moins une valeur attendue")
    return values


_MAX_PORT: Final = 65535
_File = Annotated[Path, AfterValidator(_readable)]
_Address = Annotated[str, AfterValidator(_address)]


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


class Igc(_Part):
    """A PFCNG-IGC that runs elsewhere (docs/service-igc.md).

    Attributes:
        url: Where its service listens, ``https://…`` without a final slash.
        certificat: The certificate that the platform shows, PEM, followed by its chain.
        cle: Its key, PEM.
        confiance: The authorities that vouch for the service's own certificate, PEM.
        autorites: The authorities whose certificates are believed, PEM.
        delai: Seconds that a call may take as a whole.
    """

    url: Annotated[str, AfterValidator(_service_url)]
    certificat: _File
    cle: _File
    confiance: _File
    autorites: Annotated[tuple[_File, ...], AfterValidator(_some)]
    delai: float = Field(default=10.0, ge=0.1, le=300)


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
        reprises_revocation: Waits between two attempts of a révocation that PFCNG-IGC does not answer
            (``PFCNG_REPRISES_REVOCATION``, a JSON list of seconds; RMT_ERR_012).
        igc: A PFCNG-IGC that runs elsewhere (``PFCNG_IGC``, a JSON object); without it, it is in this process.
        serveur: The TLS server's certificate.
        emettrices: Authorities that issue, with their keys, when PFCNG-IGC is in this process.
        autres_autorites: Further ones whose CRLs and OCSP answers are made here: roots, authorities of cards.
        courrier: How mails leave (``PFCNG_COURRIER``, a JSON object); workers alone need it.
    """

    model_config = SettingsConfigDict(env_prefix="PFCNG_", frozen=True, extra="forbid")

    dsn: str | None = None
    proxies: tuple[IPvAnyNetwork, ...] = ()
    produits_fermes: frozenset[str] = frozenset()
    nom_applicatif_strict: bool = True
    journal_ancre: Literal["syslog"] | Path | None = None
    journal_ancre_toutes_les: Annotated[int, Field(ge=1)] = 100
    reprises_revocation: tuple[timedelta, ...] = Rules().revocation_retries
    igc: Igc | None = None
    serveur: KeyPair
    emettrices: tuple[Emettrice, ...]
    autres_autorites: tuple[Emettrice, ...] = ()
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


class HeldPair(KeyPair):
    """A pair whose files are there."""

    certificat: _File
    cle: _File


class HeldEmettrice(Emettrice):
    """An authority whose files are there."""

    certificat: _File
    cle: _File | None = None
    mot_de_passe_fichier: _File | None = None
    pkcs11: _File | None = None
    pin_fichier: _File | None = None
    autorite: _File | None = None
    acces_fichier: _File | None = None


class HeldConfiance(Confiance):
    """Authorities whose files are there."""

    racines: Annotated[tuple[_File, ...], AfterValidator(_some)]
    autorites: Annotated[tuple[_File, ...], AfterValidator(_some)]


class PlatformSettings(Settings, FileSettings):
    """Everything that the processes of ``pfcng serve`` and ``pfcng worker`` are told when they start.

    Each one may come from the environment, which counts more than the file: ``PFCNG_DSN``, ``PFCNG_SERVEUR__CLE``.

    Attributes:
        dsn: libpq connection string.
        ecoute: Where the Web Service listens, over TLS; port 0 for any free one.
        ecoute_http: Where CRLs, authorities and OCSP are served, over plain HTTP.
        ecoute_exploitation: Where health and metrics are told, over plain HTTP; to be reached by the exploitant alone.
        processus: How many processes serve.
        delai_arret: How long requests under way may take to end when the node is stopped.
        emettrices: Authorities that issue, with their keys; none when ``igc`` says where PFCNG-IGC is.
    """

    model_config = SettingsConfigDict(
        env_prefix="PFCNG_", env_nested_delimiter="__", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    dsn: str
    ecoute: _Address = "127.0.0.1:8443"
    ecoute_http: _Address = "127.0.0.1:8080"
    ecoute_exploitation: _Address = "127.0.0.1:8081"
    processus: Annotated[int, Field(ge=1, le=64)] = 2
    delai_arret: Annotated[timedelta, Field(ge=timedelta(0), le=timedelta(minutes=10))] = timedelta(seconds=30)
    serveur: HeldPair
    emettrices: tuple[HeldEmettrice, ...] = ()
    autres_autorites: tuple[HeldEmettrice, ...] = ()
    confiance: HeldConfiance

    @model_validator(mode="after")
    def _one_igc(self) -> Self:
        if (self.igc is None) == (not self.emettrices):
            raise ValueError("donnez soit « emettrices », soit « igc »")
        return self

    @property
    def publishes(self) -> bool:
        """Whether the key of any authority is here."""
        return bool(self.emettrices or self.autres_autorites)


class Clients(_Part):
    """Whom PFCNG-IGC answers.

    Attributes:
        autorites: The authorities one of which must itself have issued the client's certificate, PEM.
        dn: The names of its holders, in any of the forms that tools print.
    """

    autorites: Annotated[tuple[_File, ...], AfterValidator(_some)]
    dn: Annotated[tuple[Annotated[str, AfterValidator(_name)], ...], AfterValidator(_some)]


class IgcSettings(FileSettings):
    """Everything that PFCNG-IGC as a service is told when it starts (docs/service-igc.md).

    Each one may come from the environment, which counts more than the file: ``PFCNG_IGC_DSN``,
    ``PFCNG_IGC_SERVEUR__CLE``.

    Attributes:
        dsn: libpq connection string of its own database.
        ecoute: Where it listens; port 0 for any free one.
        ecoute_http: Where CRLs, authorities and OCSP are served, over plain HTTP.
        serveur: Its TLS certificate.
        emettrices: Authorities that issue, with their keys.
        autres_autorites: Further ones whose CRLs and OCSP answers are made here: roots, authorities of cards.
        racines: Roots that are published and whose key is elsewhere, PEM; their CRLs are in ``publication.crls``.
        clients: Whom it answers.
        publication: What the certificates say.
    """

    model_config = SettingsConfigDict(
        env_prefix="PFCNG_IGC_", env_nested_delimiter="__", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    dsn: str
    ecoute: _Address = "127.0.0.1:9443"
    ecoute_http: _Address = "127.0.0.1:9080"
    serveur: HeldPair
    emettrices: Annotated[tuple[HeldEmettrice, ...], AfterValidator(_some)]
    autres_autorites: tuple[HeldEmettrice, ...] = ()
    racines: tuple[_File, ...] = ()
    clients: Clients
    publication: Publication
