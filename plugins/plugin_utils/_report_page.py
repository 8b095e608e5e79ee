# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The lightsout.wake authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# Private to lightsout.wake: no promise of stability for other collections.
"""Style and script of the HTML report. Both are put into the page and allowed there by their hashes."""

from __future__ import annotations

import base64
import hashlib

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1b2330; --soft: #5a6577; --line: #dfe3ea;
  --good: #18794e; --good-bar: #30a46c; --bad: #c62a2f; --bad-bar: #e5484d; --half: #8f5a00; --half-bar: #e2a336;
  --sent: #7c8da6; --accent: #2458c5; --tint: #eef2fb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161d; --card: #1a202a; --ink: #e8ecf2; --soft: #a2adbd; --line: #313a48;
    --good: #4cc38a; --good-bar: #30a46c; --bad: #ff8b8f; --bad-bar: #e5484d; --half: #f1c166; --half-bar: #c98a1b;
    --sent: #8496b0; --accent: #8ab0ff; --tint: #222c3d;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main, header { max-width: 1320px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 32px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 18px; margin: 0 0 12px; }
header p, .note, .legend { color: var(--soft); margin: 4px 0; }
.headline { font-size: 18px; color: var(--ink); }
section {
  background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px 24px; margin: 20px 0;
}
.totals { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0; }
.total {
  flex: 1 1 130px; text-align: left; font: inherit; color: var(--soft); background: var(--card); cursor: pointer;
  border: 1px solid var(--line); border-top: 4px solid var(--sent); border-radius: 12px; padding: 12px 16px;
}
.total b { display: block; font-size: 28px; line-height: 1.2; color: var(--ink); font-variant-numeric: tabular-nums; }
.total.good { border-top-color: var(--good-bar); }
.total.bad { border-top-color: var(--bad-bar); }
.total.half { border-top-color: var(--half-bar); }
.total[aria-pressed="true"] { background: var(--tint); outline: 2px solid var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.failures { list-style: none; margin: 0; padding: 0; }
.failures li { border-left: 4px solid var(--bad-bar); padding: 2px 0 2px 14px; margin: 0 0 14px; }
.failures li:last-child { margin-bottom: 0; }
.failures li.half { border-left-color: var(--half-bar); }
.failures strong { display: block; }
.failures .hosts { color: var(--soft); overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
svg { display: block; width: 100%; min-width: 720px; height: auto; }
svg text { font-size: 12px; fill: var(--ink); }
svg .mark { fill: var(--soft); text-anchor: middle; }
svg .label { text-anchor: end; }
svg .grid { stroke: var(--line); stroke-width: 1; }
.curves path { fill: none; stroke-width: 2.5; }
.curves .sent { stroke: var(--sent); stroke-dasharray: 5 4; }
.curves .awake { stroke: var(--good-bar); }
.awake rect { fill: var(--good-bar); }
.failed rect { fill: var(--bad-bar); }
.awake .end { fill: var(--good); }
.failed .end { fill: var(--bad); }
.legend { margin: 2px 0 14px; }
.key {
  display: inline-block; width: 22px; border-top: 3px solid var(--good-bar); vertical-align: middle;
  margin: 0 4px 0 12px;
}
.key.sent { border-top: 3px dashed var(--sent); margin-left: 0; }
.controls { display: flex; flex-wrap: wrap; gap: 12px; align-items: end; margin-bottom: 12px; }
[hidden] { display: none !important; }
.controls label { font-size: 13px; color: var(--soft); }
.controls input, .controls select {
  display: block; font: inherit; color: var(--ink); background: var(--page); border: 1px solid var(--line);
  border-radius: 8px; padding: 6px 10px; min-width: 250px;
}
.controls output { margin-left: auto; color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
caption { text-align: left; color: var(--soft); padding-bottom: 8px; }
th, td { text-align: left; padding: 5px 8px; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { padding: 0; white-space: nowrap; }
thead th.number { text-align: right; }
th button {
  font: inherit; font-weight: 600; color: var(--ink); background: none; border: 0; padding: 7px 8px; cursor: pointer;
  text-decoration: underline dotted var(--soft); text-underline-offset: 4px;
}
th button:hover { color: var(--accent); }
th[aria-sort] button { color: var(--accent); text-decoration: none; }
th[aria-sort="ascending"] button::after { content: "\\2009\\2191"; }
th[aria-sort="descending"] button::after { content: "\\2009\\2193"; }
tbody th { font-weight: 600; white-space: nowrap; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.why { overflow-wrap: anywhere; min-width: 240px; width: 40%; }
td.relay { white-space: nowrap; }
td.verdict { white-space: nowrap; font-weight: 600; }
td.groups, td.why small { color: var(--soft); }
.good.verdict { color: var(--good); }
.bad.verdict { color: var(--bad); }
.half.verdict { color: var(--half); }
.more {
  font: inherit; color: var(--accent); background: none; border: 1px solid var(--line); border-radius: 8px;
  padding: 6px 14px; margin-top: 12px; cursor: pointer;
}
footer { max-width: 1320px; margin: 0 auto; padding: 0 24px 32px; color: var(--soft); font-size: 13px; }
@media print {
  :root {
    color-scheme: light; --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --tint: #fff;
    --good: #0b5c38; --bad: #a31b20; --half: #6b4300;
  }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .controls, .more, caption { display: none; }
  h2 { break-after: avoid; }
  section { border: 0; padding: 0; }
  thead { display: table-header-group; }
  tr, .failures li, svg .host { break-inside: avoid; }
  th button { text-decoration: none; }
  .scroll { overflow: visible; }
  svg { min-width: 0; }
}
"""

SCRIPT = """
"use strict";
(() => {
  const table = document.getElementById("hosts");
  if (!table) { return; }
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const text = document.getElementById("text");
  const verdict = document.getElementById("verdict");
  const shown = document.getElementById("shown");
  const tiles = Array.from(document.querySelectorAll(".total"));
  const words = rows.map((row) => row.textContent.toLowerCase());

  const most = 500;
  const more = document.getElementById("more");
  let order = rows.map((row, index) => index);
  let limit = most;

  const show = () => {
    const wanted = text.value.toLowerCase().split(/\\s+/).filter(Boolean);
    const fits = order.filter((index) => (!verdict.value || rows[index].dataset.verdict === verdict.value)
      && wanted.every((word) => words[index].includes(word)));
    body.replaceChildren(...fits.slice(0, limit).map((index) => rows[index]));
    shown.textContent = number(fits.length) + " of " + number(rows.length) + " hosts";
    more.hidden = fits.length <= limit;
    more.textContent = "Show all " + number(fits.length) + " rows";
    tiles.forEach((tile) => tile.setAttribute("aria-pressed", String(tile.dataset.verdict === verdict.value)));
  };
  const number = (value) => value.toLocaleString("en");

  const compare = new Intl.Collator("en", { numeric: true }).compare;
  const key = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const sort = (head) => {
    const column = head.cellIndex;
    const rising = head.getAttribute("aria-sort") !== "ascending";
    Array.from(table.tHead.rows[0].cells).forEach((cell) => cell.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const keys = rows.map((row) => key(row, column));
    order = rows.map((row, index) => index).sort((a, b) => {
      if ((keys[a] === "") !== (keys[b] === "")) { return keys[a] === "" ? 1 : -1; }
      return (rising ? 1 : -1) * compare(keys[a], keys[b]) || a - b;
    });
    show();
  };

  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) { sort(button.closest("th")); }
  });
  text.addEventListener("input", show);
  verdict.addEventListener("change", show);
  tiles.forEach((tile) => tile.addEventListener("click", () => {
    verdict.value = verdict.value === tile.dataset.verdict ? "" : tile.dataset.verdict;
    show();
    table.closest("section").scrollIntoView({ block: "start" });
  }));
  document.querySelectorAll("[data-script]").forEach((part) => { part.hidden = false; });
  more.addEventListener("click", () => { limit = rows.length; show(); });
  show();
})();
"""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY = f"default-src 'none'; img-src data:; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; base-uri 'none'"
