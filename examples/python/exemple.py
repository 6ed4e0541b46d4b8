"""Les cinq opérations du Web Service de l’IGC-Santé avec zeep, sans pfcng.

    pip install "zeep[xmlsec]" cryptography
    python examples/python/exemple.py sandbox/profils/cpa-editeur.toml

Le profil dit où est la plateforme et quels certificats prendre ; ses chemins sont relatifs à son dossier.
"""

import base64
import secrets
import sys
import tomllib
from pathlib import Path

import requests
import xmlsec
import zeep
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from zeep import ns
from zeep.wsse.signature import Signature

STRUCTURE = "1750099012"
COURRIELS = {"mailDemandeur": "demandeur@hopital.example", "mailPersonneAInformer": "informer@hopital.example"}


class SignatureDeCarte(Signature):
    """La signature WS-Security de zeep, à deux choses près."""

    def apply(self, envelope, headers):
        """Met le certificat à même KeyInfo (guide §11) : zeep l’enveloppe d’une SecurityTokenReference."""
        envelope, headers = super().apply(envelope, headers)
        for reference in list(envelope.iter(f"{{{ns.WSSE}}}SecurityTokenReference")):
            reference.getparent().replace(reference, reference[0])
        return envelope, headers

    def verify(self, envelope):
        """Rend la réponse telle quelle : la plateforme ne signe pas les siennes."""
        return envelope


def ouvrir(profil):
    """Un service zeep, d’après le WSDL publié : TLS mutuel, et chaque requête signée par la carte."""
    donnees, dossier = tomllib.loads(profil.read_text("utf-8")), profil.parent
    tls, carte = donnees["tls"], donnees["signature"]
    session = requests.Session()
    session.trust_env = False  # REQUESTS_CA_BUNDLE remplacerait « verify »
    session.cert = (str(dossier / tls["certificat"]), str(dossier / tls["cle"]))
    session.verify = str(dossier / donnees["confiance"])
    # Sans ces deux algorithmes zeep signe en SHA-1, que la plateforme refuse (guide §11).
    signature = SignatureDeCarte(
        str(dossier / carte["cle"]),
        str(dossier / carte["certificat"]),
        signature_method=xmlsec.constants.TransformRsaSha256,
        digest_method=xmlsec.constants.TransformSha256,
    )
    transport = zeep.Transport(session=session, operation_timeout=30)
    return zeep.Client(f"{donnees['url']}?wsdl", transport=transport, wsse=signature).service


def nouvelle_csr():
    """Une clé RSA de 2048 bits et sa CSR en base64 ; une vraie application garde la clé avant d’envoyer la CSR."""
    cle = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    sujet = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Demande")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(sujet).sign(cle, hashes.SHA256())
    return base64.b64encode(csr.public_bytes(Encoding.DER)).decode()


def exiger(statut, message):
    """S’arrête quand la plateforme refuse : un refus est une réponse ordinaire, avec un code WSMG."""
    if statut != "OK":
        sys.exit(f"refus : {statut} {message}")


def main():
    """Demande, retire, suit, renouvelle et révoque un certificat."""
    service = ouvrir(Path(sys.argv[1]).resolve())

    # §14 Demander un certificat d’authentification d’application.
    demande = {"offre": "ORG", "gamme": "EL", "usage": "AUTH_CLI", "idNatStruct": STRUCTURE, **COURRIELS}
    demande |= {"nomApplicatif": "exemple-python", "CSR": nouvelle_csr()}
    lot = service.demanderCertificats(demandeCertificat=[demande])
    exiger(lot.statutLot, lot.message)
    indice = lot.demande[0].indiceRetrait
    print(f"demanderCertificats : OK, indice de retrait {indice}")

    # §15 Le retirer ; le code de révocation est choisi ici, et à garder.
    retrait = service.retirerCertificat(indiceRetrait=indice, codeRevocation=secrets.token_hex(16))
    exiger(retrait.statut, retrait.message)
    certificat = x509.load_pem_x509_certificate(retrait.certificat.encode())
    aki = certificat.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    nomme = {"AKI": aki.hex().upper(), "numeroSerie": f"{certificat.serial_number:X}"}
    print(f"retirerCertificat : OK, numéro de série {nomme['numeroSerie']}")

    # §18 Suivre les produits de la structure.
    suivi = service.suivreActivite(typeDemande="PRODUITS", offre="ORG", idNatStruct=STRUCTURE)
    exiger(suivi.statut, suivi.resultat[0].erreur if suivi.resultat else "")
    etats = {resultat.numeroSerie: resultat.etat for resultat in suivi.resultat}
    print(f"suivreActivite : OK, {etats[nomme['numeroSerie']]}")

    # §17 Le renouveler, avec une nouvelle clé : une clé ne se présente qu’une fois.
    suite = service.renouvelerCertificat(**nomme, **COURRIELS, CSR=nouvelle_csr())
    exiger(suite.statut, suite.message)
    print(f"renouvelerCertificat : OK, indice de retrait {suite.indiceRetrait}")

    # §16 Révoquer l’ancien.
    fin = service.revoquerCertificat(**nomme, **COURRIELS, gamme="EL", motif="FIN_DACTIVITE")
    exiger(fin.statut, fin.message)
    print("revoquerCertificat : OK")


if __name__ == "__main__":
    main()
