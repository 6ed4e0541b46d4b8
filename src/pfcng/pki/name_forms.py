"""A distinguished name as the tools of a white list print it: Java, .NET, OpenSSL.

Each of these texts is what the tool itself gives for the certificate, to the letter: a list that compares texts holds
only with its own tool's. `names.parse` reads them all back.
Source: X500Principal of Java; CertNameToStr of Windows (CERT_X500_NAME_STR, which .NET shows) [I]; X509_NAME_print_ex
and X509_NAME_oneline of OpenSSL.
"""

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from cryptography import x509
from cryptography.x509.oid import NameOID

_Attribute: TypeAlias = "x509.NameAttribute[Any]"

_COMMON: Final = {
    NameOID.COMMON_NAME: "CN",
    NameOID.COUNTRY_NAME: "C",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
}
_JAVA_RFC2253: Final = {
    **_COMMON,
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.USER_ID: "UID",
}
_JAVA: Final = {
    **_JAVA_RFC2253,
    NameOID.TITLE: "T",
    NameOID.SURNAME: "SURNAME",
    NameOID.GIVEN_NAME: "GIVENNAME",
    NameOID.INITIALS: "INITIALS",
    NameOID.GENERATION_QUALIFIER: "GENERATION",
    NameOID.DN_QUALIFIER: "DNQ",
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
    NameOID.EMAIL_ADDRESS: "EMAILADDRESS",
}
_DOTNET: Final = {
    **_COMMON,
    NameOID.STATE_OR_PROVINCE_NAME: "S",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.TITLE: "T",
    NameOID.SURNAME: "SN",
    NameOID.GIVEN_NAME: "G",
    NameOID.INITIALS: "I",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
    NameOID.EMAIL_ADDRESS: "E",
    NameOID.POSTAL_CODE: "PostalCode",
}
_OPENSSL: Final = {
    **_COMMON,
    NameOID.STREET_ADDRESS: "street",
    NameOID.TITLE: "title",
    NameOID.SURNAME: "SN",
    NameOID.GIVEN_NAME: "GN",
    NameOID.INITIALS: "initials",
    NameOID.GENERATION_QUALIFIER: "generationQualifier",
    NameOID.DN_QUALIFIER: "dnQualifier",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.EMAIL_ADDRESS: "emailAddress",
    NameOID.POSTAL_CODE: "postalCode",
    NameOID.PSEUDONYM: "pseudonym",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.USER_ID: "UID",
}

_JAVA_QUOTED: Final = re.compile(r'[,+=\n<>#;\\"]|^ | $|  ')
_JAVA_ESCAPED: Final = re.compile(r'[,=+<>#;"\\]')
_DOTNET_QUOTED: Final = re.compile(r'[,+=\n<>#;"]|^\s|\s$')
_OPENSSL_QUOTED: Final = re.compile(rb'[,+"\\<>;]|^[ #]| $')
_OPENSSL_ESCAPED: Final = re.compile(rb'([,+"\\<>;])')
_NOT_ASCII: Final = re.compile(rb"[^ -~]")


def java(name: x509.Name) -> str:
    """``X500Principal.toString()``, what Java's logs and ``keytool`` show."""
    return ", ".join(_reversed(name, " + ", lambda one: f"{_key(one, _JAVA, 'OID.')}={_java_value(_text(one))}"))


def java_rfc2253(name: x509.Name) -> str:
    """``X500Principal.getName()``, what Spring Security and most white lists of Java compare."""

    def part(attribute: _Attribute) -> str:
        if attribute.oid not in _JAVA_RFC2253:
            return f"{attribute.oid.dotted_string}=#{_der_value(attribute).hex()}"
        return f"{_JAVA_RFC2253[attribute.oid]}={_ends_escaped(_JAVA_ESCAPED.sub(_escaped, _text(attribute)))}"

    return ",".join(_reversed(name, "+", part))


def dotnet(name: x509.Name) -> str:
    """``X509Certificate2.Subject``."""
    return ", ".join(_reversed(name, " + ", lambda one: f"{_key(one, _DOTNET, 'OID.')}={_dotnet_value(_text(one))}"))


def openssl(name: x509.Name) -> str:
    """``openssl x509 -subject`` up to 3.1, in DER order."""
    return ", ".join(
        " + ".join(f"{_key(one, _OPENSSL)} = {_openssl_quoted(_text(one))}" for one in rdn) for rdn in name.rdns
    )


def openssl_rfc2253(name: x509.Name) -> str:
    """``-nameopt RFC2253``: nginx's ``$ssl_client_s_dn``, HAProxy's ``ssl_c_s_dn(,0,rfc2253)``."""
    return ",".join(
        "+".join(f"{_key(one, _OPENSSL)}={_openssl_escaped(_text(one))}" for one in reversed(list(rdn)))
        for rdn in reversed(name.rdns)
    )


def openssl_slashes(name: x509.Name) -> str:
    """``-nameopt compat``: HAProxy's ``ssl_c_s_dn``, nginx's ``$ssl_client_s_dn_legacy``, older programs."""
    return "".join(
        "/" + "+".join(f"{_key(one, _OPENSSL)}={_slash_value(_text(one))}" for one in rdn) for rdn in name.rdns
    )


FORMS: Final[dict[str, Callable[[x509.Name], str]]] = {
    "java": java,
    "java_rfc2253": java_rfc2253,
    "dotnet": dotnet,
    "openssl": openssl,
    "openssl_rfc2253": openssl_rfc2253,
    "openssl_barres": openssl_slashes,
}
"""Every form, by the name that programs read."""


def _reversed(name: x509.Name, joint: str, part: Callable[[_Attribute], str]) -> list[str]:
    return [joint.join(part(attribute) for attribute in rdn) for rdn in reversed(name.rdns)]


def _key(attribute: _Attribute, keys: dict[x509.ObjectIdentifier, str], prefix: str = "") -> str:
    return keys.get(attribute.oid) or prefix + attribute.oid.dotted_string


def _text(attribute: _Attribute) -> str:
    value = attribute.value
    return value if isinstance(value, str) else f"#{value.hex()}"


def _java_value(value: str) -> str:
    if not _JAVA_QUOTED.search(value):
        return value
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def _dotnet_value(value: str) -> str:
    return f'"{value.replace(chr(34), chr(34) * 2)}"' if not value or _DOTNET_QUOTED.search(value) else value


def _escaped(match: re.Match[str]) -> str:
    return "\\" + match[0]


def _ends_escaped(value: str) -> str:
    """Spaces at the ends with a backslash each."""
    bare = value.strip(" ")
    before, after = len(value) - len(value.lstrip(" ")), len(value) - len(value.rstrip(" "))
    return "\\ " * before + bare + "\\ " * after if bare else "\\ " * len(value)


def _openssl_quoted(value: str) -> str:
    octets = value.encode()
    if _OPENSSL_QUOTED.search(octets):
        octets = b'"' + re.sub(rb'(["\\])', rb"\\\1", octets) + b'"'
    return _bytes_escaped(octets, "\\%02X")


def _openssl_escaped(value: str) -> str:
    octets = _OPENSSL_ESCAPED.sub(rb"\\\1", value.encode())
    if octets[:1] in {b" ", b"#"}:
        octets = b"\\" + octets
    if octets.endswith(b" ") and len(octets) > 1:
        octets = octets[:-1] + b"\\ "
    return _bytes_escaped(octets, "\\%02X")


def _slash_value(value: str) -> str:
    return _bytes_escaped(re.sub(rb"([/+])", rb"\\\1", value.encode()), "\\x%02X")


def _bytes_escaped(octets: bytes, form: str) -> str:
    return _NOT_ASCII.sub(lambda match: (form % match[0][0]).encode(), octets).decode("ascii")


def _der_value(attribute: _Attribute) -> bytes:
    """The DER of the value alone: what follows the type in a name of this one attribute."""
    content = x509.Name([attribute]).public_bytes()
    for _ in ("Name", "RelativeDistinguishedName", "AttributeTypeAndValue"):
        content = content[_header(content) :]
    return content[_header(content) + content[1] :]


def _header(der: bytes) -> int:
    """How long tag and length are; an OID's length is one byte."""
    return 2 if der[1] < 0x80 else 2 + (der[1] & 0x7F)
