# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
#
# Each target does all its own set-up: apt packages (as root or by sudo) and virtual environments in .venv and .gates.

SHELL := /bin/bash
ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
SETUP := bash tests/gates/setup.sh
RUN := $(ROOT) env PATH="$(CURDIR)/.venv/bin:$$PATH" PYTHONPATH=tests PYTHONDONTWRITEBYTECODE=1 \
	ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/.gates/links" .venv/bin/python

.PHONY: demo test lint bench docs clean

demo:
	@$(SETUP) run
	@$(RUN) -m lab demo $(ARGS)

test:
	@$(SETUP) test
	@.venv/bin/python tests/gates/run.py test

lint:
	@$(SETUP) run lint
	@.venv/bin/python tests/gates/run.py lint

bench:
	@$(SETUP) bench
	@$(RUN) bench/run.py $(ARGS)

docs:
	@$(SETUP) lint
	@bash tests/gates/docs.sh

clean:
	$(ROOT) rm -rf .venv .gates
