#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
#
# Installs what a make target needs, and is quick where nothing is to do: setup.sh run|lint|test|bench
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

requirements=tests/gates/requirements
packages_run=(iproute2 iputils-ping mount nftables openssh-client openssh-server python3-venv)
packages_test=("${packages_run[@]}" etherwake ethtool gcc git libc6-dev shellcheck tshark wakeonlan)
packages_bench=("${packages_run[@]}" gcc libc6-dev)

say() { printf 'setup: %s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# Ubuntu has Chromium under other package names.
browser_packages() {
    if grep -qs '^ID=ubuntu' /etc/os-release; then
        echo chromium-browser chromium-chromedriver
    else
        echo chromium chromium-driver
    fi
}

missing_packages() {
    local package
    for package in "$@"; do
        case "$installed" in
            *" $package "*) ;;
            *) echo "$package" ;;
        esac
    done
}

# Packages are installed without starting their services: a newcomer's machine gets no SSH server by running a demo.
install_packages() {
    local installed missing policy=/usr/sbin/policy-rc.d
    # dpkg-query fails where it doesn't know one of the packages.
    installed=$(dpkg-query --show --showformat "\${db:Status-Abbrev}\${Package}\n" "$@" 2>/dev/null || true)
    installed=" $(sed -n 's/^ii //p' <<< "$installed" | tr '\n' ' ') "
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    say "apt packages: ${missing[*]}"
    as_root apt-get -o DPkg::Lock::Timeout=300 update -qq
    if [ ! -e "$policy" ]; then
        as_root install -m 755 /dev/stdin "$policy" <<< $'#!/bin/sh\nexit 101'
        trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
        install -qq -y --no-install-recommends "${missing[@]}" > .gates/apt.log 2>&1 || { tail -30 .gates/apt.log >&2; exit 1; }
    if [ -d /run/systemd/system ] && [[ " ${missing[*]} " == *" openssh-server "* ]]; then
        as_root systemctl disable --quiet ssh.service ssh.socket || true
    fi
}

# The newest Python that every tool here runs on; python3 itself first, since it is what the machine's owner chose.
find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$candidate" -c 'import os, sys; print(os.path.realpath(sys.executable))'
            return
        fi
    done
}

require_python() {
    local python
    python=$(find_python)
    if [ -z "$python" ]; then
        install_packages python3-venv
        python=$(find_python)
    fi
    [ -n "$python" ] || { say "no Python 3.11 or newer with venv was found"; exit 1; }
    echo "$python"
}

# A virtual environment is current while its copy of the requirement file equals the one in the repository.
virtual_environment() {
    local path=$1 wanted=$requirements/$2 python
    if cmp -s "$wanted" "$path/requirements.txt" && [ -x "$path/bin/python" ]; then return; fi
    python=$(require_python)
    say "virtual environment $path ($python)"
    rm -rf "$path"
    "$python" -m venv "$path"
    "$path/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted" 2> "$path/pip.log" \
        || { cat "$path/pip.log" >&2; exit 1; }
    cp "$wanted" "$path/requirements.txt"
}

lint_environments() {
    virtual_environment .gates/importer importer.txt &
    virtual_environment .gates/lint lint.txt
    wait $!
}

# Ansible finds the collection by this tree, outside of the paths that any tool walks.
link_tree() {
    mkdir -p .gates/links/ansible_collections/lightsout
    ln -sfn "$PWD" .gates/links/ansible_collections/lightsout/wake
}

mkdir -p .gates
exec 9> .gates/setup.lock
flock 9

for section in "$@"; do
    case "$section" in
        run)
            install_packages "${packages_run[@]}"
            virtual_environment .venv run.txt
            ;;
        bench)
            install_packages "${packages_bench[@]}"
            virtual_environment .venv run.txt
            .venv/bin/python bench/community.py
            ;;
        lint)
            lint_environments
            ;;
        test)
            read -ra browser < <(browser_packages)
            install_packages "${packages_test[@]}" "${browser[@]}"
            virtual_environment .venv run.txt
            lint_environments
            ;;
        *)
            say "unknown section $section"
            exit 2
            ;;
    esac
done
link_tree
