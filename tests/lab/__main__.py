# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""python -m lab: up, down, status, run, demo."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import types

from lab import demo, demo_fleet, supervisor
from lab.client import Lab, LabError
from lab.configuration import Configuration, ConfigurationError, Segment, many_stubs
from lab.control_socket import CommandError
from lab.layout import STATE_ROOT
from lab.namespaces import CommandFailed


def main(argv: list[str]) -> int:
    if argv[:1] == ["supervise"]:
        return supervisor.main(argv[1:])
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.do(arguments))
    except (LabError, ConfigurationError, CommandError, CommandFailed) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; everything was removed", file=sys.stderr)
        return 130


def _interrupt(_number: int, _frame: types.FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, do, text in (
        ("up", _up, "build a lab and leave it running"),
        ("down", _down, "remove a lab, also what a killed one left"),
        ("status", _status, "print every stub's state as JSON"),
        ("run", _run, "run a command on the control node of a running lab"),
        ("demo", _demo, "wake about 30 hosts with the collection's playbook, then remove the lab"),
    ):
        command = commands.add_parser(name, help=text)
        command.set_defaults(do=do)
        command.add_argument("--name", default="demo", help="the lab's name (default: demo)")
        if name == "up":
            command.add_argument("--configuration", help="JSON file; without it the demo's lab is built")
            command.add_argument("--stubs", type=int, help="instead: one /16 segment with this many stubs")
        if name == "run":
            command.add_argument("argv", nargs=argparse.REMAINDER)
    return parser


def _up(arguments: argparse.Namespace) -> int:
    if arguments.configuration:
        with open(arguments.configuration, encoding="utf-8") as text:
            configuration = Configuration.from_json(text.read())
    elif arguments.stubs:
        stubs = many_stubs(arguments.stubs, "own")
        configuration = Configuration(arguments.name, (Segment("own", "10.66.0.0/16"),), stubs=stubs)
    else:
        configuration = demo_fleet.configuration(arguments.name)
    lab = Lab(configuration, detached=True)
    lab.up()
    print(f"inventory: {lab.inventory}\nremove it with: python -m lab down --name {lab.configuration.name}")
    return 0


def _down(arguments: argparse.Namespace) -> int:
    try:
        Lab.attach(arguments.name).down()
    except LabError:
        supervisor.remove(arguments.name, STATE_ROOT)
    return 0


def _status(arguments: argparse.Namespace) -> int:
    lab = Lab.attach(arguments.name)
    print(json.dumps([lab.standby(segment.name).status() for segment in lab.configuration.segments], indent=1))
    return 0


def _run(arguments: argparse.Namespace) -> int:
    argv = [word for number, word in enumerate(arguments.argv) if number or word != "--"]
    return Lab.attach(arguments.name).popen(argv).wait()


def _demo(arguments: argparse.Namespace) -> int:
    return demo.run(arguments.name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
