#!/usr/bin/env bash
# Runs shellcheck on every shell script of the repository: each file whose first line says that it is one.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts=()
while IFS= read -r -d '' file; do
  [ -f "$file" ] || continue
  IFS= read -r first <"$file" || true
  case ${first//$'\r'/} in
    '#!'*[/\ ]sh | '#!'*[/\ ]sh\ * | '#!'*bash | '#!'*bash\ * | '#!'*dash) scripts+=("$file") ;;
  esac
done < <(git ls-files -z --cached --others --exclude-standard)

echo "shellcheck: ${#scripts[@]} scripts"
[ ${#scripts[@]} -gt 0 ] || { echo "lint-shell: found no scripts, which cannot be right" >&2; exit 1; }
shellcheck --severity=error --external-sources "${scripts[@]}"
