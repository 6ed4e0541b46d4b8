"""Where the IGC-Santé publishes what its certificates point to: CRLs, authorities, policies, OCSP.

The paths are those of the real certificates; only the three places they hang on can be set.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final, Self
from urllib.parse import quote

from pfcng.contract.catalogue import Environment
from pfcng.pki.authorities import ORGANISATION, ORGANISATION_ID, AuthorityName

_CHAIN: Final = "Chaine_de_certification-IGC-Sante"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationUrls:
    """The three places, without a slash at their end; the defaults are the real ones.

    Attributes:
        http: Root of the files.
        ldap: The directory of the CRLs.
        ocsp: The responder, for every authority.
    """

    http: str = "http://igc-sante.esante.gouv.fr"
    ldap: str = "ldap://annuaire-igc.esante.gouv.fr"
    ocsp: str = "http://ocsp.esante.gouv.fr"

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """The reverse of `to_json`."""
        return cls(**content)

    def crl(self, authority: AuthorityName) -> str:
        """The CRL's file."""
        return f"{self.http}/CRL/{authority.file_stem}.crl"

    def delta_crl(self, authority: AuthorityName) -> str:
        """The delta CRL's file; certificates tell of its entry in the directory alone (`directory_delta_crl`)."""
        return f"{self.http}/CRL/{authority.file_stem}-delta.crl"

    def issuer(self, authority: AuthorityName) -> str:
        """The authority's certificate."""
        return f"{self.http}/AC{_folder_suffix(authority)}/{authority.file_stem}.cer"

    def chain(self, environment: Environment) -> str:
        """Every authority of an environment, as one PKCS#7 file."""
        folder, name = ("AC%20TEST", f"{_CHAIN}-TEST") if environment is Environment.TEST else ("AC", _CHAIN)
        return f"{self.http}/{folder}/{name}.p7b"

    def policies(self, authority: AuthorityName) -> str:
        """The folder of the certificate policies."""
        return f"{self.http}/PC{_folder_suffix(authority)}"

    def directory_crl(self, authority: AuthorityName) -> str:
        """The CRL's entry, as holders' certificates write it (with the root as one more level)."""
        return self._entry(authority, "certificaterevocationlist")

    def directory_delta_crl(self, authority: AuthorityName) -> str:
        """The delta CRL's entry."""
        return self._entry(authority, "deltarevocationlist")

    def directory_root_crl(self, authority: AuthorityName) -> str:
        """A root's CRL, as the certificates of the authorities write it (other case, no further level)."""
        entry = (
            f"CN={quote(authority.common_name)},OU={quote(authority.organisational_unit)},"
            f"OU={quote(ORGANISATION_ID)},O={ORGANISATION},C=FR"
        )
        return f"{self.ldap}/{entry}?certificaterevocationlist;binary?base?objectclass=pkiCa"

    def _entry(self, authority: AuthorityName, attribute: str) -> str:
        entry = (
            f"cn={quote(authority.common_name)},ou={quote(authority.root.common_name)},"
            f"ou={quote(authority.organisational_unit)},ou={quote(ORGANISATION_ID)},o={ORGANISATION},c=FR"
        )
        return f"{self.ldap}/{entry}?{attribute};binary?base?objectClass=pkiCA"


def _folder_suffix(authority: AuthorityName) -> str:
    return "%20TEST" if authority.environment is Environment.TEST else ""
