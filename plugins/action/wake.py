# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wakes the hosts of the play in one task; see the documentation of the module of the same name."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import typing as t
from collections.abc import Sequence

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.lightsout.wake.plugins.module_utils._ansible.wake_options import (
    OVERRIDES,
    wake_argument_spec,
)
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.conductor import Progress
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.verdicts import Verdict
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.waves import DependencyCycle
from ansible_collections.lightsout.wake.plugins.module_utils._fleet.wire import Batch, Settings
from ansible_collections.lightsout.wake.plugins.module_utils._wake_target import duplicate_macs
from ansible_collections.lightsout.wake.plugins.plugin_utils import _report_html, _report_table
from ansible_collections.lightsout.wake.plugins.plugin_utils._fail_query import BadQuery, FailQuery
from ansible_collections.lightsout.wake.plugins.plugin_utils._fleet_inventory import FleetInventory, Host, PlayVariable
from ansible_collections.lightsout.wake.plugins.plugin_utils._fleet_run import FleetRun, Hooks
from ansible_collections.lightsout.wake.plugins.plugin_utils._interruption import Interrupted, interruptions_raised
from ansible_collections.lightsout.wake.plugins.plugin_utils._places import CONTROLLER
from ansible_collections.lightsout.wake.plugins.plugin_utils._relay_link import RelayLink, Surroundings
from ansible_collections.lightsout.wake.plugins.plugin_utils._relay_session import OwnSession, RelaySession, Session
from ansible_collections.lightsout.wake.plugins.plugin_utils._run_journal import RunJournal
from ansible_collections.lightsout.wake.plugins.plugin_utils._wake_result import Outcome, build_result, shortened

display = Display()


class ActionModule(ActionBase):
    """The action: options and variables in, a result out; the run itself is FleetRun."""

    BYPASS_HOST_LOOP = True
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """See ActionBase. Every host of the play sees the result."""
        result = super().run(tmp, task_vars)
        self._task.run_once = True
        _validated, options = self.validate_argument_spec(wake_argument_spec())
        _check_ranges(options)
        try:
            query = FailQuery(options["fail_query"] or "")
            with interruptions_raised():
                result.update(self._wake(options, dict(task_vars or {}), query))
        except (BadQuery, PlayVariable, DependencyCycle) as error:
            raise AnsibleActionFail(str(error)) from error
        except OSError as error:
            raise AnsibleActionFail(f"{error.filename or 'this machine'}: {error.strerror or error}") from error
        return result

    def _wake(self, options: dict[str, t.Any], task_vars: dict[str, t.Any], query: FailQuery) -> dict[str, t.Any]:
        inventory = self._read_inventory(options, task_vars)
        hosts = inventory.hosts
        for warning in inventory.warnings + duplicate_macs(host.target for host in hosts if host.target):
            display.warning(warning)
        self._try_reports(options)
        started = time.time()
        journal = RunJournal(options["journal"] or "", [host.name for host in hosts if not host.outside])
        control_directory = tempfile.mkdtemp(prefix="lw-")
        began = told = False
        try:
            fleet = self._fleet_run(options, inventory, journal, control_directory)
            began = True
            fleet.run()
            whole = build_result(
                _outcomes(fleet),
                started=started,
                finished=time.time(),
                left_out=inventory.left_out,
                check_mode=self._task.check_mode,
            )
            result = self._told(whole, options, query)
            told = True
            return result
        finally:
            shutil.rmtree(control_directory, ignore_errors=True)
            journal.close(remove=told or not began)
            if began and not told:
                display.display(f"wake: the run was cut short; what is known of each host lies in {journal.path}")

    def _read_inventory(self, options: dict[str, t.Any], task_vars: dict[str, t.Any]) -> FleetInventory:
        overrides = {variable: options[option] for option, variable in OVERRIDES.items() if options[option] is not None}
        inventory = FleetInventory(task_vars, self._templar, overrides)
        names: Sequence[str] = task_vars.get("ansible_play_batch", ())
        if options["targets"] is not None:
            names, unknown = inventory.expand(options["targets"])
            if unknown:
                raise AnsibleActionFail(f"targets has {unknown[0]!r}, but no host or group has that name")
        inventory.read(names)
        if not any(not host.outside for host in inventory.hosts):
            raise AnsibleActionFail(
                f"nobody to wake: of {len(names)} hosts none has a method (wake_mac or amt_host in the inventory, "
                f"and no wake_methods: [])"
            )
        return inventory

    def _fleet_run(
        self, options: dict[str, t.Any], inventory: FleetInventory, journal: RunJournal, control_directory: str
    ) -> FleetRun:
        surroundings = Surroundings(
            self._loader,
            self._templar,
            self._shared_loader_obj,
            {"conn_pass": self._play_context.password, "become_pass": self._play_context.become_pass},
            control_directory,
        )

        def start(relay: str, batch: Batch) -> Session:
            if relay == CONTROLLER:
                return OwnSession(batch)
            link = RelayLink(relay, inventory.relay_variables(relay), surroundings)
            try:
                return RelaySession(link, batch)
            except BaseException:
                link.close()
                raise

        def note(host: Host, verdict: Verdict) -> None:
            if not host.outside:
                journal.write(host.name, verdict)

        parent = os.getppid()
        told = [f"wake: what is known of each host is in {journal.path} until the run ends"]

        def progress(state: Progress) -> None:
            journal.flush()
            if os.getppid() != parent:
                raise Interrupted("ansible-playbook is gone")
            while told:
                display.display(told.pop())
            display.display(_progress_line(state))

        remaining = options["deadline"] if options["deadline"] is not None else -1.0
        settings = Settings(options["packets_per_second"], self._task.check_mode, remaining)
        return FleetRun(inventory.hosts, settings, start, Hooks(display.warning, progress, note))

    def _told(self, whole: dict[str, t.Any], options: dict[str, t.Any], query: FailQuery) -> dict[str, t.Any]:
        """Write the reports and return what the task returns."""
        result = shortened(whole, options["detail"])
        if options["table"]:
            for line in _report_table.render(whole):
                display.display(line)
        written = [self._write_report(options[option], render(whole)) for option, render in _REPORTS if options[option]]
        if written:
            result["reports"] = written
        result["ansible_stats"] = {
            "data": {"wake_summary": whole["summary"], "wake_failed_hosts": whole["failed_hosts"]},
            "per_host": False,
            "aggregate": False,
        }
        try:
            failure = f"fail_query {options['fail_query']!r} holds for this result" if query.fails(whole) else ""
        except BadQuery as error:
            failure = str(error)
        return {**result, "failed": True, "msg": failure} if failure else result

    def _try_reports(self, options: dict[str, t.Any]) -> None:
        """Open the files of reports before anything is sent, so that none of them fails when there is much to tell."""
        for option, _render in _REPORTS:
            if options[option]:
                path = self._loader.path_dwim(options[option])
                os.makedirs(os.path.dirname(path), exist_ok=True)
                made = not os.path.lexists(path)
                with open(path, "a", encoding="utf-8"):
                    pass
                if made:
                    os.unlink(path)

    def _write_report(self, path: str, text: str) -> str:
        path = self._loader.path_dwim(path)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        return path


def _json_report(whole: dict[str, t.Any]) -> str:
    return json.dumps(whole, indent=1)


_REPORTS = (("report_html", _report_html.render), ("report_json", _json_report))


def _check_ranges(options: dict[str, t.Any]) -> None:
    """Refuse numbers that mean nothing. Raises AnsibleActionFail."""
    for option, least in (("packets_per_second", 0), ("deadline", 1)):
        value = options[option]
        if value is not None and not value >= least:
            raise AnsibleActionFail(f"{option} is {value:g}, but the least that means something is {least}")


def _outcomes(fleet: FleetRun) -> list[Outcome]:
    conductor = fleet.conductor
    return [
        Outcome(host.name, host.groups, fleet.relay_of(key), conductor.waves[key], conductor.verdicts[key])
        for key, host in enumerate(fleet.hosts)
        if not host.outside
    ]


def _progress_line(state: Progress) -> str:
    counts = f"{state.awake} awake, {state.waiting} waiting, {state.failed} failed"
    line = f"wake: wave {state.wave} of {state.waves}, {counts}"
    if state.longest:
        line += f"; longest: {state.longest}, {state.longest_wait:.0f} s"
    return line
