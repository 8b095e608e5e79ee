# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible.plugins.loader import connection_loader
from ansible.vars.clean import clean_facts

from ansible_collections.lightsout.wake.plugins.plugin_utils import _listed_once
from ansible_collections.lightsout.wake.plugins.plugin_utils._listed_once import connection_plugins_listed_once

FACTS = {"ansible_host": "192.0.2.1", "ansible_ssh_host": "x", "ansible_connection": "ssh", "ansible_fqdn": "web1"}


def test_facts_are_cleaned_as_ever() -> None:
    before = clean_facts(FACTS)
    with connection_plugins_listed_once():
        assert clean_facts(FACTS) == before
        assert clean_facts(FACTS) == before
    assert clean_facts(FACTS) == before
    assert "ansible_fqdn" in before
    assert "ansible_connection" not in before


def test_the_directories_are_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    search = type(connection_loader).all

    def counted(loader, *args, **options):
        if loader is connection_loader:
            searched.append(options)
        return search(loader, *args, **options)

    monkeypatch.setattr(type(connection_loader), "all", counted)
    with connection_plugins_listed_once():
        for _host in range(5):
            clean_facts(FACTS)
        assert searched == [{"path_only": True}]
        list(connection_loader.all(class_only=True))
        assert searched[1:] == [{"class_only": True}]
    clean_facts(FACTS)
    assert len(searched) == 3


def test_an_error_in_the_block_leaves_the_loader_as_it_was() -> None:
    with pytest.raises(ValueError, match="x"), connection_plugins_listed_once():
        raise ValueError("x")
    assert "all" not in vars(connection_loader)
    assert _listed_once.connection_loader is connection_loader
