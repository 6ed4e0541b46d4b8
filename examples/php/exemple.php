<?php

/**
 * Les cinq opérations du Web Service de l’IGC-Santé avec SoapClient et openssl (extensions soap, dom, openssl).
 *
 *     php examples/php/exemple.php sandbox/profils/cpa-editeur.toml
 *
 * Le profil dit où est la plateforme et quels certificats prendre ; ses chemins sont relatifs à son dossier.
 */

declare(strict_types=1);

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/';
const SOAP_SEC = 'http://schemas.xmlsoap.org/soap/security/2000-12';
const DS = 'http://www.w3.org/2000/09/xmldsig#';
const EXC_C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const STRUCTURE = '1750099012';
const COURRIELS = [
    'mailDemandeur' => 'demandeur@hopital.example',
    'mailPersonneAInformer' => 'informer@hopital.example',
];

/** Un SoapClient dont chaque requête est signée par la carte, comme le veut le guide (§11). */
final class ClientSigne extends SoapClient
{
    private string $cle;
    private string $certificat;

    public function __construct(string $fichier)
    {
        $profil = parse_ini_file($fichier, true, INI_SCANNER_RAW) ?: exit("Le profil $fichier est illisible.\n");
        $base = dirname(realpath($fichier)) . '/';
        $this->cle = file_get_contents($base . $profil['signature']['cle']);
        $this->certificat = file_get_contents($base . $profil['signature']['certificat']);
        $tls = [
            'cafile' => $base . $profil['confiance'],
            'local_cert' => $base . $profil['tls']['certificat'],
            'local_pk' => $base . $profil['tls']['cle'],
        ];
        parent::__construct($profil['url'] . '?wsdl', [
            'stream_context' => stream_context_create(['ssl' => $tls]),
            'cache_wsdl' => WSDL_CACHE_NONE,
            'features' => SOAP_SINGLE_ELEMENT_ARRAYS, // une liste d’un élément reste une liste
        ]);
    }

    public function __doRequest(
        string $request, string $location, string $action, int $version, bool $oneWay = false
    ): ?string {
        return parent::__doRequest($this->signer($request), $location, $action, $version, $oneWay);
    }

    private function signer(string $requete): string
    {
        $document = new DOMDocument();
        $document->loadXML($requete);
        $enveloppe = $document->documentElement;
        $corps = $document->getElementsByTagNameNS(SOAP, 'Body')->item(0);
        $corps->setAttribute('Id', 'Body');
        $condense = base64_encode(hash('sha256', $corps->C14N(true), true));

        $signedInfo = '<ds:SignedInfo xmlns:ds="' . DS . '">'
            . '<ds:CanonicalizationMethod Algorithm="' . EXC_C14N . '"/>'
            . '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>'
            . '<ds:Reference URI="#Body"><ds:Transforms><ds:Transform Algorithm="' . EXC_C14N . '"/></ds:Transforms>'
            . '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
            . "<ds:DigestValue>$condense</ds:DigestValue></ds:Reference></ds:SignedInfo>";
        $seul = new DOMDocument();
        $seul->loadXML($signedInfo);
        openssl_sign($seul->C14N(true), $valeur, $this->cle, OPENSSL_ALGO_SHA256);

        preg_match('/-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----/s', $this->certificat, $pem);
        $entete = $document->createDocumentFragment();
        $entete->appendXML('<s:Header xmlns:s="' . SOAP . '"><sec:Signature xmlns:sec="' . SOAP_SEC . '">'
            . '<ds:Signature xmlns:ds="' . DS . '">' . $signedInfo
            . '<ds:SignatureValue>' . base64_encode($valeur) . '</ds:SignatureValue><ds:KeyInfo><ds:X509Data>'
            . '<ds:X509Certificate>' . preg_replace('/\s/', '', $pem[1]) . '</ds:X509Certificate>'
            . '</ds:X509Data></ds:KeyInfo></ds:Signature></sec:Signature></s:Header>');
        $enveloppe->insertBefore($entete, $corps);
        return $document->saveXML();
    }
}

/** Une clé RSA de 2048 bits et sa CSR en base64 ; une vraie application garde la clé avant d’envoyer la CSR. */
function nouvelleCsr(): string
{
    $cle = openssl_pkey_new(['private_key_bits' => 2048, 'private_key_type' => OPENSSL_KEYTYPE_RSA]);
    openssl_csr_export(openssl_csr_new(['commonName' => 'Demande'], $cle, ['digest_alg' => 'sha256']), $pem);
    return preg_replace('/-----[^-]+-----|\s/', '', $pem);
}

/** S’arrête quand la plateforme refuse : un refus est une réponse ordinaire, avec un code WSMG. */
function exiger(string $statut, ?string $message): void
{
    if ($statut !== 'OK') {
        fwrite(STDERR, "refus : $statut $message\n");
        exit(1);
    }
}

$client = new ClientSigne($argv[1] ?? exit("usage : exemple.php PROFIL.toml\n"));

// §14 Demander un certificat d’authentification d’application.
$demande = ['offre' => 'ORG', 'gamme' => 'EL', 'usage' => 'AUTH_CLI', 'idNatStruct' => STRUCTURE,
    'nomApplicatif' => 'exemple-php', 'CSR' => nouvelleCsr()] + COURRIELS;
$lot = $client->demanderCertificats(['demandeCertificat' => [$demande]]);
exiger($lot->statutLot, $lot->message);
$indice = $lot->demande[0]->indiceRetrait;
echo "demanderCertificats : OK, indice de retrait $indice\n";

// §15 Le retirer ; le code de révocation est choisi ici, et à garder.
$retrait = $client->retirerCertificat(['indiceRetrait' => $indice, 'codeRevocation' => bin2hex(random_bytes(16))]);
exiger($retrait->statut, $retrait->message);
$certificat = openssl_x509_parse($retrait->certificat);
preg_match('/([0-9A-F]{2}:){19}[0-9A-F]{2}/', $certificat['extensions']['authorityKeyIdentifier'], $aki);
$nomme = ['AKI' => $aki[0], 'numeroSerie' => ltrim($certificat['serialNumberHex'], '0')];
echo "retirerCertificat : OK, numéro de série {$nomme['numeroSerie']}\n";

// §18 Suivre les produits de la structure.
$suivi = $client->suivreActivite(['typeDemande' => 'PRODUITS', 'offre' => 'ORG', 'idNatStruct' => STRUCTURE]);
exiger($suivi->statut, $suivi->resultat[0]->erreur ?? '');
$etats = array_column($suivi->resultat, 'etat', 'numeroSerie');
echo "suivreActivite : OK, {$etats[$nomme['numeroSerie']]}\n";

// §17 Le renouveler, avec une nouvelle clé : une clé ne se présente qu’une fois.
$suite = $client->renouvelerCertificat($nomme + COURRIELS + ['CSR' => nouvelleCsr()]);
exiger($suite->statut, $suite->message);
echo "renouvelerCertificat : OK, indice de retrait {$suite->indiceRetrait}\n";

// §16 Révoquer l’ancien.
$fin = $client->revoquerCertificat($nomme + COURRIELS + ['gamme' => 'EL', 'motif' => 'FIN_DACTIVITE']);
exiger($fin->statut, $fin->message);
echo "revoquerCertificat : OK\n";
