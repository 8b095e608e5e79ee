# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import select
import socket
import threading
import typing as t

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._probes import names
from ansible_collections.lightsout.wake.plugins.module_utils._probes.names import Answer, Resolver

Infos = list[tuple[t.Any, ...]]


def infos(*addresses: str) -> Infos:
    found: Infos = []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        endpoint = (address, 0, 0, 0) if family == socket.AF_INET6 else (address, 0)
        found.append((family, socket.SOCK_STREAM, 6, "", endpoint))
    return found


def wait_for_answers(resolver: Resolver, count: int) -> list[Answer]:
    answers: list[Answer] = []
    while len(answers) < count:
        assert select.select([resolver], [], [], 30)[0], "no answer"
        answers += resolver.answers()
    return answers


def test_addresses_keep_the_order_of_the_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    found = infos("127.0.0.2", "127.0.0.1", "127.0.0.2")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: found)
    answer = names.look_up("db1")
    assert [address.text for address in answer.addresses] == ["127.0.0.2", "127.0.0.1"]
    assert answer.error == ""


def test_no_more_than_four_addresses_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    found = infos(*(f"127.0.0.{number}" for number in range(1, 9)))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: found)
    assert len(names.look_up("db1").addresses) == 4


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "could not be resolved: Name or service"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "could not be resolved for now"),
        (UnicodeError("label too long"), "label too long"),
    ],
)
def test_a_failure_is_a_sentence_with_the_name(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    def fail(*arguments: t.Any, **options: t.Any) -> Infos:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    answer = names.look_up("db1")
    assert answer.addresses == ()
    assert "'db1'" in answer.error
    assert words in answer.error


def test_each_name_is_asked_once_at_a_time_and_anew_later(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    go_on = threading.Event()

    def look_up(name: str) -> Answer:
        asked.append(name)
        go_on.wait(30)
        return Answer(name, (), "none")

    monkeypatch.setattr(names, "look_up", look_up)
    resolver = Resolver()
    for name in ("a", "b", "a"):
        resolver.ask(name)
    go_on.set()
    assert sorted(answer.name for answer in wait_for_answers(resolver, 2)) == ["a", "b"]
    resolver.ask("a")
    assert [answer.name for answer in wait_for_answers(resolver, 1)] == ["a"]
    assert sorted(asked) == ["a", "a", "b"]
    resolver.close()
