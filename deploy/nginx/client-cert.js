// Le certificat du client comme l’écrit la RFC 9440 : son DER en base64, entre deux « : ».
// nginx n’a que le PEM : ce qui est entre les deux lignes de tirets est ce base64, coupé en lignes.

function header(r) {
    const pem = r.variables.ssl_client_raw_cert;
    if (!pem || r.variables.ssl_client_verify !== 'SUCCESS') {
        return '';
    }
    return ':' + pem.replace(/-----[A-Z ]+-----|\s/g, '') + ':';
}

export default { header };
