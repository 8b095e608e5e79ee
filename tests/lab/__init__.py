# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""A lab of network namespaces with powered-off stub hosts that wake by magic packets.

It needs Linux, root and no hardware. It shares no code with the collection: a lab that used the collection's own
matcher would hide its bugs.

    from lab import Configuration, Lab, Segment, Stub

    with Lab(Configuration("mine", (Segment("own", "10.66.1.0/24"),), stubs=(Stub("pc1", "own"),))) as lab:
        lab.control(["wakeonlan", "-i", "10.66.1.255", lab.stub("pc1")["mac"]])
        lab.wait_for("pc1", "on")
"""

from __future__ import annotations

from lab.client import Lab, LabError
from lab.configuration import Configuration, ConfigurationError, Machine, Segment, Stub, many_stubs

__all__ = ["Configuration", "ConfigurationError", "Lab", "LabError", "Machine", "Segment", "Stub", "many_stubs"]
