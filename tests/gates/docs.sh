#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
#
# Renders the collection's documentation as HTML.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
site=$root/.gates/docs
export PATH=$root/.gates/lint/bin:$PATH ANSIBLE_COLLECTIONS_PATH=$root/.gates/links

rm -rf "$site"
mkdir -p "$site"
antsibull-docs sphinx-init --use-current --squash-hierarchy --dest-dir "$site" lightsout.wake
# Other projects' inventories would be fetched from the network.
printf '\nintersphinx_mapping = {}\n' >> "$site/conf.py"
# ... and references to them are warnings, which must not end the build.
sed -i "s/ -W --keep-going//" "$site/build.sh"
(cd "$site" && bash build.sh)
echo "$site/build/html/index.html"
