#!/usr/bin/env bash
# Publishes a kernel: packs it, signs it, puts it into an OCI registry or a folder, and updates the catalog there.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: publish-kernel.sh NAME --to DIR|oci://HOST/REPOSITORY --key FILE [--pub FILE] [--from DIR] [--url URL]... [--insecure]

Publishes banger's kernel NAME, so that others get it with `banger kernel pull NAME`. The last line of stdout is the
catalog's URL, for [[kernel_catalogs]] in their config.toml, with the public key beside it.

  --to DIR        a folder that any web server can serve: catalog.json, its signature, and the archives
  --to oci://…    a repository of an OCI registry; the credentials are docker's
  --key FILE      a secret key of minisign (make one: minisign -G -p banger.pub -s banger.key)
  --pub FILE      its public key (default: beside it, with .pub in place of .key)
  --from DIR      publish the kernel in DIR (vmlinux or image, config, initrd, modules/) under this NAME,
                  as make-generic-kernel.sh leaves one in build/manual
  --url URL       another place where the archive will lie, for the catalog; may be repeated
  --insecure      speak to the registry without TLS; on loopback this needs no saying

A catalog that is there already is verified with the public key first, and gets a new edition.
TEXT
}

root=$(dirname -- "$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)")
[[ $# -gt 0 ]] || { usage >&2; exit 2; }
for word in "$@"; do
  case $word in -h | --help) usage; exit 0 ;; esac
done
[[ -x $root/node_modules/.bin/node ]] || { echo "publish-kernel: run make build first" >&2; exit 1; }
exec "$root/node_modules/.bin/node" --disable-warning=ExperimentalWarning "$root/scripts/publish-kernel.ts" "$@"
