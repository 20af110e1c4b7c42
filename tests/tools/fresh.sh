#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# fresh.sh [FOLDER]: by hand, as root, with the network: a Debian 12 made by debootstrap with nothing but git and
# ca-certificates, a clone of this repository in it, then ./bootstrap check there.
# MIRROR=URL chooses a mirror (else the one that this machine's apt uses); KEEP=1 keeps the folder; WHAT="demo --no-tmux" runs something else.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
root=${1:-$(mktemp -d /var/tmp/twokey-fresh.XXXXXX)}
mirror=${MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m 1 '/debian$')}
[ "$(id -u)" = 0 ] || { echo "fresh.sh: run as root (debootstrap and chroot)" >&2; exit 2; }

leave() {
	for m in proc sys dev/pts dev/shm dev; do
		mountpoint -q "$root/$m" && umount -l "$root/$m"
	done
	[ "${KEEP:-0}" = 1 ] || rm -rf --one-file-system "$root"
}
trap leave EXIT
if [ ! -e "$root/etc/debian_version" ]; then
	debootstrap --variant=minbase --include=git,ca-certificates bookworm "$root" "$mirror"
fi
mount --rbind /dev "$root/dev" && mount --make-rslave "$root/dev"
mount -t proc proc "$root/proc"
cp /etc/resolv.conf "$root/etc/resolv.conf"
git -c safe.directory='*' clone -q --no-local "$top" "$root/srv/twokey"
# shellcheck disable=SC2086
exec_in() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/srv TERM="${TERM:-dumb}" "$@"; }
exec_in sh -c "cd /srv/twokey && ./bootstrap ${WHAT:-check}"
exec_in sh -c "cd /srv/twokey && git status --short | sed 's/^/not clean: /'"
