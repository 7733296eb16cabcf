#!/usr/bin/env bash
# Leaves a Go that can build agent/ at build/tools/bin/go: the one in PATH, the distribution's,
# or the release that agent/go.mod names, fetched and verified as a Go module by an older Go (Debian 12 has 1.19).
set -euo pipefail
cd "$(dirname "$0")/.."
readonly bin=$PWD/build/tools/bin
needed=$(awk '$1 == "go" { print $2 }' agent/go.mod)

at_least() { # VERSION MINIMUM
  [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

# Go 1.21 and later fetch the release that go.mod names by themselves, unless told to stay local.
can_build() { # GO
  (cd agent && "$1" env GOVERSION) >/dev/null 2>&1 && at_least "$("$1" env GOVERSION | sed 's/^go//')" 1.21
}

use() { # GO
  mkdir -p "$bin"
  ln -sfn "$(readlink -f "$1")" "$bin/go"
  ln -sfn "$(dirname "$(readlink -f "$1")")/gofmt" "$bin/gofmt"
}

# A module's zip carries no file modes, and a Go before 1.21 does not know that this module holds programs.
fetch_toolchain() { # GO
  local arch version dir
  arch=$(dpkg --print-architecture 2>/dev/null || uname -m | sed 's/x86_64/amd64/;s/aarch64/arm64/')
  version=$needed
  case $version in *.*.*) ;; *) version=$version.0 ;; esac
  echo "setup: fetching Go $version through the Go module proxy ($("$1" version | cut -d' ' -f3) is too old)"
  dir=$(cd /tmp && "$1" mod download -json "golang.org/toolchain@v0.0.1-go$version.linux-$arch" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
  find "$dir/bin" "$dir/pkg/tool" -type f -exec chmod +x {} +
  use "$dir/bin/go"
}

if [ -x "$bin/go" ] && can_build "$bin/go"; then exit 0; fi
scripts/setup.sh go
if can_build go; then use "$(command -v go)"; else fetch_toolchain go; fi
can_build "$bin/go" || { echo "setup: $bin/go cannot build agent/, which needs Go $needed; install that one" >&2; exit 1; }
