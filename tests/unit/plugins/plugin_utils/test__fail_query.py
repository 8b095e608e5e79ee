# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import sys
import types
import typing as t

import pytest

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict
from ansible_collections.lightsout.wake.plugins.plugin_utils._fail_query import BadQuery, FailQuery
from ansible_collections.lightsout.wake.plugins.plugin_utils._wake_result import Outcome, build_result


class FakeError(ValueError):
    """What jmespath raises."""


class FakeExpression:
    """An expression in Python's words: its search evaluates the text with the result's keys as names."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: list[dict[str, t.Any]] = []

    def search(self, result: dict[str, t.Any]) -> t.Any:
        self.asked.append(result)
        try:
            return eval(self.text, {"__builtins__": {"len": len, "any": any}}, dict(result))  # a test's own text
        except NameError as error:
            raise FakeError(str(error)) from error


class FakeJmespath(types.ModuleType):
    """Stands in for jmespath, which ansible-test does not install: Python's syntax, jmespath's port."""

    def __init__(self) -> None:
        super().__init__("jmespath")
        self.exceptions = types.ModuleType("jmespath.exceptions")
        vars(self.exceptions)["JMESPathError"] = FakeError
        self.compiled: list[FakeExpression] = []

    def compile(self, text: str) -> FakeExpression:
        if text.endswith("["):
            raise FakeError("unexpected end\n" + text)
        self.compiled.append(FakeExpression(text))
        return self.compiled[-1]


@pytest.fixture
def jmespath(monkeypatch: pytest.MonkeyPatch) -> FakeJmespath:
    fake = FakeJmespath()
    monkeypatch.setitem(sys.modules, "jmespath", fake)
    monkeypatch.setitem(sys.modules, "jmespath.exceptions", fake.exceptions)
    return fake


@pytest.fixture
def no_jmespath(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jmespath", None)


def result(*words: str) -> dict[str, t.Any]:
    outcomes = [Outcome(f"h{key}", ["core"], "controller", 1, Verdict(word)) for key, word in enumerate(words)]
    return build_result(outcomes, started=0.0, finished=1.0, left_out=0, check_mode=False)


FAILED = "[x['host'] for x in targets if x['verdict'] == 'not_woken']"


@pytest.mark.parametrize(
    ("text", "words", "fails"),
    [
        ("len(failed_hosts) > 0", ["woken", "not_woken"], True),
        ("len(failed_hosts) > 0", ["woken"], False),
        (FAILED, ["not_woken"], True),
        (FAILED, ["woken", "blocked"], False),
        ("None", ["not_woken"], False),
        ("True", ["woken"], True),
        ("False", ["not_woken"], False),
        ("[False]", ["woken"], True),
    ],
)
@pytest.mark.usefixtures("jmespath")
def test_true_and_a_list_that_is_not_empty_fail(text: str, words: list[str], fails: bool) -> None:
    assert FailQuery(text).fails(result(*words)) is fails


@pytest.mark.parametrize(
    "answer", ["5", "0", "'yes'", "''", "{}", "{'a': 1}", "1.5", "len(targets)", "targets[0]['host']"]
)
@pytest.mark.usefixtures("jmespath")
def test_any_other_answer_is_an_error_before_there_is_a_result(answer: str) -> None:
    with pytest.raises(BadQuery) as caught:
        FailQuery(answer)
    assert repr(answer) in str(caught.value)
    assert "true or false, null or a list" in str(caught.value)


@pytest.mark.usefixtures("jmespath")
def test_a_bad_expression_is_an_error_that_names_it() -> None:
    with pytest.raises(BadQuery, match=r"fail_query 'targets\[' is not a JMESPath expression: unexpected end$"):
        FailQuery("targets[")


@pytest.mark.usefixtures("jmespath")
def test_an_expression_that_can_not_be_evaluated_is_an_error_before_there_is_a_result() -> None:
    with pytest.raises(BadQuery, match="fail_query 'nonsense\\(targets\\)' can't be evaluated"):
        FailQuery("nonsense(targets)")


@pytest.mark.usefixtures("jmespath")
def test_an_error_of_python_is_an_error_that_names_the_expression() -> None:
    with pytest.raises(BadQuery, match="can't be evaluated: '>' not supported between instances of 'str' and 'int'"):
        FailQuery("[x for x in targets if x['host'] > 5]")


@pytest.mark.usefixtures("jmespath")
def test_an_expression_may_reach_into_the_first_target() -> None:
    assert FailQuery("'core' in targets[0]['groups']").fails(result("woken"))


def test_the_sample_has_a_host_of_each_verdict_and_the_keys_of_a_result(jmespath: FakeJmespath) -> None:
    FailQuery("None")
    ((sample,),) = (expression.asked for expression in jmespath.compiled)
    assert len({row["verdict"] for row in sample["targets"]}) == 10
    assert set(sample) == set(result("woken"))


@pytest.mark.usefixtures("jmespath")
def test_an_answer_that_is_odd_only_for_the_real_result_is_an_error_too() -> None:
    query = FailQuery("None if len(targets) > 5 else 'odd'")
    with pytest.raises(BadQuery, match="gives 'odd'"):
        query.fails(result("woken"))


@pytest.mark.usefixtures("no_jmespath")
def test_without_an_expression_jmespath_is_not_needed_and_nothing_fails() -> None:
    assert not FailQuery("").fails(result("not_woken"))


@pytest.mark.usefixtures("no_jmespath")
def test_an_expression_without_jmespath_is_an_error_that_says_what_to_install() -> None:
    with pytest.raises(BadQuery, match="pip install jmespath"):
        FailQuery("true")
