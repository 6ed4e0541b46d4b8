"""The plain HTTP port: certificates of the authorities and CRLs, at the real platform's paths."""

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from pfcng.igc.urls import PublicationUrls
from pfcng.pki import names
from pfcng.pki.authorities import by_common_name
from pfcng.pki.trust import TrustStore

_CERTIFICATE: Final = "application/pkix-cert"
_CRL: Final = "application/pkix-crl"


def published_files(trust: TrustStore, crls: Iterable[x509.CertificateRevocationList]) -> dict[str, tuple[str, bytes]]:
    """What is published: decoded path → content type and DER."""
    urls = PublicationUrls()
    files: dict[str, tuple[str, bytes]] = {}
    for authority in (*trust.roots, *trust.authorities):
        files[_path(urls.issuer(authority.name))] = (_CERTIFICATE, authority.certificate.public_bytes(Encoding.DER))
    for crl in crls:
        name = by_common_name(names.first(crl.issuer, NameOID.COMMON_NAME) or "")
        files[_path(urls.crl(name))] = (_CRL, crl.public_bytes(Encoding.DER))
    return files


def _path(url: str) -> str:
    return unquote(urlsplit(url).path)


def create_publication(files: Mapping[str, tuple[str, bytes]]) -> Starlette:
    """The application of the plain HTTP port: files from memory, nothing else."""

    async def publish(request: Request) -> Response:
        found = files.get(request.url.path if "%" not in request.url.path else unquote(request.url.path))
        if found is None:
            return PlainTextResponse("Ce fichier n’est pas publié ici.\n", status_code=404)
        media_type, content = found
        return Response(content, media_type=media_type)

    return Starlette(routes=[Route("/{path:path}", publish, methods=["GET"])])
