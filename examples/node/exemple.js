// Les cinq opérations du Web Service de l’IGC-Santé avec soap et xml-crypto.
//
//     cd examples/node && npm install && node exemple.js ../../sandbox/profils/cpa-editeur.toml
//
// Le profil dit où est la plateforme et quels certificats prendre ; ses chemins sont relatifs à son dossier.

import { X509Certificate, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { dirname, join } from 'node:path'
import { createClientAsync } from 'soap'
import { SignedXml } from 'xml-crypto'

const STRUCTURE = '1750099012'
const COURRIELS = { mailDemandeur: 'demandeur@hopital.example', mailPersonneAInformer: 'informer@hopital.example' }
const C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#'

/** Le profil du client : un fichier TOML fait de lignes « clé = "valeur" » et de tables [tls] et [signature]. */
function lireProfil(fichier) {
  const profil = {}
  let table = ''
  for (const ligne of readFileSync(fichier, 'utf8').split('\n')) {
    const [, nom] = /^\[(\w+)\]/.exec(ligne) ?? []
    if (nom) table = `${nom}.`
    const [, cle, valeur] = /^(\w+) = "(.*)"$/.exec(ligne) ?? []
    if (cle) profil[table + cle] = valeur
  }
  return { ...profil, lire: (cle) => readFileSync(join(dirname(fichier), profil[cle])) }
}

/** Ce que le paquet soap appelle une sécurité : TLS mutuel, et chaque requête signée par la carte (guide §11). */
class SignatureDeCarte {
  constructor(agent, cle, certificat) {
    Object.assign(this, { agent, cle, certificat })
  }

  addOptions(options) {
    options.httpsAgent = this.agent
  }

  toXML() {
    return '' // l’en-tête est écrit, vide : la signature y prend place
  }

  postProcess(xml) {
    const signature = new SignedXml({
      privateKey: this.cle,
      publicCert: this.certificat,
      signatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
      canonicalizationAlgorithm: C14N,
    })
    signature.addReference({
      xpath: "/*[local-name() = 'Envelope']/*[local-name() = 'Body']",
      transforms: [C14N],
      digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha256',
    })
    // ds:Signature peut être directement dans l’en-tête SOAP ; xml-crypto donne au Body son attribut Id.
    signature.computeSignature(xml, {
      prefix: 'ds',
      location: { reference: "/*[local-name() = 'Envelope']/*[local-name() = 'Header']", action: 'append' },
    })
    return signature.getSignedXml()
  }
}

/** Un TLV DER. */
function der(etiquette, ...parties) {
  const contenu = Buffer.concat(parties)
  const taille = contenu.length
  const longueur = taille < 128 ? [taille] : taille < 256 ? [0x81, taille] : [0x82, taille >> 8, taille & 255]
  return Buffer.concat([Buffer.from([etiquette, ...longueur]), contenu])
}

/** Une clé RSA de 2048 bits et sa CSR (PKCS#10) en base64 ; une vraie application garde la clé avant de l’envoyer. */
function nouvelleCsr() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const cn = der(0x30, Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from('Demande')))
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const info = der(0x30, Buffer.from('020100', 'hex'), der(0x30, der(0x31, cn)), spki, Buffer.from('a000', 'hex'))
  const rsaSha256 = Buffer.from('300d06092a864886f70d01010b0500', 'hex')
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', info, privateKey)])
  return der(0x30, info, rsaSha256, der(0x03, signature)).toString('base64')
}

/** S’arrête quand la plateforme refuse : un refus est une réponse ordinaire, avec un code WSMG. */
function exiger(statut, message) {
  if (statut !== 'OK') {
    console.error(`refus : ${statut} ${message}`)
    process.exit(1)
  }
}

const profil = lireProfil(process.argv[2])
const agent = new Agent({
  ca: profil.lire('confiance'),
  cert: profil.lire('tls.certificat'),
  key: profil.lire('tls.cle'),
})
const client = await createClientAsync(`${profil.url}?wsdl`, {
  endpoint: profil.url,
  wsdl_options: { httpsAgent: agent },
})
client.setSecurity(
  new SignatureDeCarte(agent, profil.lire('signature.cle').toString(), profil.lire('signature.certificat').toString()),
)
const appeler = async (operation, requete) => (await client[`${operation}Async`](requete))[0]

// §14 Demander un certificat d’authentification d’application.
const demande = { offre: 'ORG', gamme: 'EL', usage: 'AUTH_CLI', idNatStruct: STRUCTURE, ...COURRIELS }
Object.assign(demande, { nomApplicatif: 'exemple-node', CSR: nouvelleCsr() })
const lot = await appeler('demanderCertificats', { demandeCertificat: [demande] })
exiger(lot.statutLot, lot.message)
const indice = lot.demande[0].indiceRetrait
console.log(`demanderCertificats : OK, indice de retrait ${indice}`)

// §15 Le retirer ; le code de révocation est choisi ici, et à garder.
const code = randomBytes(16).toString('hex')
const retrait = await appeler('retirerCertificat', { indiceRetrait: indice, codeRevocation: code })
exiger(retrait.statut, retrait.message)
const certificat = new X509Certificate(retrait.certificat)
// Node ne lit pas l’AKI : l’extension 2.5.29.35, et ses vingt octets marqués 0x80.
const [, AKI] = /0603551d23.{4,8}30168014([0-9a-f]{40})/.exec(certificat.raw.toString('hex'))
const nomme = { AKI, numeroSerie: certificat.serialNumber.replace(/^0+/, '') }
console.log(`retirerCertificat : OK, numéro de série ${nomme.numeroSerie}`)

// §18 Suivre les produits de la structure.
const suivi = await appeler('suivreActivite', { typeDemande: 'PRODUITS', offre: 'ORG', idNatStruct: STRUCTURE })
exiger(suivi.statut, suivi.resultat?.[0]?.erreur)
console.log(`suivreActivite : OK, ${suivi.resultat.find((un) => un.numeroSerie === nomme.numeroSerie).etat}`)

// §17 Le renouveler, avec une nouvelle clé : une clé ne se présente qu’une fois.
const suite = await appeler('renouvelerCertificat', { ...nomme, ...COURRIELS, CSR: nouvelleCsr() })
exiger(suite.statut, suite.message)
console.log(`renouvelerCertificat : OK, indice de retrait ${suite.indiceRetrait}`)

// §16 Révoquer l’ancien.
const fin = await appeler('revoquerCertificat', { ...nomme, ...COURRIELS, gamme: 'EL', motif: 'FIN_DACTIVITE' })
exiger(fin.statut, fin.message)
console.log('revoquerCertificat : OK')
