# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors

"""The lab's nftables rules as text."""

from __future__ import annotations

import collections.abc

from lab.configuration import Stub


def own_addresses(stubs: collections.abc.Sequence[Stub]) -> str:
    """Let one interface stand for many machines: each stub's frames are taken in and sent with the stub's own MAC.

    The kernel itself decides who is awake: it answers only for addresses that have a local route.
    """
    pairs = ", ".join(f"{stub.mac} . {stub.address}" for stub in stubs)
    macs = ", ".join(stub.mac for stub in stubs)
    sources = ", ".join(f"{stub.address} : {stub.mac}" for stub in stubs)
    return f"""table netdev stubs {{
    map sources {{ type ipv4_addr : ether_addr; {_elements(sources)} }}
    set pairs {{ type ether_addr . ipv4_addr; {_elements(pairs)} }}
    set macs {{ type ether_addr; {_elements(macs)} }}
    chain incoming {{
        type filter hook ingress device "eth0" priority 0; policy accept;
        ether daddr . ip daddr @pairs meta pkttype set unicast
        ether type arp ether daddr @macs meta pkttype set unicast
    }}
    chain outgoing {{
        type filter hook egress device "eth0" priority 0; policy accept;
        ether type ip ether saddr set ip saddr map @sources
        ether type arp arp saddr ether set arp saddr ip map @sources
        ether type arp ether saddr set arp saddr ip map @sources
    }}
}}
"""


def frame_loss(port: str, percent: int) -> str:
    """Lose frames at a switch port, both those to the machine and those from it; 0 ends that."""
    table = f"loss-{port}"
    empty = f"table netdev {table} {{ }}\ndelete table netdev {table}\n"
    if not percent:
        return empty
    sometimes = f"numgen random mod 100 < {percent} " if percent < 100 else ""
    hooks = "".join(
        f"""    chain {name} {{
        type filter hook {hook} device "{port}" priority 0; policy accept;
        {sometimes}drop
    }}
"""
        for name, hook in (("from_machine", "ingress"), ("to_machine", "egress"))
    )
    return f"{empty}table netdev {table} {{\n{hooks}}}\n"


def router(closed: collections.abc.Sequence[str]) -> str:
    """Drop directed broadcasts to the segments behind these devices."""
    if not closed:
        return ""
    devices = ", ".join(f'"{device}"' for device in closed)
    return f"""table ip lab {{
    chain forwarded {{
        type filter hook forward priority 0; policy accept;
        fib daddr type broadcast oifname {{ {devices} }} drop
    }}
}}
"""


def _elements(text: str) -> str:
    return f"elements = {{ {text} }};" if text else ""
