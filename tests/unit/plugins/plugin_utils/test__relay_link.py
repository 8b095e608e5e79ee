# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible.parsing.dataloader import DataLoader
from ansible.plugins import loader as plugin_loaders
from ansible.template import Templar

from ansible_collections.lightsout.wake.plugins.plugin_utils import _relay_link
from ansible_collections.lightsout.wake.plugins.plugin_utils._relay_link import RelayLink, RelayUnusable, Surroundings

LOCAL = {"ansible_connection": "local"}
Link = Callable[..., RelayLink]


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Link]:
    made: list[RelayLink] = []

    def make(passwords: dict[str, t.Any] | None = None, /, **variables: t.Any) -> RelayLink:
        data_loader = DataLoader()
        surroundings = Surroundings(
            data_loader, Templar(loader=data_loader), plugin_loaders, passwords or {}, str(tmp_path)
        )
        made.append(RelayLink("relay1", variables, surroundings))
        return made[-1]

    yield make
    for one in made:
        one.close()


def option(link: RelayLink, name: str) -> t.Any:
    return link._connection.get_option(name)


def test_a_command_runs_and_gives_its_output(link: Link) -> None:
    assert link(**LOCAL).command("echo one; echo two") == "one\ntwo\n"


def test_a_command_that_fails_is_a_sentence(link: Link) -> None:
    with pytest.raises(RelayUnusable, match="a command on it ended with 3: too bad"):
        link(**LOCAL).command("echo too bad >&2; exit 3")


def test_a_connection_that_breaks_is_a_sentence_of_one_line(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    one = link(**LOCAL)

    def broken(*_values: t.Any, **_more: t.Any) -> None:
        raise AnsibleConnectionFailure("no route to host\nand a long story")

    monkeypatch.setattr(one._connection, "exec_command", broken)
    with pytest.raises(RelayUnusable) as caught:
        one.command("true")
    assert str(caught.value).startswith("no route to host")
    assert "\n" not in str(caught.value)


def test_a_connection_plugin_that_does_not_exist_is_a_sentence(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_relay_link.connection_loader, "get", lambda *_values, **_more: None)
    with pytest.raises(RelayUnusable, match="carrier_pigeon"):
        link(ansible_connection="carrier_pigeon")


def test_a_relay_of_windows_is_refused(link: Link) -> None:
    with pytest.raises(RelayUnusable, match="needs Linux and Python"):
        link(ansible_connection="winrm", ansible_host="192.0.2.1")


def test_a_become_plugin_that_does_not_exist_is_a_sentence(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_relay_link.become_loader, "get", lambda *_values, **_more: None)
    with pytest.raises(RelayUnusable, match="there is no become plugin wizardry"):
        link(**LOCAL, ansible_become=True, ansible_become_method="wizardry")


def test_options_come_from_the_relay_s_own_variables(link: Link) -> None:
    one = link(ansible_connection="ssh", ansible_host="192.0.2.7", ansible_user="ops", ansible_port=2222)
    assert option(one, "host") == "192.0.2.7"
    assert option(one, "remote_user") == "ops"
    assert int(option(one, "port")) == 2222


def test_without_an_address_the_name_is_the_address(link: Link) -> None:
    assert link(ansible_connection="ssh")._context.remote_addr == "relay1"


@pytest.mark.parametrize("kind", ["ssh", "local"])
def test_pipelining_is_always_on_so_that_no_batch_lies_in_a_file(link: Link, kind: str) -> None:
    one = link(ansible_connection=kind, ansible_pipelining=False, ansible_ssh_pipelining=False)
    assert option(one, "pipelining") is True


def test_the_control_socket_is_our_own_and_silence_is_noticed(link: Link, tmp_path: Path) -> None:
    one = link(ansible_connection="ssh", ansible_ssh_extra_args="-o Foo=bar")
    assert str(option(one, "control_path")).startswith(str(tmp_path))
    assert str(option(one, "ssh_extra_args")).startswith("-o Foo=bar -o ServerAliveInterval=")


def test_privileges_are_escalated_only_where_the_relay_says_so(link: Link) -> None:
    assert link(ansible_connection="ssh")._connection.become is None
    one = link(ansible_connection="ssh", ansible_become="yes", ansible_become_user="admin", ansible_become_pass="pw")
    become = one._connection.become
    assert become.name.endswith("sudo")
    assert become.get_option("become_user") == "admin"
    assert become.get_option("become_pass") == "pw"


def test_passwords_of_the_command_line_are_used_where_the_relay_has_none(link: Link) -> None:
    passwords = {"conn_pass": "of-ssh", "become_pass": "of-sudo"}
    one = link(passwords, ansible_connection="ssh", ansible_become=True)
    assert option(one, "password") == "of-ssh"
    assert one._connection.become.get_option("become_pass") == "of-sudo"


def test_two_relays_share_nothing(link: Link) -> None:
    first = link(ansible_connection="ssh", ansible_host="192.0.2.1", ansible_user="one", ansible_become=True)
    second = link(ansible_connection="ssh", ansible_host="192.0.2.2")
    assert option(second, "remote_user") != "one"
    assert second._connection.become is None
    assert option(first, "host") == "192.0.2.1"
    assert option(second, "host") == "192.0.2.2"


def answers(one: RelayLink, monkeypatch: pytest.MonkeyPatch, result: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    calls: list[dict[str, t.Any]] = []

    def execute(**values: t.Any) -> dict[str, t.Any]:
        calls.append(values)
        return result

    monkeypatch.setattr(one._action, "_execute_module", execute)
    return calls


def test_the_module_gets_the_batch_and_its_answer_comes_back(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    one = link(**LOCAL)
    calls = answers(one, monkeypatch, {"directory": "/tmp/lightsout-wake-x", "pid": 7})
    assert one.run_module("the batch")["pid"] == 7
    assert calls[0]["module_name"] == "lightsout.wake.wake"
    assert calls[0]["module_args"] == {"batch": "the batch"}


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        ({"failed": True, "rc": 127, "module_stderr": "/usr/bin/python3: not found"}, "it has no usable Python"),
        ({"failed": True, "msg": "The module interpreter '/x' was not found."}, "it has no usable Python"),
        ({"failed": True, "module_stderr": "sh: /x/python: No such file or directory"}, "it has no usable Python"),
        ({"failed": True, "module_stderr": "", "msg": "a crash\nat length"}, "the wake module did not start there"),
        ({"changed": False}, "the wake module did not start there"),
        (
            {
                "rc": 1,
                "module_stderr": 'Traceback (most recent call last):\n  File "x"\nFileNotFoundError: No usable temp',
            },
            r"the wake module did not start there \(FileNotFoundError: No usable temp\)",
        ),
    ],
)
def test_a_module_that_did_not_run_is_a_sentence(
    link: Link, monkeypatch: pytest.MonkeyPatch, result: dict[str, t.Any], sentence: str
) -> None:
    one = link(**LOCAL)
    answers(one, monkeypatch, result)
    with pytest.raises(RelayUnusable, match=sentence) as caught:
        one.run_module("the batch")
    assert "the batch" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_login_that_fails_says_so_before_the_module_is_tried(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    one = link(**LOCAL)
    calls = answers(one, monkeypatch, {})

    def refused(*_values: t.Any, **_more: t.Any) -> None:
        raise AnsibleConnectionFailure("Permission denied (publickey).")

    monkeypatch.setattr(one._connection, "exec_command", refused)
    with pytest.raises(RelayUnusable, match="Permission denied"):
        one.run_module("the batch")
    assert calls == []


def test_closing_twice_and_after_a_failure_does_no_harm(link: Link) -> None:
    one = link(**LOCAL)
    one.close()
    one.close()
