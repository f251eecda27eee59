#!/bin/sh
# Resolve the dependencies of pyproject.toml again and write the lock files (`make lock`).
# requirements.lock holds what the platform runs and builds with, requirements-dev.lock that and the tools for tests.
set -eu
cd "$(dirname "$0")/../.."
compile() {
  .venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet \
    pyproject.toml --extra build "$@"
}
compile --extra dev --output-file requirements-dev.lock
compile --constraints requirements-dev.lock --output-file requirements.lock
# the tool that installs the rest, alone
awk '/^[a-z]/ {keep = /^uv==/} keep && !/^ *# via/' requirements.lock >deploy/setup/uv.lock
