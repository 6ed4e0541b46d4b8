"""The tables of the settings. Their texts are what ``pfcng config exemple`` and docs/exploitation/reglages.md say."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AnyHttpUrl, field_validator, model_validator

from pfcng.notifications.mail import read_sender
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
from pfcng.settings.kinds import (
    AuthorityKey,
    ClearSecret,
    File,
    HttpUrl,
    LdapUrl,
    Name,
    Part,
    PrivateFile,
    ServiceUrl,
    Some,
    is_loopback,
    told,
)


class KeyPair(Part):
    """A certificate, followed by its chain, and its key: two PEM files."""

    certificat: Path = told("Le certificat du serveur, PEM, suivi de sa chaîne.", example="serveur.pem")
    cle: Path = told("Sa clé, PEM, que nul autre compte de la machine ne peut lire.", example="serveur.key")


class Emettrice(Part):
    """An authority with its key, which is in a file, in a token or in an engine (docs/cles.md).

    Secrets are in files (``…_fichier``) or in variables (``…_env``), never in the settings.
    """

    certificat: Path = told("Le certificat de l’AC, PEM, suivi de sa chaîne.", example="ac/ACI-EL-ORG.pem")
    cle: Path | None = told(
        "Sa clé, PKCS#8 en PEM ; ou bien « pkcs11 », ou « transit ».", None, example="ac/ACI-EL-ORG.key"
    )
    mot_de_passe_fichier: Path | None = told(
        "Le fichier du mot de passe de la clé, si elle est chiffrée.", None, example="ac/mot-de-passe"
    )
    mot_de_passe_env: str | None = told("Ou la variable qui l’a.", None, example="MOT_DE_PASSE_AC")
    pkcs11: Path | None = told(
        "Le module PKCS#11 qui mène au jeton de la clé.", None, example="/usr/lib/softhsm/libsofthsm2.so"
    )
    jeton: str | None = told("L’étiquette du jeton.", None, example="igc")
    etiquette: str | None = told("L’étiquette de la clé (CKA_LABEL).", None, example="ACI-EL-ORG")
    identifiant: str | None = told("Ou son identifiant (CKA_ID), en hexadécimal.", None, example="01")
    pin_fichier: Path | None = told("Le fichier du PIN.", None, example="ac/pin")
    pin_env: str | None = told("Ou la variable qui l’a.", None, example="PIN_IGC")
    transit: str | None = told("Le serveur OpenBao ou Vault de la clé.", None, example="https://bao.interne:8200")
    nom: str | None = told("Le nom de la clé dans le moteur transit.", None, example="aci-el-org")
    version: int = told("Sa version.", 1)
    montage: str = told("Où le moteur est monté.", "transit")
    autorite: Path | None = told("Qui certifie ce serveur, PEM.", None, example="ac-interne.pem")
    espace: str | None = told("L’espace de noms, si le serveur en a.", None, example="sante")
    acces_fichier: Path | None = told("Le fichier du jeton d’accès.", None, example="bao.jeton")
    acces_env: str | None = told("Ou la variable qui l’a.", None, example="BAO_TOKEN")

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


class Confiance(Part):
    """Whom the platform believes. The CRLs that it makes itself need not be named."""

    racines: tuple[Path, ...] = told("Les racines, PEM.", example=["confiance/racines.pem"])
    autorites: tuple[Path, ...] = told(
        "Les AC des cartes et des serveurs, sous ces racines, PEM.", example=["confiance/autorites.pem"]
    )
    crls: tuple[AnyHttpUrl | Path, ...] = told(
        "Leurs CRL, PEM ou DER : fichiers, relus quand ils changent, et URL http(s). Celles que cette plateforme "
        "publie n’ont pas à être nommées.",
        (),
        example=["http://igc.exemple.fr/crl/ACI-EL-PP.crl"],
    )
    cache: Path | None = told("Le dossier où sont gardées les CRL des URL.", None, example="/var/lib/pfcng/crl")
    rafraichissement: timedelta = told(
        "À quel intervalle une URL est relue, en secondes.", timedelta(hours=1), gt=timedelta(0)
    )
    grace_crl: timedelta = told("Combien de secondes une CRL compte encore après son nextUpdate.", timedelta(hours=24))

    @model_validator(mode="after")
    def _kept_somewhere(self) -> Self:
        if self.cache is None and any(isinstance(source, AnyHttpUrl) for source in self.crls):
            raise ValueError("un dossier « cache » est nécessaire pour garder les CRL des URL")
        return self


class Publication(Part):
    """Where certificates say that CRLs, authorities and OCSP are found."""

    http: HttpUrl = told("L’adresse HTTP des CRL et des AC, sans « / » final.", example="http://igc.exemple.fr")
    ldap: LdapUrl = told("L’adresse LDAP des CRL.", example="ldap://annuaire.exemple.fr")
    ocsp: HttpUrl = told("L’adresse de l’OCSP.", example="http://ocsp.exemple.fr")
    crls: tuple[Path, ...] = told(
        "Les CRL faites ailleurs et publiées ici (celle d’une racine dont la clé est au coffre), PEM ou DER ; "
        "regardées chaque minute.",
        (),
        example=["ac/ACR-EL.crl"],
    )


class Igc(Part):
    """A PFCNG-IGC that runs elsewhere (docs/service-igc.md)."""

    url: ServiceUrl = told("Où son service écoute.", example="https://igc.interne:9443")
    certificat: File = told("Le certificat que la plateforme lui montre, PEM, suivi de sa chaîne.", example="igc.pem")
    cle: PrivateFile = told("Sa clé, PEM.", example="igc.key")
    confiance: File = told("Les AC du certificat de ce service, PEM.", example="ac-interne.pem")
    autorites: Annotated[tuple[File, ...], Some] = told(
        "Les AC dont les certificats émis sont crus, PEM.", example=["ac/ACI-EL-ORG.pem", "ac/ACI-EL-PP.pem"]
    )
    delai: float = told("Les secondes que dure un appel au plus, tout compris.", 10.0, ge=0.1, le=300)


_PORTS: Final = {"starttls": 587, "tls": 465, "aucune": 25}


class Courrier(Part):
    """How mails leave: into a maildir (``dossier``) or to a relay (``serveur``)."""

    expediteur: str = told(
        "L’en-tête From : une adresse, ou « Nom <adresse> ».", example="Certificats <pfc@hopital.example>"
    )
    modeles: Path | None = told("Un dossier de modèles à vous (docs/courrier.md).", None, example="modeles")
    dossier: Path | None = told("Un maildir, créé s’il n’existe pas ; ou bien « serveur ».", None, example="courrier")
    serveur: str | None = told("Le relais SMTP.", None, example="relais.hopital.example")
    port: int | None = told("Son port ; sans lui, 587 (starttls), 465 (tls) ou 25 (aucune).", None, example=587)
    securite: Literal["starttls", "tls", "aucune"] = told(
        "« starttls », « tls », ou « aucune », pour un relais de ce poste seulement.", "starttls"
    )
    utilisateur: str | None = told("Le compte, si le relais en veut un.", None, example="pfcng")
    mot_de_passe: ClearSecret | None = told(
        "Son mot de passe : dans l’environnement seulement, jamais dans le fichier des réglages.", None
    )
    mot_de_passe_fichier: Path | None = told("Le fichier de son mot de passe.", None, example="relais.mot-de-passe")
    mot_de_passe_env: str | None = told("Ou la variable qui l’a.", None, example="MOT_DE_PASSE_RELAIS")
    autorites: Path | None = told(
        "Les AC du certificat du relais, PEM ; sans elles, celles du système.", None, example="ac-interne.pem"
    )
    delai: timedelta = told("Les secondes laissées au relais pour chaque commande.", timedelta(seconds=30))

    @property
    def relay_port(self) -> int:
        """The port to connect to."""
        return self.port or _PORTS[self.securite]

    def password(self) -> str | None:
        """The account's.

        Raises:
            CredentialError: What should have it does not.
        """
        if self.mot_de_passe is not None:
            return self.mot_de_passe.get_secret_value()
        secret = _secret("mot_de_passe", self.mot_de_passe_fichier, self.mot_de_passe_env)
        return None if secret is None else secret.read()

    @field_validator("expediteur")
    @classmethod
    def _is_sender(cls, text: str) -> str:
        read_sender(text)
        return text

    @field_validator("modeles")
    @classmethod
    def _is_folder(cls, folder: Path | None) -> Path | None:
        if folder is not None and not folder.is_dir():
            raise ValueError("modeles n’est pas un dossier")
        return folder

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.dossier is None) == (self.serveur is None):
            raise ValueError("donnez soit dossier, soit serveur")
        passwords = (self.mot_de_passe, self.mot_de_passe_fichier, self.mot_de_passe_env)
        if sum(one is not None for one in passwords) != (self.utilisateur is not None):
            raise ValueError("utilisateur et mot_de_passe (ou mot_de_passe_fichier, ou mot_de_passe_env) vont ensemble")
        if self.securite == "aucune" and self.serveur is not None and not is_loopback(self.serveur):
            raise ValueError("securite = aucune n’est permise que pour un serveur de ce poste")
        return self


class Limites(Part):
    """What one client may take of a serving process."""

    connexions: int = told(
        "Connexions ouvertes à la fois, par processus ; au-delà, la plus longtemps inactive est fermée, et s’il n’y en "
        "a pas, la nouvelle reçoit HTTP 503.",
        500,
        ge=1,
    )
    delai_entete: timedelta = told(
        "Secondes pour envoyer l’en-tête d’une requête, sinon HTTP 408.", timedelta(seconds=10), gt=timedelta(0)
    )
    delai_corps: timedelta = told(
        "Secondes pour envoyer son corps, sinon HTTP 408.", timedelta(seconds=60), gt=timedelta(0)
    )
    delai_reponse: timedelta = told(
        "Secondes pour lire la réponse, sinon la connexion est coupée.", timedelta(seconds=60), gt=timedelta(0)
    )
    requetes_simultanees: int = told(
        "Requêtes en cours d’un même certificat client, par processus ; au-delà, HTTP 429.", 16, ge=1
    )
    requetes_par_seconde: int = told(
        "Requêtes d’un même certificat client en une seconde, par processus ; au-delà, HTTP 429.", 500, ge=1
    )


class HeldPair(KeyPair):
    """A pair whose files are there."""

    certificat: File
    cle: PrivateFile


class HeldEmettrice(Emettrice):
    """An authority whose files are there."""

    certificat: File
    cle: AuthorityKey | None = None
    mot_de_passe_fichier: PrivateFile | None = None
    pkcs11: File | None = None
    pin_fichier: PrivateFile | None = None
    autorite: File | None = None
    acces_fichier: PrivateFile | None = None


class HeldConfiance(Confiance):
    """Authorities whose files are there."""

    racines: Annotated[tuple[File, ...], Some]
    autorites: Annotated[tuple[File, ...], Some]


class Clients(Part):
    """Whom PFCNG-IGC answers."""

    autorites: Annotated[tuple[File, ...], Some] = told(
        "Les AC dont l’une doit avoir elle-même émis le certificat du client, PEM.", example=["ac-interne.pem"]
    )
    dn: Annotated[tuple[Name, ...], Some] = told(
        "Les DN de ses titulaires, sous l’une des formes qu’écrivent les outils.",
        example=["CN=plateforme.interne, O=MON ORGANISATION, C=FR"],
    )
