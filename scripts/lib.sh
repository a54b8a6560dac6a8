# Helpers that the scripts share: `source` it, it does nothing by itself.
#
# Sets `root` to the top of the repository. Messages go to stderr, errors are one line and end the script.
# shellcheck shell=bash

# The top of the repository: the sourcing scripts run from any directory.
# shellcheck disable=SC2034
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

note() { printf '%s\n' "$*" >&2; }

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command as root: directly, or through sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo -- "$@"
  fi
}

package_installed() {
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# need_packages NAME...: installs the Debian packages that are missing. Asks the network for nothing if none is.
need_packages() {
  have dpkg-query || die "not a Debian system: install the equivalents of: $*"
  local package missing=()
  for package in "$@"; do
    package_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ "$(id -u)" = 0 ] || have sudo || die "neither root nor sudo: run as root: apt-get install ${missing[*]}"
  note "installing: ${missing[*]}"
  as_root apt-get update -qq >&2 || die "apt-get update failed"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 \
    || die "apt-get could not install: ${missing[*]}"
}

# need_swift MAJOR.MINOR: there is a Swift on PATH, at least that version.
need_swift() {
  local wanted=$1 found
  have swift || die "no swift on PATH: install Swift $wanted or later (https://www.swift.org/install/linux/)"
  found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
  [ -n "$found" ] || die "can't read the version that 'swift --version' prints"
  [ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" = "$wanted" ] \
    || die "Swift $found is too old: install $wanted or later (https://www.swift.org/install/linux/)"
}

# What every build of the package needs: a compiler, C headers, the two C libraries, git for the dependencies.
need_build_tools() {
  need_packages git ca-certificates libstdc++-12-dev liburing-dev libmimalloc-dev
  need_swift 6.3
}
