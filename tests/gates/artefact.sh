#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
#
# Builds the collection, has galaxy-importer judge it, installs it elsewhere and runs it from there.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
place=$root/.gates/artefact
rm -rf "$place"
mkdir -p "$place/installed" "$place/home"
export ANSIBLE_HOME=$place/home ANSIBLE_COLLECTIONS_PATH=$place/installed

ansible-galaxy collection build "$root" --output-path "$place"
archive=$(echo "$place"/lightsout-wake-*.tar.gz)

echo "Files in the archive that git doesn't know:"
# build_ignore must leave out whatever .gitignore leaves out.
if tar -tzf "$archive" | grep -v '/$' | grep -vxE 'MANIFEST.json|FILES.json' |
    grep -vxFf <(git -C "$root" ls-files --cached --others --exclude-standard); then
    exit 1
fi

printf '[galaxy-importer]\nCHECK_REQUIRED_TAGS = True\n' > "$place/importer.cfg"
(cd "$place" && GALAXY_IMPORTER_CONFIG=$place/importer.cfg python -m galaxy_importer.main "$archive") 2>&1 | tee "$place/importer.log"
# The importer only logs what it finds; `importing` goes on.
if grep -E '(ERROR|WARNING)' "$place/importer.log"; then
    echo "galaxy-importer has complaints"
    exit 1
fi

ansible-galaxy collection install "$archive" --offline --collections-path "$place/installed"
ansible-galaxy collection verify --offline lightsout.wake
cp "$root/tests/gates/installed.yml" "$root/tests/gates/installed_inventory.yml" "$place"
cd "$place"
export PATH=$root/.venv/bin:$PATH
ansible-doc --list lightsout.wake
ansible-playbook -i installed_inventory.yml installed.yml
ansible-playbook -i installed_inventory.yml --check -e wake_hosts=sleeper lightsout.wake.wake
