#!/usr/bin/env bash
# gofmt, go vet and staticcheck on agent/.
set -euo pipefail
cd "$(dirname "$0")/../agent"

unformatted=$(gofmt -l .)
if [ -n "$unformatted" ]; then
  printf 'lint-go: not as gofmt writes it (make format):\n%s\n' "$unformatted" >&2
  exit 1
fi
echo "go vet"
go vet ./...
echo "staticcheck"
go tool staticcheck ./...
