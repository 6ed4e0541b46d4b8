"""Keys of the pki tests."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa


@pytest.fixture(scope="session")
def printed_key() -> rsa.RSAPrivateKey:
    """A key for certificates whose names are what matters."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
