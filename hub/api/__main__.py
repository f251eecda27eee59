"""Print the OpenAPI document (`python -m hub.api`) or the Python client's methods (`python -m hub.api client`)."""

import json
import sys

import hub.api.dispatch  # noqa: F401 - declares the operations
from hub.api.openapi import document
from hub.api.python_client import source
from hub.runtime import API_PREFIX
from hub.version import VERSION

if sys.argv[1:] == ["client"]:
    print(source(), end="")
else:
    print(json.dumps(document(VERSION, API_PREFIX), indent=2, sort_keys=True))
