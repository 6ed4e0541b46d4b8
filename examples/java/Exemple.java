// Les cinq opérations du Web Service de l’IGC-Santé avec le JDK seul (17 ou plus).
//     java examples/java/Exemple.java sandbox/profils/cpa-editeur.toml
//
// Le profil dit où est la plateforme et quels certificats prendre ; ses chemins sont relatifs à son dossier.
import java.io.*;
import java.net.URI;
import java.net.http.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.util.*;
import javax.net.ssl.*;
import javax.xml.crypto.dsig.*;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.spec.*;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.*;

public class Exemple {
    static final String COURRIELS = "<mailPersonneAInformer>informer@hopital.example</mailPersonneAInformer>"
        + "<mailDemandeur>demandeur@hopital.example</mailDemandeur>";
    static final String STRUCTURE = "<idNatStruct>1750099012</idNatStruct>";

    final Map<String, String> profil = new HashMap<>();
    final Path base;
    final HttpClient http;

    /** Lit le profil, un TOML de lignes « clé = "valeur" » et de tables, et prépare le TLS mutuel. */
    Exemple(Path fichier) throws Exception {
        base = fichier.toAbsolutePath().getParent();
        var table = "";
        for (var ligne : Files.readAllLines(fichier)) {
            if (ligne.startsWith("[")) table = ligne.substring(1, ligne.indexOf(']')) + ".";
            var paire = ligne.split(" = \"|\"$");
            if (paire.length == 2) profil.put(table + paire[0], paire[1]);
        }
        var magasin = KeyStore.getInstance("PKCS12");
        magasin.load(null, null);
        for (var racine : certificats("confiance")) magasin.setCertificateEntry("" + magasin.size(), racine);
        var chaine = certificats("tls.certificat").toArray(X509Certificate[]::new);
        magasin.setKeyEntry("tls", cle("tls.cle"), new char[0], chaine);
        var porteur = KeyManagerFactory.getInstance("PKIX");
        porteur.init(magasin, new char[0]);
        var confiance = TrustManagerFactory.getInstance("PKIX");
        confiance.init(magasin);
        var tls = SSLContext.getInstance("TLS");
        tls.init(porteur.getKeyManagers(), confiance.getTrustManagers(), null);
        http = HttpClient.newBuilder().sslContext(tls).build();
    }

    List<X509Certificate> certificats(String cle) throws Exception {
        return certificats(Files.readAllBytes(base.resolve(profil.get(cle))));
    }
    static List<X509Certificate> certificats(byte[] pem) throws Exception {
        var lus = CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(pem));
        return lus.stream().map(X509Certificate.class::cast).toList();
    }

    PrivateKey cle(String cle) throws Exception {
        var pem = Files.readString(base.resolve(profil.get(cle))).replaceAll("-----[^-]+-----|\\s", "");
        var pkcs8 = new java.security.spec.PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem));
        return KeyFactory.getInstance("RSA").generatePrivate(pkcs8);
    }

    /** Signe une requête comme le veut le guide (§11), l’envoie, et rend la réponse ; un refus est une exception. */
    Document appeler(String operation, String element, String contenu) throws Exception {
        var soap = "http://schemas.xmlsoap.org/soap/envelope/";
        var message = lire("<s:Envelope xmlns:s=\"" + soap + "\"><s:Header/><s:Body Id=\"Body\"><ws:" + element
            + " xmlns:ws=\"http://www.pfcng.in.com/WS/\">" + contenu + "</ws:" + element + "></s:Body></s:Envelope>");
        ((Element) message.getElementsByTagNameNS(soap, "Body").item(0)).setIdAttribute("Id", true);
        var fabrique = XMLSignatureFactory.getInstance("DOM");
        var c14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
        var reference = fabrique.newReference("#Body", fabrique.newDigestMethod(DigestMethod.SHA256, null),
            List.of(fabrique.newTransform(c14n, (TransformParameterSpec) null)), null, null);
        var infos = fabrique.newSignedInfo(fabrique.newCanonicalizationMethod(c14n, (C14NMethodParameterSpec) null),
            fabrique.newSignatureMethod("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", null), List.of(reference));
        var porteur = fabrique.getKeyInfoFactory();
        var certificat = porteur.newX509Data(certificats("signature.certificat").subList(0, 1));
        var entete = message.getElementsByTagNameNS(soap, "Header").item(0); // ds:Signature y va directement
        fabrique.newXMLSignature(infos, porteur.newKeyInfo(List.of(certificat)))
            .sign(new DOMSignContext(cle("signature.cle"), entete));
        var signe = new StringWriter();
        TransformerFactory.newInstance().newTransformer().transform(new DOMSource(message), new StreamResult(signe));
        var requete = HttpRequest.newBuilder(URI.create(profil.get("url")))
            .header("Content-Type", "text/xml; charset=utf-8").header("SOAPAction", operation)
            .POST(HttpRequest.BodyPublishers.ofString(signe.toString())).build();
        var reponse = lire(http.send(requete, HttpResponse.BodyHandlers.ofString()).body());
        if (!texte(reponse, "//statutLot | //statut").equals("OK"))
            throw new IOException("refus : " + reponse.getDocumentElement().getTextContent());
        return reponse;
    }

    static Document lire(String xml) throws Exception {
        var fabrique = DocumentBuilderFactory.newInstance();
        fabrique.setNamespaceAware(true);
        fabrique.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        return fabrique.newDocumentBuilder().parse(new ByteArrayInputStream(xml.getBytes("UTF-8")));
    }
    static String texte(Document document, String chemin) throws Exception {
        return javax.xml.xpath.XPathFactory.newInstance().newXPath().evaluate(chemin, document);
    }

    /** Une clé RSA de 2048 bits dans un nouveau magasin de keytool, et sa CSR en base64. */
    static String nouvelleCsr() throws Exception {
        var dossier = Files.createTempDirectory("exemple").toFile();
        keytool(dossier, "-genkeypair -keyalg RSA -keysize 2048 -dname CN=Demande");
        return keytool(dossier, "-certreq").replaceAll("-----[^-]+-----|\\s", "");
    }
    static String keytool(File dossier, String options) throws Exception {
        var commande = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
        commande.addAll(List.of((options + " -keystore cle.p12 -storepass exemple -alias cle").split(" ")));
        var sortie = new ProcessBuilder(commande).directory(dossier).start().getInputStream();
        return new String(sortie.readAllBytes(), "US-ASCII");
    }

    public static void main(String[] arguments) throws Exception {
        var client = new Exemple(Path.of(arguments[0]));
        // §14 Demander un certificat d’authentification d’application.
        var lot = client.appeler("demanderCertificats", "requeteDemandeCertificats", "<demandeCertificat><offre>ORG"
            + "</offre><gamme>EL</gamme><usage>AUTH_CLI</usage>" + STRUCTURE + COURRIELS + "<nomApplicatif>exemple-java"
            + "</nomApplicatif><CSR>" + nouvelleCsr() + "</CSR></demandeCertificat>");
        var indice = texte(lot, "//indiceRetrait");
        System.out.println("demanderCertificats : OK, indice de retrait " + indice);
        // §15 Le retirer ; le code de révocation est choisi ici, et à garder.
        var retrait = client.appeler("retirerCertificat", "requeteRetraitCertificat", "<indiceRetrait>" + indice
            + "</indiceRetrait><codeRevocation>" + UUID.randomUUID() + "</codeRevocation>");
        var certificat = certificats(texte(retrait, "//certificat").getBytes("US-ASCII")).get(0);
        var numero = certificat.getSerialNumber().toString(16).toUpperCase();
        var extension = HexFormat.of().formatHex(certificat.getExtensionValue("2.5.29.35"));
        var aki = extension.substring(extension.length() - 40); // ses vingt derniers octets
        System.out.println("retirerCertificat : OK, numéro de série " + numero);
        // §18 Suivre les produits de la structure.
        var suivi = client.appeler("suivreActivite", "requeteSuiviActivite",
            "<typeDemande>PRODUITS</typeDemande><offre>ORG</offre>" + STRUCTURE);
        System.out.println("suivreActivite : OK, " + texte(suivi, "//resultat[numeroSerie = '" + numero + "']/etat"));
        // §17 Le renouveler, avec une nouvelle clé : une clé ne se présente qu’une fois.
        var nomme = "<AKI>" + aki + "</AKI><numeroSerie>" + numero + "</numeroSerie>";
        var suite = client.appeler("renouvelerCertificat", "requeteRenouvellementCertificat",
            nomme + COURRIELS + "<CSR>" + nouvelleCsr() + "</CSR>");
        System.out.println("renouvelerCertificat : OK, indice de retrait " + texte(suite, "//indiceRetrait"));
        // §16 Révoquer l’ancien.
        client.appeler("revoquerCertificat", "requeteRevocationCertificat",
            nomme + "<gamme>EL</gamme><motif>FIN_DACTIVITE</motif>" + COURRIELS);
        System.out.println("revoquerCertificat : OK");
    }
}
