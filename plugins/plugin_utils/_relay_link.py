# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-FileCopyrightText: The lightsout.wake authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to lightsout.wake: no promise of stability for other collections.

"""The connection to one relay, made from that relay's variables alone."""

from __future__ import annotations

import itertools
import os
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import become_loader, connection_loader

# A relay that is cut off must not hold a command for the quarter of an hour that TCP takes to notice.
_KEEPALIVE = "-o ServerAliveInterval=5 -o ServerAliveCountMax=3"
_SERIAL = itertools.count(1)


class RelayUnusable(Exception):
    """A relay can't be used; the sentence says why."""


class Surroundings(t.NamedTuple):
    """What an action plugin was given by Ansible, and a connection needs."""

    loader: t.Any
    templar: t.Any
    shared_loader_obj: t.Any
    passwords: t.Mapping[str, t.Any]
    control_directory: str


class _OnRelay(ActionBase):
    """An action that is bound to a relay's connection; only its way of running modules is used."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        raise NotImplementedError


class RelayLink:
    """Runs our module and shell commands on one relay.

    Neither the task's nor the first host's connection or privilege escalation has a part in it: they come
    from ``variables``, from Ansible's configuration and from the command line's passwords.
    Raises RelayUnusable.
    """

    def __init__(self, name: str, variables: t.Mapping[str, t.Any], surroundings: Surroundings) -> None:
        self.name = name
        # auto_silent: which of several Pythons a relay runs does not matter to us.
        defaults = {"inventory_hostname": name, "ansible_facts": {}, "ansible_python_interpreter": "auto_silent"}
        self._variables = {**defaults, **variables}
        self._templar = surroundings.templar.copy_with_new_env(available_variables=self._variables)
        self._context = PlayContext(passwords=dict(surroundings.passwords))
        self._context.remote_addr = str(self._own("ansible_host") or name)
        self._connection = self._connect(surroundings)
        task = Task()
        task.action = "lightsout.wake.wake"
        task.args = {}
        task.no_log = True
        task.check_mode = False
        self._action = _OnRelay(
            task, self._connection, self._context, surroundings.loader, self._templar, surroundings.shared_loader_obj
        )

    @property
    def pipes(self) -> bool:
        """Whether a module travels to the relay without becoming a file there."""
        return bool(self._action._is_pipelining_enabled("new"))

    def run_module(self, batch: str) -> dict[str, t.Any]:
        """Start the service on the relay and return what the module returned. Raises RelayUnusable."""
        self.command("true")  # a login that fails says so by itself; a search for Python that fails would not
        try:
            result = self._guarded(
                lambda: self._action._execute_module(
                    module_name="lightsout.wake.wake", module_args={"batch": batch}, task_vars=self._variables
                )
            )
        except RelayUnusable as failure:
            raise RelayUnusable(self._python_problem() or str(failure)) from failure
        if result.get("failed") or "directory" not in result:
            raise RelayUnusable(_module_failure(result))
        return t.cast("dict[str, t.Any]", result)

    def command(self, text: str) -> str:
        """Run a shell command and return its output. Raises RelayUnusable where it could not be run."""
        result = self._guarded(lambda: self._action._low_level_execute_command(text))
        if result["rc"]:
            raise RelayUnusable(f"a command on it ended with {result['rc']}: {_first_line(result['stderr'])}")
        return str(result["stdout"])

    def close(self) -> None:
        """End the connection and what Ansible left on the relay for it."""
        for ending in (lambda: self._action.cleanup(force=True), self._end_master, self._connection.close):
            try:
                ending()
            except (AnsibleError, OSError, AttributeError):
                continue

    def _python_problem(self) -> str:
        """Ask whether Python runs there: where it does not, ssh says only that nobody took the module in."""
        interpreter = (self._action._used_interpreter or "/usr/bin/python3").lstrip("#!")
        result = self._guarded(lambda: self._action._low_level_execute_command(f"{interpreter} -c ''"))
        return f"it has no usable Python ({_first_line(result['stderr'] or result['stdout'])})" if result["rc"] else ""

    def _own(self, variable: str) -> t.Any:
        return self._templar.template(self._variables[variable]) if variable in self._variables else None

    def _connect(self, surroundings: Surroundings) -> t.Any:
        kind = str(self._own("ansible_connection") or C.config.get_config_value("DEFAULT_TRANSPORT"))
        try:
            connection = connection_loader.get(
                kind,
                self._context,
                new_stdin=None,
                task_uuid=f"lightsout-wake-{self.name}",
                ansible_playbook_pid=str(os.getppid()),
            )
            if connection is None:
                raise RelayUnusable(f"there is no connection plugin {kind}")
            if getattr(connection._shell, "_IS_WINDOWS", False):
                raise RelayUnusable("a relay needs Linux and Python; its connection is one of Windows")
            self._set_options(connection, surroundings)
        except AnsibleError as error:
            raise RelayUnusable(_first_line(str(error))) from error
        return connection

    def _set_options(self, connection: t.Any, surroundings: Surroundings) -> None:
        task_keys = {"timeout": self._context.timeout}
        if self._context.password:
            task_keys["password"] = self._context.password
        connection.set_options(
            task_keys=task_keys, var_options=connection._resolve_option_variables(self._variables, self._templar)
        )
        self._set_plugin_options("shell", connection._shell, {})
        become = self._become()
        connection.set_become_plugin(become)
        if become is not None:
            self._set_plugin_options("become", become, {"become_pass": self._context.become_pass or None})
            self._context.set_become_plugin(become.name)
        for option, value in self._forced_options(connection, surroundings).items():
            try:
                connection.set_option(option, value)
            except (AnsibleError, KeyError):
                continue

    def _become(self) -> t.Any:
        wanted = self._own("ansible_become")
        if wanted is None:
            wanted = C.config.get_config_value("DEFAULT_BECOME")
        if not boolean(wanted, strict=False):
            return None
        method = str(self._own("ansible_become_method") or C.config.get_config_value("DEFAULT_BECOME_METHOD"))
        plugin = become_loader.get(method)
        if plugin is None:
            raise RelayUnusable(f"there is no become plugin {method}")
        return plugin

    def _set_plugin_options(self, kind: str, plugin: t.Any, task_keys: t.Mapping[str, t.Any]) -> None:
        names = C.config.get_plugin_vars(kind, plugin._load_name)
        options = {name: self._own(name) for name in names if name in self._variables}
        plugin.set_options(
            task_keys={key: value for key, value in task_keys.items() if value is not None}, var_options=options
        )

    @staticmethod
    def _forced_options(connection: t.Any, surroundings: Surroundings) -> dict[str, t.Any]:
        """Pipelining keeps the batch, and the passwords in it, out of files on the relay.

        The control socket is this link's own, so that no master of an earlier run, to a relay that was restarted since,
        hangs us, and its name is short: sockets have at most 107 bytes.
        """
        forced: dict[str, t.Any] = {"pipelining": True}
        if connection.transport == "ssh":
            extra = connection.get_option("ssh_extra_args") or ""
            forced["ssh_extra_args"] = f"{extra} {_KEEPALIVE}".strip()
            forced["control_path"] = os.path.join(surroundings.control_directory, str(next(_SERIAL)))
            forced["control_path_dir"] = surroundings.control_directory
        return forced

    def _end_master(self) -> None:
        if self._connection.transport == "ssh":
            self._connection.reset()

    @staticmethod
    def _guarded(call: t.Callable[[], t.Any]) -> t.Any:
        try:
            return call()
        except (AnsibleError, OSError) as error:
            raise RelayUnusable(_first_line(str(error))) from error


def _module_failure(result: t.Mapping[str, t.Any]) -> str:
    """Say in a sentence why the module did not run."""
    told = " ".join(str(result.get(name, "")) for name in ("module_stderr", "module_stdout", "msg"))
    _before, broke, trace = told.rpartition("Traceback (most recent call last):\n")
    if broke:
        final = next((line for line in trace.splitlines() if line and not line[0].isspace()), "")
        return f"the wake module did not start there ({_first_line(final)})"
    if result.get("rc") == 127 or "No such file or directory" in told or "interpreter" in told:
        return f"it has no usable Python ({_first_line(told)})"
    return f"the wake module did not start there ({_first_line(told)})"


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0][:300] if lines else "no message"
