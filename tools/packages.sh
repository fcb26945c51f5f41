#!/usr/bin/env bash
# The one list of Debian 12 packages, and how they get installed.
#
#   tools/packages.sh list GROUP...       their names, one a line (for a Dockerfile)
#   tools/packages.sh missing GROUP...    those that are not installed
#   tools/packages.sh install GROUP...    installs these with apt; says which, is silent where none is missing
#
# Groups: build (compile it), run (what the program needs beside it), image (what
# it is linked to and its container image needs), test (./test/run), ci (.ci/run), coverage, long.
#
# Happy way: nothing is missing, and nothing is asked of apt. Otherwise apt-get runs as root or through sudo; what it
# prints goes to var/log/apt.log. Debian's packages of Redis and Postgres would start servers of their own, now and at
# each boot, and make a Postgres cluster: we start ours ourselves, so all three are held back for this one installation.
# A server that was installed before stays as it is.
#
# How it fails: no right to install is told with the line that somebody else may run; a failed apt-get shows the end of
# its log. Both exit 1.
set -eu

packages_of() {
    case $1 in
    build) echo build-essential cmake ninja-build pkg-config libuv1-dev libcurl4-openssl-dev libhiredis-dev libpq-dev \
        libjson-c-dev libmicrohttpd-dev libinih-dev libssl-dev libcsv-dev zlib1g-dev \
        libsystemd-dev libjemalloc-dev ;;
    run) echo redis-server redis-tools postgresql-15 postgresql-client-15 ca-certificates curl ;;
    image) echo libuv1 libcurl4 libhiredis0.14 libpq5 libjson-c5 libmicrohttpd12 libinih1 libssl3 libcsv3 zlib1g \
        libsystemd0 libjemalloc2 ca-certificates curl socat libreadline8 ;;
    test) echo libcmocka-dev python3 openssl git mandoc systemd procps prometheus ;;
    ci) echo clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev ;;
    coverage) echo gcovr ;;
    long) echo clang-14 libclang-rt-14-dev valgrind ;;
    *)
        echo "packages.sh: '$1' is no group" >&2
        exit 2
        ;;
    esac
}

list() {
    local group
    for group in "$@"; do
        packages_of "$group" | tr ' ' '\n'
    done | sort -u
}

missing() {
    local package
    for package in $(list "$@"); do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done
}

# ---- as root from here ----

# No service is started by the installation, no cluster is made. Both files are ours only while apt-get runs, and only
# where nobody else has put one.
hold_services() {
    held=()
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod 755 /usr/sbin/policy-rc.d
        held+=(/usr/sbin/policy-rc.d)
    fi
    local cluster=/etc/postgresql-common/createcluster.d/badgewatch.conf
    if [ ! -e "$cluster" ]; then
        mkdir -p "${cluster%/*}"
        echo 'create_main_cluster = false' >"$cluster"
        held+=("$cluster")
    fi
}

release_services() {
    rm -f "${held[@]}"
}

apt_quietly() {
    DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -y -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@"
}

install_as_root() {
    trap release_services EXIT
    trap 'exit 130' INT TERM HUP
    hold_services
    apt_quietly update
    apt_quietly install --no-install-recommends "$@"
    # Our servers are started by us; those that came along must not come up with the machine.
    local service
    for service in redis-server prometheus; do
        case " $* " in
        *" $service "*)
            if command -v systemctl >/dev/null; then
                systemctl disable "$service.service"
            else
                update-rc.d "$service" disable
            fi
            ;;
        esac
    done
}

# ---- as whoever calls ----

refuse() {
    echo "$1 Please have this run:" >&2
    printf '    %s\n' "apt-get install --no-install-recommends \\" >&2
    printf '%s\n' "$names" | fold -s -w 70 | sed 's/ *$/ \\/; $s/ \\$//; s/^/        /' >&2
    exit 1
}

install() {
    local names log as_root=()
    names=$(missing "$@" | tr '\n' ' ')
    names=${names% }
    [ -n "$names" ] || return 0
    echo "Missing Debian packages:"
    printf '%s\n' "$names" | fold -s -w 74 | sed 's/^/  /'
    command -v apt-get >/dev/null || refuse "There is no apt-get here."
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || refuse "Installing needs root, and there is no sudo."
        sudo -n true 2>/dev/null || [ -t 0 ] || refuse "Installing needs root; sudo asks for a password."
        as_root=(sudo)
    fi
    log=$root/var/log/apt.log
    mkdir -p "$root/var/log"
    echo "Installing them with ${as_root[*]:+sudo }apt-get; its words go to var/log/apt.log"
    # shellcheck disable=SC2086 # the names are words
    "${as_root[@]}" bash "$root/tools/packages.sh" as-root $names >>"$log" 2>&1 </dev/null || {
        echo "apt-get failed; the end of var/log/apt.log:" >&2
        tail -n 15 "$log" >&2
        exit 1
    }
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
command=${1:-}
shift || true
case $command in
list | missing | install) "$command" "$@" ;;
as-root) install_as_root "$@" ;;
*)
    sed -n '2,/^set -eu/p' "$0" | grep '^#' | sed 's/^# \{0,1\}//' >&2
    exit 2
    ;;
esac
