# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""The HTML report in a real browser: headless Chromium, driven through chromedriver's W3C protocol."""

from __future__ import annotations

import contextlib
import http.client
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import typing as t

import pytest

from ansible_collections.lightsout.wake.plugins.plugin_utils import _report_html

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1600",
)
START_TIMEOUT = 60.0
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One session of a browser."""

    def __init__(self, port: int, profile: pathlib.Path) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        wanted = {
            "goog:chromeOptions": {"args": [*FLAGS, f"--user-data-dir={profile}"], "binary": shutil.which("chromium")},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._path = f"/session/{answer['sessionId']}"

    def _call(self, method: str, path: str, body: dict[str, t.Any] | None = None) -> t.Any:
        data = None if body is None else json.dumps(body)
        self._connection.request(method, path, data, {"Content-Type": "application/json; charset=utf-8"})
        value = json.loads(self._connection.getresponse().read())["value"]
        assert not (isinstance(value, dict) and "error" in value), value
        return value

    def open(self, page: pathlib.Path) -> None:
        self._call("POST", f"{self._path}/url", {"url": page.as_uri()})

    def run(self, script: str, *arguments: t.Any) -> t.Any:
        """The value a script returns in the page."""
        return self._call("POST", f"{self._path}/execute/sync", {"script": script, "args": arguments})

    def click(self, selector: str) -> None:
        self._call("POST", f"{self._path}/element/{self._find(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        element = self._find(selector)
        self._call("POST", f"{self._path}/element/{element}/clear", {})
        self._call("POST", f"{self._path}/element/{element}/value", {"text": text})

    def _find(self, selector: str) -> str:
        found = self._call("POST", f"{self._path}/element", {"using": "css selector", "value": selector})
        return str(found[ELEMENT])

    def complaints(self) -> list[str]:
        """What the console has logged since the last call: errors, refused scripts, failed requests."""
        return [entry["message"] for entry in self._call("POST", f"{self._path}/se/log", {"type": "browser"})]

    def close(self) -> None:
        self._call("DELETE", self._path)
        self._connection.close()


@contextlib.contextmanager
def chromedriver() -> t.Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        end = time.monotonic() + START_TIMEOUT
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert process.poll() is None, "chromedriver has ended"
            assert time.monotonic() < end, "chromedriver does not listen"
            time.sleep(0.05)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Browser]:
    with chromedriver() as port:
        opened = Browser(port, tmp_path_factory.mktemp("profile"))
        try:
            yield opened
        finally:
            opened.close()


def target(name: str, verdict: str, sent: float | None = None, took: float = 0.0, **more: t.Any) -> dict[str, t.Any]:
    def at(offset: float) -> str:
        return f"2026-11-22T06:00:{offset:09.6f}+00:00"

    awake = verdict == "woken"
    return {
        "host": name,
        "groups": ["plant" if "7" in name else "office"],
        "verdict": verdict,
        "reason": "" if awake or sent is None else "no answer",
        "error_class": "",
        "method": "wol" if sent is not None else "",
        "relay": "gate1" if "7" in name else "controller",
        "wave": 1,
        "proof": "SSH-2.0-OpenSSH_9.2p1" if awake else "",
        "sends": 0 if sent is None else 2,
        "first_sent": "" if sent is None else at(sent),
        "awake_at": at(sent + took) if awake and sent is not None else "",
        "elapsed": took,
        **more,
    }


def result(targets: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    summary: dict[str, int] = {}
    for one in targets:
        summary[one["verdict"]] = summary.get(one["verdict"], 0) + 1
    return {
        "changed": True,
        "summary": summary,
        "woken": [one["host"] for one in targets if one["verdict"] == "woken"],
        "targets": targets,
        "left_out": 2,
        "truncated": False,
        "run_started": "2026-11-22T06:00:00+00:00",
        "run_finished": "2026-11-22T06:00:50+00:00",
    }


FLEET = result(
    [
        *(target(f"web{number}", "woken", number * 0.5, 3.0 + number * 1.5) for number in range(1, 25)),
        *(target(f"nas{number}", "already_awake") for number in range(3)),
        target("late7", "not_woken", 1.0, 45.0),
        target("late17", "not_woken", 2.0, 40.0),
        target("after", "blocked", reason="waits for late7"),
    ]
)


@pytest.fixture
def page(browser: Browser, tmp_path: pathlib.Path) -> Browser:
    path = tmp_path / "report.html"
    path.write_text(_report_html.render(FLEET, "Wake of the office", FLEET["run_started"]), encoding="utf-8")
    browser.open(path)
    return browser


NAMES = "return [...document.querySelectorAll('#hosts tbody tr th')].map((cell) => cell.textContent)"
CELLS = """return [...document.querySelectorAll('#hosts tbody tr')]
    .map((row) => row.cells[arguments[0]].dataset.value ?? row.cells[arguments[0]].textContent)"""


def test_page_loads_without_a_word_on_the_console(page: Browser) -> None:
    assert page.run("return document.title") == "Wake of the office"
    assert page.run("return document.compatMode") == "CSS1Compat"
    assert page.complaints() == []


def test_console_is_really_read(page: Browser) -> None:
    page.run(
        "console.error('seen'); document.body.append(Object.assign(new Image(), {src: 'https://198.51.100.1/x.png'}))"
    )
    page.run("const style = document.createElement('style'); style.textContent = 'p {}'; document.head.append(style)")
    complaints = page.complaints()
    assert any("seen" in line for line in complaints)
    assert any("Content Security Policy" in line for line in complaints)


def test_page_asks_for_nothing_else(page: Browser) -> None:
    loaded = page.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in loaded if not name.startswith("data:")] == []


def test_numbers_are_those_of_the_result(page: Browser) -> None:
    tiles = page.run(
        "return Object.fromEntries([...document.querySelectorAll('.total')]"
        ".map((tile) => [tile.dataset.verdict, Number(tile.querySelector('b').textContent)]))"
    )
    assert tiles == FLEET["summary"]
    rows = page.run("return [...document.querySelectorAll('#hosts tbody tr')].map((row) => row.dataset.verdict)")
    assert {verdict: rows.count(verdict) for verdict in set(rows)} == FLEET["summary"]
    assert page.run("return document.querySelector('.headline').textContent") == "27 of 30 hosts are awake after 50 s."
    assert page.run("return document.getElementById('shown').textContent") == "30 of 30 hosts"
    took = dict(zip(page.run(NAMES), page.run(CELLS, 9), strict=True))
    for one in FLEET["targets"]:
        assert took[one["host"]] == (f"{one['elapsed']:.3f}" if one["sends"] else "")


def test_timeline_has_a_bar_for_each_host_that_was_sent_for(page: Browser) -> None:
    bars = page.run(
        "return Object.fromEntries([...document.querySelectorAll('.bars .host')].map((bar) =>"
        " [bar.querySelector('.label').textContent, [bar.classList.contains('awake'),"
        " bar.querySelector('rect').getBoundingClientRect().width]]))"
    )
    sent = {one["host"]: one for one in FLEET["targets"] if one["sends"]}
    assert bars.keys() == sent.keys()
    scale = bars["late7"][1] / 45.0
    for name, (awake, width) in bars.items():
        assert awake == (sent[name]["verdict"] == "woken")
        assert width == pytest.approx(sent[name]["elapsed"] * scale, rel=0.02)


def test_failures_come_first(page: Browser) -> None:
    assert page.run(NAMES)[:4] == ["late7", "late17", "after", "web1"]
    parts = [".failures", ".curves", "#hosts"]
    top = "return document.querySelector(arguments[0]).getBoundingClientRect().top"
    tops = [page.run(top, part) for part in parts]
    assert tops == sorted(tops)


def test_sorting(page: Browser) -> None:
    page.click("#hosts thead th:nth-child(1) button")
    names = page.run(NAMES)
    assert names[:3] == ["after", "late7", "late17"]
    assert names[-2:] == ["web23", "web24"]
    page.click("#hosts thead th:nth-child(1) button")
    assert page.run(NAMES) == names[::-1]
    assert page.run("return document.querySelector('[aria-sort]').ariaSort") == "descending"


def test_sorting_of_numbers_puts_rows_without_one_last(page: Browser) -> None:
    for reverse in (False, True):
        page.click("#hosts thead th:nth-child(10) button")
        took = page.run(CELLS, 9)
        numbers = [float(value) for value in took if value]
        assert numbers == sorted(numbers, reverse=reverse)
        assert len(numbers) == 26
        assert took[26:] == [""] * 4
    assert page.run("return document.querySelectorAll('[aria-sort]').length") == 1


def test_filter_by_text(page: Browser) -> None:
    page.type("#text", "GATE1 woken")
    assert page.run(NAMES) == ["late7", "late17", "web7", "web17"]
    assert page.run("return document.getElementById('shown').textContent") == "4 of 30 hosts"
    page.type("#text", "no such host")
    assert page.run(NAMES) == []


def test_filter_by_verdict_and_tile(page: Browser) -> None:
    page.click("#verdict option[value='already_awake']")
    assert page.run(NAMES) == ["nas0", "nas1", "nas2"]
    page.click(".total[data-verdict='not_woken']")
    assert page.run(NAMES) == ["late7", "late17"]
    assert page.run("return document.querySelector('#verdict').value") == "not_woken"
    page.click(".total[data-verdict='not_woken']")
    assert len(page.run(NAMES)) == 30
    assert page.complaints() == []


def test_hostile_names_stay_text(browser: Browser, tmp_path: pathlib.Path) -> None:
    hostile = "</script><script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">"
    path = tmp_path / "hostile.html"
    fleet = result(
        [target(hostile, "woken", 1.0, 2.0, proof=hostile), target("b", "not_woken", 1.0, 9.0, reason=hostile)]
    )
    path.write_text(_report_html.render(fleet, hostile), encoding="utf-8")
    browser.open(path)
    assert browser.run("return document.title") == hostile
    assert hostile in browser.run(NAMES)
    assert browser.run("return document.scripts.length + document.images.length") == 1
    assert browser.complaints() == []


def test_five_thousand_hosts_sort_and_filter_quickly(browser: Browser, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "big.html"
    hosts = [target(f"web{number}", "woken", number % 40, 3.0 + number % 11) for number in range(5000)]
    path.write_text(_report_html.render(result(hosts)), encoding="utf-8")
    browser.open(path)
    start = time.monotonic()
    browser.type("#text", "web4711")
    assert browser.run(NAMES) == ["web4711"]
    browser.type("#text", " ")
    browser.click("#hosts thead th:nth-child(1) button")
    browser.click("#hosts thead th:nth-child(1) button")
    names = browser.run(NAMES)
    assert names[:2] == ["web4999", "web4998"]
    assert len(names) == 500
    assert time.monotonic() - start < 90
    assert browser.run("return document.getElementById('shown').textContent") == "5,000 of 5,000 hosts"
    browser.run("document.getElementById('more').click()")
    assert len(browser.run(NAMES)) == 5000
    assert browser.run("return document.getElementById('more').hidden")
    assert browser.run("return document.querySelectorAll('.bars .host').length") == 60
    assert browser.complaints() == []


def test_page_works_without_its_script(browser: Browser, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "plain.html"
    text = _report_html.render(FLEET)
    path.write_text(text.replace('"use strict";', '"use strict"; throw new Error("none");'), encoding="utf-8")
    browser.open(path)
    assert len(browser.run(NAMES)) == 30
    assert not browser.run("return document.querySelector('.controls').checkVisibility()")
    assert any("Content Security Policy" in line for line in browser.complaints())


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page: Browser, scheme: str) -> None:
    """Contrast of at least 4.5 to 1 (WCAG 2.1, 1.4.3) for every colour of text on cards and page."""
    ratios = page.run(
        """
        const dark = [...document.styleSheets[0].cssRules].find((rule) => rule.conditionText?.includes("dark"));
        if (arguments[0] === "dark") {
          for (const name of dark.cssRules[0].style) {
            document.documentElement.style.setProperty(name, dark.cssRules[0].style.getPropertyValue(name));
          }
        }
        const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
        const luminance = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16) / 255)
          .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
          .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
        const ratio = (a, b) => {
          const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
          return (high + 0.05) / (low + 0.05);
        };
        return ["--ink", "--soft", "--good", "--bad", "--half", "--accent"].flatMap((text) =>
          ["--card", "--page"].map((ground) => [text + " on " + ground, ratio(colour(text), colour(ground))]));
        """,
        scheme,
    )
    assert len(ratios) == 12
    assert [pair for pair in ratios if pair[1] < 4.5] == []
