"""Distinguished names: built with the IGC-Santé's string types, read from every text form in use, compared as names.

Java, .NET, keytool and OpenSSL print one name in different ways, and not all keep a multi-valued RDN in the same
order; a white list that compares texts breaks. Names are therefore parsed, and `canonical` is what is compared.
Source: guide §10, §11 (the sample's X509SubjectName is Java's form); RFC 4514, RFC 5280 §7.1.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

Part = tuple[x509.ObjectIdentifier, str]

_ALIASES: Final = {
    alias: oid
    for oid, aliases in {
        NameOID.COMMON_NAME: "cn commonname",
        NameOID.COUNTRY_NAME: "c countryname",
        NameOID.LOCALITY_NAME: "l localityname",
        NameOID.STATE_OR_PROVINCE_NAME: "st s stateorprovincename",
        NameOID.ORGANIZATION_NAME: "o organizationname",
        NameOID.ORGANIZATIONAL_UNIT_NAME: "ou organizationalunitname",
        NameOID.TITLE: "t title",
        NameOID.SURNAME: "sn surname",
        NameOID.GIVEN_NAME: "g gn givenname",
        NameOID.INITIALS: "i initials",
        NameOID.GENERATION_QUALIFIER: "generation generationqualifier",
        NameOID.PSEUDONYM: "pseudonym",
        NameOID.SERIAL_NUMBER: "serialnumber",
        NameOID.DN_QUALIFIER: "dnq dnqualifier",
        NameOID.STREET_ADDRESS: "street streetaddress",
        NameOID.POSTAL_CODE: "postalcode",
        NameOID.USER_ID: "uid userid",
        NameOID.DOMAIN_COMPONENT: "dc domaincomponent",
        NameOID.EMAIL_ADDRESS: "e email emailaddress",
    }.items()
    for alias in aliases.split()
}
_LDAP_NAMES: Final = {
    NameOID.SURNAME: "SN",
    NameOID.GIVEN_NAME: "givenName",
    NameOID.TITLE: "title",
    NameOID.PSEUDONYM: "pseudonym",
}
"""Descriptors beside those of RFC 4514 §3 that readers know."""

_ATTRIBUTE: Final = r"(?:oid\.)?(?:[a-z][a-z0-9-]*|\d+(?:\.\d+)+)"
_TYPE_RE: Final = re.compile(rf"\s*({_ATTRIBUTE})\s*=\s*", re.IGNORECASE)
_VALUE_RE: Final = re.compile(r'"((?:[^"\\]|\\.|"")*)"\s*|((?:[^",;+\\]|\\.)*)', re.DOTALL)
_SLASH_RE: Final = re.compile(rf"(?<!\\)/(?={_ATTRIBUTE}=)", re.IGNORECASE)
_PLUS_RE: Final = re.compile(rf"\s*(?<!\\)\+\s*(?={_ATTRIBUTE}\s*=)", re.IGNORECASE)
_ESCAPE_RE: Final = re.compile(rb"\\([0-9a-fA-F]{2}|.)", re.DOTALL)
_SLASH_ESCAPE_RE: Final = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|([/+]))")
_STRING_TAGS: Final = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1E: "utf-16-be"}


def build(*rdns: Iterable[Part]) -> x509.Name:
    """A name in DER order, each argument one RDN of one or more (type, value).

    C is a PrintableString and the rest are UTF8String, as the IGC-Santé writes them; DER sorts an RDN's values.

    Raises:
        ValueError: a value is too long for its type (CN: 64 bytes of UTF-8).
    """
    return x509.Name(
        [x509.RelativeDistinguishedName([x509.NameAttribute(oid, value) for oid, value in rdn]) for rdn in rdns]
    )


def first(name: x509.Name, oid: x509.ObjectIdentifier) -> str | None:
    """The value of the first attribute of that type, as text."""
    for attribute in name.get_attributes_for_oid(oid):
        return _text(attribute.value)
    return None


def rfc4514(name: x509.Name) -> str:
    """The name as RFC 4514 writes it: most specific RDN first, values escaped."""
    return name.rfc4514_string(_LDAP_NAMES)


def canonical(name: x509.Name) -> str:
    """A text that two names share when they are the same name.

    RDNs in DER order, types as numbers; case, runs of spaces, compatibility forms of characters, string types and the
    order inside an RDN do not count (RFC 5280 §7.1).
    """
    return ",".join(
        "+".join(sorted(f"{attribute.oid.dotted_string}={_prepared(attribute.value)}" for attribute in rdn))
        for rdn in name.rdns
    )


def parse(text: str) -> x509.Name:
    """Read a name from any of the forms that tools print.

    RFC 4514, Java (``OID.2.5.4.4=…``, `` + ``), .NET (``G=``, ``S=``, quotes), OpenSSL with slashes or with commas. A
    comma form that begins with the country and does not end with it is taken as OpenSSL's, in DER order; any other
    has its most specific RDN first.

    Raises:
        ValueError: not a name, or an unknown type of attribute.
    """
    text = text.strip()
    if text.startswith("/"):
        return build(*(_slash_rdn(part) for part in _SLASH_RE.split(text)[1:]))
    rdns = _comma_rdns(text)
    countries = [any(oid == NameOID.COUNTRY_NAME for oid, _ in rdn) for rdn in (rdns[0], rdns[-1])]
    in_der_order = countries == [True, False]
    return build(*(rdns if in_der_order else reversed(rdns)))


def _slash_rdn(part: str) -> list[Part]:
    pairs = (piece.partition("=") for piece in _PLUS_RE.split(part))
    return [(_oid(type_), _unescape_slash(value)) for type_, _, value in pairs]


def _unescape_slash(value: str) -> str:
    """A byte is a backslash, an x and two digits; OpenSSL 3 also escapes its own separators."""
    return _SLASH_ESCAPE_RE.sub(lambda match: match[2] or bytes.fromhex(match[1].decode()), value.encode()).decode()


def _comma_rdns(text: str) -> list[list[Part]]:
    rdns: list[list[Part]] = [[]]
    position = 0
    while True:
        type_ = _TYPE_RE.match(text, position)
        if type_ is None:
            raise ValueError(f"an attribute is expected at character {position}: {text!r}")
        value = _VALUE_RE.match(text, type_.end())
        if value is None or (value.end() < len(text) and text[value.end()] not in ",;+"):
            raise ValueError(f"the value at character {type_.end()} cannot be read: {text!r}")
        rdns[-1].append((_oid(type_[1]), _value(quoted=value[1], plain=value[2])))
        if value.end() == len(text):
            return rdns
        if text[value.end()] != "+":
            rdns.append([])
        position = value.end() + 1


def _value(*, quoted: str | None, plain: str | None) -> str:
    if quoted is not None:
        return _unescape(quoted.replace('""', '"'))
    plain = plain or ""
    if plain.startswith("#"):
        return _hex_value(plain[1:].strip())
    # A space at the end may be escaped; what is escaped stays.
    stripped = plain.rstrip()
    if len(stripped) < len(plain) and (len(stripped) - len(stripped.rstrip("\\"))) % 2:
        stripped += " "
    return _unescape(stripped)


def _unescape(value: str) -> str:
    def replacement(match: re.Match[bytes]) -> bytes:
        escaped = match[1]
        return bytes.fromhex(escaped.decode()) if len(escaped) == 2 else escaped

    return _ESCAPE_RE.sub(replacement, value.encode()).decode()


def _hex_value(digits: str) -> str:
    """Decode ``#`` and the BER of a string of less than 128 bytes, enough for any attribute of a DN."""
    ber = bytes.fromhex(digits)
    if len(ber) < 2 or ber[0] not in _STRING_TAGS or ber[1] != len(ber) - 2:
        raise ValueError(f"not the BER of a string: #{digits}")
    return ber[2:].decode(_STRING_TAGS[ber[0]])


def _oid(type_: str) -> x509.ObjectIdentifier:
    key = type_.lower().removeprefix("oid.")
    if key[0].isdigit():
        return x509.ObjectIdentifier(key)
    if key not in _ALIASES:
        raise ValueError(f"unknown type of attribute: {type_}")
    return _ALIASES[key]


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else f"#{value.hex()}"


def _prepared(value: str | bytes) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _text(value)).casefold())
    return re.sub(r"([\\,+])", r"\\\1", " ".join(folded.split()))
