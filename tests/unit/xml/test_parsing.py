"""The hardened parser (docs/choices.md §9, §11)."""

from collections.abc import Callable

import pytest

from pfcng.xml import parsing
from pfcng.xml.parsing import MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTES, MAX_DEPTH, MalformedXml, parse

DEMANDE = (
    "<demandeCertificat><offre>ORG</offre><gamme>EL</gamme><usage>SIGN</usage><idNatStruct>1</idNatStruct>"
    "<idNatBeneficiaire>8</idNatBeneficiaire><idNatTiers>8</idNatTiers><nomApplicatif>a</nomApplicatif>"
    "<FQDN>a.example</FQDN><UPN>a@b.example</UPN><mailSujet>a@b.example</mailSujet>"
    "<mailPersonneAInformer>a@b.example</mailPersonneAInformer><CSR>{csr}</CSR>"
    "<mailDemandeur>a@b.example</mailDemandeur></demandeCertificat>"
).format(csr="MII" + "A" * 801 + "==")


def lot(demandes: int, demande: str = DEMANDE) -> bytes:
    return f'<lot xmlns:a="urn:a" xmlns:b="urn:b" xmlns:c="urn:c">{demande * demandes}</lot>'.encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"<a>\xc3\xa9</a>",
        b"\xef\xbb\xbf<a>\xc3\xa9</a>",
        b"<?xml version='1.0'?><a>\xc3\xa9</a>",
        b'<?xml version="1.0" encoding="UTF-8"?><a>\xc3\xa9</a>',
        b"\xef\xbb\xbf<?xml version = '1.0' encoding='utf-8' standalone='yes' ?>\n<a>\xc3\xa9</a>",
        b"<?xml-stylesheet href='x'?><a>&#233;</a>",
        b"<a><![CDATA[\xc3\xa9]]></a>",
    ],
)
def test_utf8_document_is_parsed(raw: bytes) -> None:
    """UTF-8 with or without byte order mark and declaration."""
    assert parse(raw).text == "é"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not well-formed"),
        (b"<a>", "not well-formed"),
        (b"<a/><b/>", "not well-formed"),
        (b"<a>&eacute;</a>", "not well-formed"),
        (b"<a b='1' b='2'/>", "not well-formed"),
        (b"<p:a/>", "not well-formed"),
        (b"<a>\xe9</a>", "not UTF-8"),
        (b"<a>\xed\xa0\x80</a>", "not UTF-8"),
        (b"<a>\0</a>", "not UTF-8"),
        (b"\xef\xbb\xbf\xef\xbb\xbf<a/>", "not UTF-8"),
        ("<a>é</a>".encode("utf-16"), "not UTF-8"),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "an XML declaration"),
        (b"<?xml version='1.0' encoding='UTF-7'?><a/>", "an XML declaration"),
        (b"<?xml version='1.1'?><a/>", "an XML declaration"),
        (b"<?xml encoding='UTF-8'?><a/>", "an XML declaration"),
        (b"<!DOCTYPE a><a/>", "a document type"),
        (b"<?xml version='1.0'?><!-- --><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "a document type"),
    ],
)
def test_anything_else_is_refused(raw: bytes, reason: str) -> None:
    """Other encodings, document types and entities never reach the tree (docs/choices.md §9)."""
    with pytest.raises(MalformedXml) as refused:
        parse(raw)
    assert refused.value.reason.startswith(reason)


def test_reason_holds_nothing_of_the_message() -> None:
    """What is logged about a stranger's bytes is not made of them."""
    with pytest.raises(MalformedXml) as refused:
        parse(b"<secret>hush</hush>")
    assert "secret" not in refused.value.reason
    assert "hush" not in refused.value.reason


def test_document_type_is_refused_in_the_tree_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the search of the bytes ever miss one, the tree still shows it."""
    monkeypatch.setattr(parsing, "_check_bytes", lambda _: None)
    with pytest.raises(MalformedXml, match="document type"):
        parse(b"<!DOCTYPE a><a/>")


def test_comments_and_instructions_are_kept() -> None:
    """They are part of what a signature covers (docs/choices.md §11)."""
    assert [type(node).__name__ for node in parse(b"<a><!--b--><?c?></a>")] == ["_Comment", "_ProcessingInstruction"]


def test_lot_as_large_as_a_message_can_be_is_parsed() -> None:
    """7 000 demandes of thirteen elements are parsed, to be answered WSMG-00000023 (guide §19)."""
    assert len(parse(lot(7000))) == 7000


@pytest.mark.parametrize("declaration", ["", ' xmlns=""', ' xmlns:xsi="urn:xsi" xmlns:xsd="urn:xsd"'])
def test_full_lot_with_namespaces_on_every_element_is_parsed(declaration: str) -> None:
    """Some stacks declare them again and again: it is not the declarations that cost but those in scope."""
    demande = DEMANDE.replace("<offre>", f"<offre{declaration}>")
    for name in ("gamme", "usage", "CSR", "mailDemandeur", "demandeCertificat"):
        demande = demande.replace(f"<{name}>", f"<{name}{declaration}>")
    assert len(parse(lot(20, demande))) == 20


@pytest.mark.parametrize(
    ("limit", "document"),
    [
        (parsing.MAX_NODES - 1, lambda count: b"<a>%s</a>" % (b"<b/>" * count)),
        (parsing.MAX_NODES - 1, lambda count: b"<a>%s</a>" % (b"<!---->" * count)),
        (parsing.MAX_EQUALS_SIGNS, lambda count: b"<a>%s</a>" % (b"=" * count)),
        (MAX_DEPTH, lambda count: b"<a>" * count + b"</a>" * count),
        (MAX_ATTRIBUTES, lambda count: b"<a><b %s/></a>" % b" ".join(b'c%d=""' % i for i in range(count))),
        (
            parsing.MAX_NAMESPACES_IN_SCOPE,
            lambda count: b"<a %s/>" % b" ".join(b'xmlns:n%d="urn:%d"' % (i, i) for i in range(count)),
        ),
        (MAX_ATTRIBUTE_BYTES, lambda count: b"<a b='%s'/>" % (b"c" * count)),
        (MAX_ATTRIBUTE_BYTES, lambda count: b'<a b =\n"%s"/>' % (b"'" * count)),
        (
            parsing.MAX_NODES_TIMES_NAMESPACES // 30 - 1,
            lambda count: (
                b"<a %s>%s</a>" % (b" ".join(b'xmlns:n%d="urn:%d"' % (i, i) for i in range(30)), b"<b/>" * count)
            ),
        ),
    ],
)
def test_work_is_bounded(limit: int, document: Callable[[int], bytes]) -> None:
    """At the limit a document is parsed, one more and it is refused."""
    parse(document(limit))
    with pytest.raises(MalformedXml):
        parse(document(limit + 1))


def test_namespaces_in_scope_are_counted_along_the_branch() -> None:
    """Declarations of siblings do not add up, those of ancestors do."""
    parse(b"<a>%s</a>" % (b"<b xmlns:c='urn:c'/>" * 1000))
    nested = b"<a xmlns:n0='urn:0'>" * 2
    many = b" ".join(b"xmlns:n%d='urn:%d'" % (i, i) for i in range(31))
    with pytest.raises(MalformedXml, match="namespaces in scope"):
        parse(nested + b"<b %s/>" % many + b"</a></a>")
