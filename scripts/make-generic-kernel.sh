#!/usr/bin/env bash
# Builds the generic guest kernel from upstream source: allnoconfig and kernel/generic.config, one vmlinux, no modules.
# The same source, configuration and compiler give the same bytes, whoever builds it and wherever.
set -euo pipefail

# Part of the cache key; raise it when a change here changes the bytes of the result.
readonly RECIPE=1
# About what the configuration compiles to; only for saying how far a build is.
readonly EXPECTED_STEPS=3290
readonly PROGRESS_SECONDS=10

root=$(dirname -- "$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)")
readonly root

usage() {
  cat <<'TEXT'
usage: make-generic-kernel.sh [--out DIR] [--name NAME] [--jobs N] [--config FILE] [--from WHERE | --source FILE]

Builds vmlinux for Firecracker, QEMU microvm and QEMU q35 (x86_64). The last line of stdout is its path; progress goes to
stderr. About 25 minutes of one CPU; a second run finds the first one's result in the cache and is done at once.

  --out DIR      where NAME/{vmlinux,config,build.json} are put (default: build/manual beside this script's folder)
  --name NAME    folder made in DIR (default: generic-6.12)
  --jobs N       compile N files at a time (default: the number of CPUs)
  --config FILE  fragment on top of allnoconfig (default: kernel/generic.config)
  --from WHERE   auto (default), kernel.org or debian; see kernel/fetch-source.sh --help
  --source FILE  a .tar.xz of kernel source that you trust, instead of --from

Builds and sources are kept in ${XDG_CACHE_HOME:-~/.cache}/banger/kernels, which may be deleted at any time.
TEXT
}

say() { printf '%s\n' "$*" >&2; }
die() { say "make-generic-kernel: $*"; exit 1; }

out=$root/build/manual name=generic-6.12 jobs=$(nproc) config=$root/kernel/generic.config from=auto source=""
while [[ $# -gt 0 ]]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --out | --name | --jobs | --config | --from | --source)
      [[ $# -ge 2 ]] || die "$1 needs a value"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    *) usage >&2; exit 2 ;;
  esac
done
[[ $jobs =~ ^[1-9][0-9]*$ ]] || die "--jobs takes a number, not $jobs"
[[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || die "--name takes letters, digits, dots and dashes, not $name"
[[ -r $config ]] || die "no such configuration: $config"
[[ $(uname -m) == x86_64 ]] || die "builds x86_64 kernels on x86_64 only"

# What the build runs, and the Debian package each comes in. A header stands for its library's development package.
check_tools() {
  local tool missing=()
  for tool in make:make gcc:gcc ld:binutils flex:flex bison:bison bc:bc perl:perl tar:tar xz:xz-utils flock:util-linux; do
    command -v "${tool%%:*}" >/dev/null || missing+=("${tool#*:}")
  done
  if command -v gcc >/dev/null; then
    for tool in gelf.h:libelf-dev openssl/opensslv.h:libssl-dev; do
      gcc -E -include "${tool%%:*}" -x c /dev/null >/dev/null 2>&1 || missing+=("${tool#*:}")
    done
  fi
  [[ ${#missing[@]} -eq 0 ]] || die "missing: ${missing[*]}; on Debian: apt-get install ${missing[*]}"
}
check_tools

if [[ -z $source ]]; then source=$("$root/kernel/fetch-source.sh" --from "$from" | tail -n 1); fi
[[ -r $source ]] || die "no such source: $source"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/banger/kernels
mkdir -p -- "$cache"
# What a build left that was killed outright; no build takes a day.
find "$cache" -maxdepth 1 -name '.build-*' -mmin +1440 -exec rm -rf -- {} +

work=$(mktemp -d -- "$cache/.build-XXXXXX")
compiling=""
clean_up() {
  # make runs in a process group of its own, so that its compilers end with it.
  if [[ -n $compiling ]]; then kill -- "-$compiling" 2>/dev/null || true; wait "$compiling" 2>/dev/null || true; fi
  rm -rf -- "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The key describes these very bytes, whatever an editor does to the file meanwhile.
cp -- "$config" "$work/fragment"
compiler=$(gcc --version | head -n 1)
linker=$(ld --version | head -n 1)
source_sha256=$(sha256sum <"$source" | cut -d ' ' -f 1)
key=$(printf '%s\n' "$RECIPE" "$source_sha256" "$(sha256sum <"$work/fragment")" "$compiler" "$linker" | sha256sum | cut -c 1-32)

# Puts the result where it was asked for. Renamed into place, so that a VM that runs the old file keeps it.
deliver() {
  local target=$out/$name file
  mkdir -p -- "$target"
  for file in vmlinux config build.json; do
    cp --reflink=auto -- "$cache/$key/$file" "$target/.$file.new"
    mv -- "$target/.$file.new" "$target/$file"
  done
  printf '%s\n' "$target/vmlinux"
}

deliver_if_built() {
  if [[ -f $cache/$key/vmlinux ]]; then
    say "already built: $cache/$key"
    deliver
    exit
  fi
}
deliver_if_built

# One build at a time: a second one of the same kernel waits, and then finds it done.
exec 9>"$cache/.lock"
flock --nonblock 9 || { say "another build is running; waiting for it"; flock 9; }
deliver_if_built

started=$SECONDS
say "unpacking $source"
tree=$work/tree
mkdir -- "$tree"
tar -xJf "$source" -C "$tree" --strip-components 1

# Nothing of this machine, user, folder or hour may reach the bytes: a fixed date and name, paths relative to the tree,
# no version control looked at, no variable of the caller's that kbuild would heed.
kbuild() {
  env -i PATH="$PATH" HOME="$work" LC_ALL=C TZ=UTC LOCALVERSION="" \
    KBUILD_BUILD_TIMESTAMP="2024-11-17T00:00:00Z" KBUILD_BUILD_VERSION=1 \
    KBUILD_BUILD_USER=banger KBUILD_BUILD_HOST=banger \
    KCONFIG_ALLCONFIG="$work/fragment" GIT_DIR="$work/no-git" \
    make -C "$tree" ARCH=x86 \
    KCFLAGS="-ffile-prefix-map=$tree/=" KAFLAGS="-ffile-prefix-map=$tree/=" "$@"
}

kbuild --silent allnoconfig >&2
"$root/kernel/check-config.sh" "$work/fragment" "$tree/.config" >&2 ||
  die "the options above did not survive Kconfig; nothing was built"
version=$(kbuild --silent kernelrelease)
say "building $version with $jobs jobs"

# Keeps make's lines for the case that it fails, and says every few seconds how many there were.
log_and_count() {
  local line steps=0 next=$SECONDS
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$work/log"
    steps=$((steps + 1))
    if ((SECONDS >= next)); then
      say "  $steps of about $EXPECTED_STEPS steps, $((SECONDS - started)) s"
      next=$((SECONDS + PROGRESS_SECONDS))
    fi
  done
}

# Job control puts the two into one process group, whose number is that of the subshell.
set -m
(kbuild --jobs="$jobs" vmlinux 2>&1 9>&- | log_and_count) &
compiling=$!
set +m
built=0
wait "$compiling" || built=$?
compiling=""
if [[ $built -ne 0 ]]; then
  tail -n 40 -- "$work/log" >&2
  die "the build failed; above are its last lines"
fi

result=$work/result
mkdir -- "$result"
# Symbols for a debugger are loaded into no guest, and an oops names functions by kallsyms.
strip --strip-all --remove-section=.comment -o "$result/vmlinux" "$tree/vmlinux"
cp -- "$tree/.config" "$result/config"
cat >"$result/build.json" <<JSON
{
  "version": "$version",
  "arch": "x86_64",
  "sha256": "$(sha256sum <"$result/vmlinux" | cut -d ' ' -f 1)",
  "sizeBytes": $(stat --format %s "$result/vmlinux"),
  "source": "$(basename -- "$source")",
  "sourceSha256": "$source_sha256",
  "compiler": "$compiler",
  "linker": "$linker"
}
JSON
rm -rf -- "${cache:?}/$key"
mv -- "$result" "$cache/$key"
say "built $version in $((SECONDS - started)) s ($(wc -l <"$work/log") steps)"
deliver
