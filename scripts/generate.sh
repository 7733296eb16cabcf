#!/usr/bin/env bash
# Generates the code of both sides from agent/proto: agent/gen (Go) and src/guest/gen (TypeScript).
# And src/api/endpoints.ts from the contract, kernel/catalog.schema.json from src/model/kernel-catalog.ts, and the tables of docs/internals/destructive-paths.md.
# With --check it changes nothing, and fails if what is committed is not what would be generated.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
export PATH="$root/node_modules/.bin:$PATH"
cd "$root/agent"

buf lint

if [ "${1:-}" = --check ]; then
  fresh=$(mktemp -d)
  trap 'rm -rf "$fresh"' EXIT
  buf generate -o "$fresh"
  diff -r "$fresh/agent/gen" gen && diff -r "$fresh/src/guest/gen" "$root/src/guest/gen" && exit 0
  echo "generated code is not current: run scripts/generate.sh" >&2
  exit 1
fi

buf generate --clean -o "$root"
node "$root/scripts/write-endpoints.ts"
node "$root/scripts/write-catalog-schema.ts"
node "$root/scripts/write-destructive-paths.ts"
cd "$root" && oxfmt kernel/catalog.schema.json docs/internals/destructive-paths.md >&2
