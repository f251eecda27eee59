"""This installation's key pair for LTI: it signs requests to learning platforms, which ask for the public half."""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

KEY_BITS = 2048


def private_key(secrets_folder: Path) -> bytes:
    """Return the private key as PEM, made at first use; two processes that start together agree on one."""
    secrets_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = secrets_folder / "lti.pem"
    if not path.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        draft = secrets_folder / f".lti.pem.{os.getpid()}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first; its key counts
        finally:
            draft.unlink()
    return path.read_bytes()


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
