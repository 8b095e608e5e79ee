# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
"""Sessions of antsibull-nox; `make lint` runs them with the tools it has installed (`nox --no-venv`)."""

import antsibull_nox

antsibull_nox.load_antsibull_nox_toml()
