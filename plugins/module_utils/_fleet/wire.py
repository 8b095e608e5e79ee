# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""Targets and reports as lines of text, for the way to a relay and back. Pure."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict
from ansible_collections.lightsout.wake.plugins.module_utils._wake_probe import Probe
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import Target

_SENT_ALONG = (
    "name", "methods", "subnet", "delivery", "address", "port", "interface", "count", "timeout", "resend_interval",
)  # fmt: skip
_ORDERED_BY_THE_CONTROLLER: dict[str, t.Any] = {
    "relays": ("controller",),
    "order": 100,
    "after": (),
    "power_domain": "all",
    "weight": 1.0,
    "max_weight": 0.0,
    "stagger": 0.0,
}


class Settings(t.NamedTuple):
    """How a run goes: ``packets_per_second`` (0: no limit), ``preflight`` (send nothing), and ``remaining``,
    the seconds until the deadline of the run (-1: none)."""

    packets_per_second: float = 0.0
    preflight: bool = False
    remaining: float = -1.0


class Report(t.NamedTuple):
    """What happened since the last report: keys found asleep that wait for their release, verdicts,
    and why packets that the controller ordered one by one did not leave (key, sentence)."""

    asleep: list[int]
    verdicts: list[tuple[int, Verdict]]
    not_sent: list[tuple[int, str]]


class Journal(t.NamedTuple):
    """What was read from a journal. ``failed``: the sentence with which the relay's side broke down."""

    report: Report
    warnings: list[str]
    complete: bool
    failed: str


class Batch(t.NamedTuple):
    """What a relay is asked to do: targets by key; ``only_send``: keys that are watched from elsewhere."""

    settings: Settings
    targets: dict[int, Target]
    only_send: frozenset[int]


class Orders(t.NamedTuple):
    """One line from the controller to a relay: keys to release, keys to send one packet for, or to end."""

    release: list[int]
    send: list[int]
    give_up: list[int]
    end: bool


def write_batch(batch: Batch) -> str:
    """Return a batch as JSON text. It holds the SecureOn passwords, and must not touch a file or a log."""
    rows = {str(key): _target_row(target) for key, target in batch.targets.items()}
    return json.dumps({"settings": batch.settings, "only_send": sorted(batch.only_send), "targets": rows})


def read_batch(text: str) -> Batch:
    """Read what write_batch wrote. Raises ValueError, without the text in it, when it is something else."""
    try:
        whole = json.loads(text)
        targets = {int(key): _read_target(row) for key, row in whole["targets"].items()}
        return Batch(Settings(*whole["settings"]), targets, frozenset(whole["only_send"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"the batch is not what the wake action writes ({type(error).__name__})") from None


def write_orders(orders: Orders) -> str:
    """Return orders as one line without its line end; an order that says nothing is still a sign of life."""
    return json.dumps({name: value for name, value in orders._asdict().items() if value}, separators=(",", ":"))


def read_orders(line: str) -> Orders:
    """Read one line of orders. Raises ValueError."""
    try:
        given = json.loads(line)
        release, send, give_up = ([int(key) for key in given.get(name, ())] for name in ("release", "send", "give_up"))
        return Orders(release, send, give_up, bool(given.get("end")))
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError("the line holds no orders") from error


def write_report(report: Report, warnings: Iterable[str] = ()) -> list[str]:
    """Return a report as journal lines, one for each verdict."""
    lines = [json.dumps({"warning": warning}) for warning in warnings]
    if report.asleep:
        lines.append(json.dumps({"asleep": report.asleep}))
    if report.not_sent:
        lines.append(json.dumps({"not_sent": report.not_sent}))
    lines += [json.dumps({"key": key, "verdict": verdict._asdict()}) for key, verdict in report.verdicts]
    return lines


def read_journal(lines: Iterable[str]) -> Journal:
    """Read journal lines. Hand in whole lines only. Raises ValueError."""
    report = Report([], [], [])
    warnings: list[str] = []
    complete, failed = False, ""
    for line in lines:
        try:
            row: Mapping[str, t.Any] = json.loads(line)
            _take_row(row, report)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError("the line is none of a journal") from error
        if "warning" in row:
            warnings.append(str(row["warning"]))
        complete = complete or bool(row.get("complete"))
        failed = failed or str(row.get("failed", ""))
    return Journal(report, warnings, complete, failed)


def _take_row(row: Mapping[str, t.Any], report: Report) -> None:
    if "verdict" in row:
        report.verdicts.append((int(row["key"]), Verdict(**row["verdict"])))
    report.asleep.extend(row.get("asleep", ()))
    report.not_sent.extend((key, error) for key, error in row.get("not_sent", ()))


COMPLETE = json.dumps({"complete": True})


def write_failure(sentence: str) -> str:
    """Return the journal line with which the relay's side says that it broke down."""
    return json.dumps({"failed": sentence})


def _target_row(target: Target) -> dict[str, t.Any]:
    row = {name: getattr(target, name) for name in _SENT_ALONG}
    row["macs"] = [mac.hex() for mac in target.macs]
    row["secureon"] = target.secureon.hex()
    row["probe"] = {**target.probe._asdict(), "mac": target.probe.mac.hex()}
    return row


def _read_target(row: Mapping[str, t.Any]) -> Target:
    probe = row["probe"]
    return Target(
        **{name: row[name] for name in _SENT_ALONG if name != "methods"},
        **_ORDERED_BY_THE_CONTROLLER,
        methods=tuple(row["methods"]),
        macs=tuple(bytes.fromhex(mac) for mac in row["macs"]),
        secureon=bytes.fromhex(row["secureon"]),
        probe=Probe(**{**probe, "mac": bytes.fromhex(probe["mac"])}),
    )
