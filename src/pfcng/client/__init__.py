"""The client library of the Web Service: it talks to any platform that keeps the contract, and knows none of them."""

from pfcng.client.async_client import AsyncClient
from pfcng.client.client import Client
from pfcng.client.errors import (
    CardError,
    ClientError,
    FaultError,
    IncompleteError,
    ProfileError,
    RefusedError,
    RequestError,
    TransportError,
)
from pfcng.client.exchanges import Reference, Retrait
from pfcng.client.profile import Profile

__all__ = [
    "AsyncClient",
    "CardError",
    "Client",
    "ClientError",
    "FaultError",
    "IncompleteError",
    "Profile",
    "ProfileError",
    "Reference",
    "RefusedError",
    "RequestError",
    "Retrait",
    "TransportError",
]
