#!/usr/bin/env bash
# Les cinq opérations du Web Service de l’IGC-Santé avec xmlsec1, curl et openssl.
#
#   examples/shell/exemple.sh sandbox/profils/cpa-editeur.toml
#
# Le profil dit où est la plateforme et quels certificats prendre ; ses chemins sont relatifs à son dossier.
set -euo pipefail

profil=${1:?usage : exemple.sh PROFIL.toml}
base=$(cd "$(dirname "$profil")" && pwd)
travail=$(mktemp -d)
trap 'rm -rf "$travail"' EXIT

# lire TABLE CLÉ : la valeur d’une clé du profil, dans une table ([tls], [signature]) ou avant elles (TABLE vide).
lire() {
    awk -v table="$1" -v cle="$2" '
        /^\[/ { courante = substr($0, 2, length($0) - 2); next }
        courante == table && $1 == cle { sub(/^[^"]*"/, ""); sub(/".*$/, ""); print }' "$profil"
}

url=$(lire "" url)
confiance=$base/$(lire "" confiance)
tls_certificat=$base/$(lire tls certificat)
tls_cle=$base/$(lire tls cle)
signature_certificat=$base/$(lire signature certificat)
signature_cle=$base/$(lire signature cle)

# appeler OPÉRATION ÉLÉMENT CONTENU : signe une requête, l’envoie, laisse la réponse dans $travail/reponse.xml.
#
# La signature suit le guide (§11) : elle est dans l’en-tête SOAP, désigne le Body par son identifiant, et porte le
# certificat de signature de la carte. xmlsec1 remplit DigestValue, SignatureValue et X509Certificate.
appeler() {
    cat >"$travail/requete.xml" <<XML
<?xml version="1.0" encoding="UTF-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Header>
<sec:Signature xmlns:sec="http://schemas.xmlsoap.org/soap/security/2000-12" soap:mustUnderstand="1">
<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>
<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>
<ds:Reference URI="#Body"><ds:Transforms>
<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms>
<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue/>
</ds:Reference></ds:SignedInfo><ds:SignatureValue/>
<ds:KeyInfo><ds:X509Data><ds:X509Certificate/></ds:X509Data></ds:KeyInfo>
</ds:Signature></sec:Signature></soap:Header>
<soap:Body Id="Body"><ws:$2 xmlns:ws="http://www.pfcng.in.com/WS/">$3</ws:$2></soap:Body></soap:Envelope>
XML
    xmlsec1 --sign --privkey-pem "$signature_cle,$signature_certificat" \
        --id-attr:Id http://schemas.xmlsoap.org/soap/envelope/:Body \
        --output "$travail/signee.xml" "$travail/requete.xml"
    curl --silent --show-error --max-time 30 --cacert "$confiance" --cert "$tls_certificat" --key "$tls_cle" \
        --header "Content-Type: text/xml; charset=utf-8" --header "SOAPAction: \"$1\"" \
        --data-binary "@$travail/signee.xml" --output "$travail/reponse.xml" "$url"
}

# valeur NOM : le texte du premier élément NOM de la réponse, où qu’il soit ; vide s’il n’y est pas.
valeur() {
    xmllint --xpath "string(//*[local-name() = '$1'])" "$travail/reponse.xml"
}

# exiger STATUT : s’arrête avec le message de la plateforme si la réponse n’est pas OK.
exiger() {
    if [ "$(valeur "$1")" != OK ]; then
        echo "refus : $(valeur "$1") $(valeur message)$(valeur erreur)$(valeur faultstring)" >&2
        exit 1
    fi
}

# csr FICHIER.key : crée une clé RSA de 2048 bits et écrit sa CSR en base64, sans ses lignes BEGIN et END.
csr() {
    openssl req -new -newkey rsa:2048 -nodes -keyout "$1" -subj "/CN=Demande" -outform DER 2>/dev/null | base64 -w 0
}

courriels="<mailPersonneAInformer>informer@hopital.example</mailPersonneAInformer>"
demandeur="<mailDemandeur>demandeur@hopital.example</mailDemandeur>"

# §14 Demander un certificat d’authentification d’application.
appeler demanderCertificats requeteDemandeCertificats "<demandeCertificat><offre>ORG</offre><gamme>EL</gamme>\
<usage>AUTH_CLI</usage><idNatStruct>1750099012</idNatStruct><nomApplicatif>exemple-shell</nomApplicatif>\
$courriels<CSR>$(csr "$travail/exemple.key")</CSR>$demandeur</demandeCertificat>"
exiger statutLot
indice=$(valeur indiceRetrait)
echo "demanderCertificats : OK, indice de retrait $indice"

# §15 Le retirer ; le code de révocation est choisi ici, et à garder.
appeler retirerCertificat requeteRetraitCertificat \
    "<indiceRetrait>$indice</indiceRetrait><codeRevocation>$(openssl rand -hex 16)</codeRevocation>"
exiger statut
valeur certificat >"$travail/exemple.pem"
serie=$(openssl x509 -in "$travail/exemple.pem" -noout -serial | sed "s/serial=0*//")
aki=$(openssl x509 -in "$travail/exemple.pem" -noout -ext authorityKeyIdentifier | grep -oE '([0-9A-F]{2}:){19}[0-9A-F]{2}')
echo "retirerCertificat : OK, numéro de série $serie"

# §18 Suivre les produits de la structure.
appeler suivreActivite requeteSuiviActivite \
    "<typeDemande>PRODUITS</typeDemande><offre>ORG</offre><idNatStruct>1750099012</idNatStruct>"
exiger statut
etat=$(xmllint --xpath "string(//resultat[numeroSerie = '$serie']/etat)" "$travail/reponse.xml")
echo "suivreActivite : OK, $etat"

# §17 Le renouveler, avec une nouvelle clé : une clé ne se présente qu’une fois.
certificat="<AKI>$aki</AKI><numeroSerie>$serie</numeroSerie>"
appeler renouvelerCertificat requeteRenouvellementCertificat \
    "$certificat$demandeur$courriels<CSR>$(csr "$travail/nouvelle.key")</CSR>"
exiger statut
echo "renouvelerCertificat : OK, indice de retrait $(valeur indiceRetrait)"

# §16 Révoquer l’ancien.
appeler revoquerCertificat requeteRevocationCertificat \
    "$certificat<gamme>EL</gamme><motif>FIN_DACTIVITE</motif>$demandeur$courriels"
exiger statut
echo "revoquerCertificat : OK"
