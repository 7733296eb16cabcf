#!/usr/bin/env bash
# Installs what package-lock.json names, Node 24 itself included, when that is not what node_modules holds.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly installed=node_modules/.installed-lock.json

if cmp -s package-lock.json "$installed" && [ -x node_modules/.bin/node ]; then exit 0; fi
echo "setup: npm ci (Node 24 and the libraries of package-lock.json, into node_modules)"
npm ci
cp package-lock.json "$installed"
