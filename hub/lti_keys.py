"""This installation's key pair for LTI: it signs requests to learning platforms, which ask for the public half."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from hub.secret_files import read_or_make

KEY_BITS = 2048


def private_key(secrets_folder: Path) -> bytes:
    """Return the private key as PEM, made at first use; two processes that start together agree on one."""
    return read_or_make(secrets_folder, "lti.pem", _new_key)


def _new_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@lru_cache(maxsize=4)
def public_key(pem: bytes) -> dict[str, str]:
    """Return the public half as a JSON Web Key (RFC 7517), with an id that follows from it."""
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    made = json.loads(RSAAlgorithm.to_jwk(key.public_key()))
    parts = {"e": str(made["e"]), "kty": "RSA", "n": str(made["n"])}
    # RFC 7638: the thumbprint of the required members in this order
    identity = hashlib.sha256(json.dumps(parts, separators=(",", ":"), sort_keys=True).encode()).hexdigest()[:32]
    return {**parts, "alg": "RS256", "use": "sig", "kid": identity}
