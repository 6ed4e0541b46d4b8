"""The client library of the Web Service: it talks to any platform that keeps the contract, and knows none of them."""

from pfcng.client.client import Client, Retrait
from pfcng.client.errors import (
    ClientError,
    FaultError,
    ProfileError,
    RefusedError,
    RequestError,
    TransportError,
)
from pfcng.client.profile import Profile

__all__ = [
    "Client",
    "ClientError",
    "FaultError",
    "Profile",
    "ProfileError",
    "RefusedError",
    "RequestError",
    "Retrait",
    "TransportError",
]
