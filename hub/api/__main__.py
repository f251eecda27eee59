"""`python -m hub.api` prints the OpenAPI document (kept in docs/api/openapi.json, which clients are generated from)."""

import json
import sys

import hub.api.dispatch  # noqa: F401 - declares the operations
from hub import runtime
from hub.api.openapi import document
from hub.version import VERSION

sys.stdout.write(json.dumps(document(VERSION, runtime.API_PREFIX), indent=2, sort_keys=True) + "\n")
