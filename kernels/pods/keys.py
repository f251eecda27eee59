"""The keys of a kernel: one signs every message, a pair encrypts every connection."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from typing import Any

import zmq

from .spec import PORTS


def new_connection(kernel_name: str, key: bytes = b"") -> dict[str, Any]:
    """Connection information without an address, with new CurveZMQ keys."""
    public, secret = zmq.curve_keypair()
    return {
        **PORTS,
        "ip": "",
        "transport": "tcp",
        "key": key or secrets.token_hex(32).encode(),
        "signature_scheme": "hmac-sha256",
        "kernel_name": kernel_name,
        "curve_publickey": public.decode(),
        "curve_secretkey": secret.decode(),
    }


def read_connection(secret: Mapping[str, Any], ip: str) -> dict[str, Any]:
    """Connection information from a kernel's Secret."""
    found = json.loads(base64.b64decode(secret["data"]["connection.json"]))
    return {**found, "ip": ip, "key": found["key"].encode()}
