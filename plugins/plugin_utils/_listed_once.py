# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""Saves most of what Ansible spends on reading the variables of a host."""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Iterator

from ansible.plugins.loader import connection_loader


@contextlib.contextmanager
def connection_plugins_listed_once() -> Iterator[None]:
    """Within the block the paths of connection plugins are searched for once, and not for every host.

    ``clean_facts`` of ansible-core lists them, by seven searches of directories, each time that the
    variables of a host are put together: with 10,000 hosts more than half of the time of reading them. Only
    the list of paths is kept, in this process and for as long as the block lasts.
    """
    listed = list(connection_loader.all(path_only=True))
    search = connection_loader.all

    def listed_once(*args: t.Any, **options: t.Any) -> t.Any:
        if not args and options == {"path_only": True}:
            return iter(listed)
        return search(*args, **options)

    vars(connection_loader)["all"] = listed_once
    try:
        yield
    finally:
        del vars(connection_loader)["all"]
