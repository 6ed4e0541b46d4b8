"""The diagnostics of `xml.parsing`, `xml.claim` and `xml.dsig`, which are for a log, in French, with what to do."""

import re
from typing import Final

_NAME: Final = r"([\w:.-]*)"
_SENTENCES: Final = tuple(
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        (r"not well-formed", "il n’est pas bien formé"),
        (r"not UTF-8: byte (\d+)", "il n’est pas en UTF-8 (octet {0})"),
        (r"not UTF-8 text", "il a un octet nul ou deux marques d’ordre des octets"),
        (r"an XML declaration", "sa déclaration XML n’est pas celle de XML 1.0 en UTF-8"),
        (r"a document type declaration", "il a un DOCTYPE ou une entité"),
        (r"too much", "il a trop d’éléments ou d’attributs pour être un message du contrat"),
        (r"an attribute over (\d+) bytes", "un attribut dépasse {0} octets"),
        (r"over (\d+) levels", "il a plus de {0} niveaux d’éléments"),
        (r"over (\d+) attributes", "un élément a plus de {0} attributs"),
        (r"over (\d+) namespaces", "il a plus de {0} espaces de noms à la fois"),
        (r"place: no Header", "Le message n’a pas de Header : la signature va dans soap:Header."),
        (r"place: 0 ds:Signature", "Le message n’a pas de ds:Signature."),
        (r"place: (\d+) ds:Signature", "Le message a {0} ds:Signature : il en faut une seule."),
        (
            r"place: (\d+) header entries",
            "L’en-tête a {0} entrées de signature : une seule, SOAP-SEC:Signature, ds:Signature ou wsse:Security.",
        ),
        (
            r"place: ds:Signature not in an accepted place",
            "ds:Signature n’est pas à une place admise : soap:Header/SOAP-SEC:Signature, soap:Header, wsse:Security.",
        ),
        (r"place: elements beside", "Des éléments inattendus accompagnent ds:Signature dans son entrée de l’en-tête."),
        (
            r"place: elements of XML Signature outside",
            "Des éléments de XML Signature se trouvent hors de ds:Signature.",
        ),
        (r"place: elements of SOAP", "L’enveloppe a plus d’éléments SOAP que Envelope, Header et Body."),
        (r"place: elements of the contract in Header", "Le Header contient des éléments du contrat."),
        (
            r"algorithm: transforms",
            "Les transformations admises : enveloped-signature, puis une canonicalisation au plus.",
        ),
        (
            rf"algorithm: {_NAME} (\S*sha1\S*|\S*md5\S*)",
            "{0} : l’algorithme {1} est refusé (SHA-1 et MD5 sont cassés) ; prenez SHA-256.",
        ),
        (rf"algorithm: {_NAME} (\S*)", "{0} : l’algorithme « {1} » n’est pas admis."),
        (r"shape: the Reference is not", 'La Reference doit désigner le Body par son identifiant (URI="#…").'),
        (r"shape: (\d+) X509Certificate", "KeyInfo a {0} X509Certificate : il faut celui du signataire, et 5 au plus."),
        (rf"shape: children of {_NAME}", "Les éléments de {0} ne sont pas ceux attendus, dans l’ordre attendu."),
        (rf"shape: attributes of {_NAME}", "Les attributs de {0} ne sont pas ceux attendus."),
        (rf"shape: content of {_NAME}", "{0} devrait être vide : aucun paramètre n’est admis."),
        (rf"shape: text in {_NAME}", "Du texte se trouve dans {0}, entre les éléments."),
        (rf"shape: {_NAME} is empty", "{0} est vide."),
        (rf"shape: {_NAME} is not base64", "{0} n’est pas du base64."),
        (r"reference: the identifier occurs 0 times", "Aucun élément ne porte l’identifiant que nomme la Reference."),
        (
            r"reference: the identifier occurs (\d+) times",
            "{0} éléments portent l’identifiant que nomme la Reference : il doit être unique.",
        ),
        (
            r"reference: not to the Body",
            "La Reference ne désigne pas le Body par un attribut admis (SOAP-SEC:id, Id, wsu:Id, xml:id…).",
        ),
        (
            r"reference: comment",
            "Un commentaire ou une instruction est dans une valeur : deux lecteurs n’y liraient pas la même chose.",
        ),
        (
            r"certificate: outside its validity, (\d+)-(\d+)-(\d+) \S+ to (\d+)-(\d+)-(\d+)",
            "Le certificat de signature ne vaut que du {2}/{1}/{0} au {5}/{4}/{3}.",
        ),
        (r"certificate: revoked: serial (\S+)", "Le certificat de signature {0} est révoqué : la carte est opposée."),
        (r"certificate: revoked by its root: (.+)", "L’autorité du certificat de signature est révoquée : {0}."),
        (
            r"certificate: not issued by an accepted authority: (.+)",
            "Aucune autorité admise n’a émis le certificat : {0}.",
        ),
        (r"certificate: no CRL of (.+)", "La plateforme n’a pas la CRL de {0}."),
        (r"certificate: the CRL of (.+) is past", "La CRL de {0} que la plateforme a est périmée."),
        (r"certificate: (.+) certifies no person", "{0} ne certifie pas de personnes : signez avec une carte."),
        (
            r"certificate: keyUsage without contentCommitment",
            "Le certificat n’a pas nonRepudiation : prenez le certificat de signature de la carte.",
        ),
        (r"certificate: not an RSA key of (\d+)", "La clé du certificat n’est pas une clé RSA de {0} bits au moins."),
        (r"certificate: malformed", "Le certificat est illisible, ou ceux de KeyInfo ne se suivent pas."),
        (r"signature: not by the key", "La signature de SignedInfo n’est pas celle de la clé du certificat."),
        (r"content: digest mismatch", "Le condensé n’est pas celui du Body : il a changé après la signature."),
    )
)


def explain(diagnostic: str) -> str:
    """The sentence for a diagnostic, or the diagnostic itself where none is known."""
    for pattern, sentence in _SENTENCES:
        found = pattern.search(diagnostic)
        if found:
            return sentence.format(*found.groups())
    return diagnostic
