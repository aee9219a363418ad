# Sourced: Debian's arm64 packages by an apt of our own under build/apt. Wants: apt_dir (a full path), say, die.

codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")

# apt with a state folder of our own: an empty dpkg status, arm64 as the only architecture, the host's mirrors and proxies.
apt_arm64() {
  local tool=$1; shift
  "$tool" -q -o Dir::State="$apt_dir/state" -o Dir::State::status="$apt_dir/status" -o Dir::Cache="$apt_dir/cache" \
    -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$apt_dir/sources.d" \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User="$(id -un)" \
    -o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Get::List-Cleanup=0 "$@"
}

apt_ready=
prepare_apt() {
  [ -z "$apt_ready" ] || return 0
  mkdir -p "$apt_dir"/{state/lists/partial,cache/archives/partial,sources.d,debs}
  : > "$apt_dir/status"
  guests/apt_sources.py "$codename" > "$apt_dir/sources.d/debian.sources"
  say "reading Debian's arm64 package lists ($(grep -c '^URIs' "$apt_dir/sources.d/debian.sources") sources of this host)"
  apt_arm64 apt-get update > "$apt_dir/update.log" 2>&1 || { tail -5 "$apt_dir/update.log" >&2; die "apt-get update failed: see $apt_dir/update.log"; }
  apt_ready=1
}
