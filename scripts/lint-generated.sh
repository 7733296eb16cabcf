#!/usr/bin/env bash
# Generates the code and the tables that are made from others again, and fails if it was not what is in the tree.
set -euo pipefail
cd "$(dirname "$0")/.."

sums() { git ls-files -z --cached --others --exclude-standard -- '*/gen/*' kernel/catalog.schema.json docs/internals/destructive-paths.md | xargs -0 -r sha256sum; }

before=$(sums)
scripts/generate.sh
if ! difference=$(diff <(echo "$before") <(sums)); then
  printf 'lint-generated: these files were not current; they are now, commit them:\n%s\n' "$difference" >&2
  exit 1
fi
