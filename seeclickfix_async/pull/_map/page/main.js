"use strict";
// The start of the page, and its update after each change of a filter.

/** Return the codes of the statuses, in the order of an issue's life. */
function statusOrder() {
  const known = [...STATUS_COLORS];
  const rank = (name) => (known.includes(name) ? known.indexOf(name) : known.length);
  const byRank = (one, other) =>
    rank(issues.statuses[one]) - rank(issues.statuses[other]) ||
    (issues.statuses[one] < issues.statuses[other] ? -1 : 1);
  return issues.statuses.map((_, code) => code).sort(byRank);
}

function fillForm() {
  for (const code of statusOrder()) {
    const name = issues.statuses[code];
    const dot = element("i");
    const box = element("input", "", {type: "checkbox", value: name});
    dot.style.background = colorOf(name);
    $("statuses").append(element("label", [box, dot, name], {className: "status"}));
  }
  for (const name of [...issues.types].sort()) $("type").append(element("option", name, {value: name}));
  if (issues.months) {
    const limits = {min: monthName(issues.firstMonth), max: monthName(issues.firstMonth + issues.months - 1)};
    for (const id of ["from", "to"]) Object.assign($(id), limits);
  }
}

const boxes = () => [...$("statuses").querySelectorAll("input")];

function showForm() {
  for (const box of boxes()) box.checked = chosen.statuses === null || chosen.statuses.has(box.value);
  for (const id of ["type", "from", "to"]) $(id).value = chosen[id];
  // Typed blanks stay, which the words of a filter do not have.
  if ($("words").value.trim() !== chosen.words.trim()) $("words").value = chosen.words;
}

function readForm() {
  const on = boxes()
    .filter((box) => box.checked)
    .map((box) => box.value);
  chosen.statuses = on.length === boxes().length ? null : new Set(on);
  for (const id of ["type", "from", "to", "words"]) chosen[id] = $(id).value;
  update();
}

function showTotals(closing, counts) {
  const open = issues.statuses.reduce(
    (sum, name, code) =>
      sum + (STATUS_COLORS.has(name) && !["closed", "archived"].includes(name) ? counts[code] : 0),
    0,
  );
  const totals = [
    [shown.length.toLocaleString("en"), shown.length === 1 ? "issue" : "issues"],
    [open.toLocaleString("en"), "open or acknowledged"],
    [formatSpan(closing.total.median), "median time to close"],
    [formatSpan(closing.total.most), "90 % closed within"],
  ];
  $("totals").replaceChildren(
    ...totals.map(([value, name]) => element("div", [element("dt", name), element("dd", value)])),
  );
  $("found").textContent =
    shown.length === issues.count
      ? ""
      : `${shown.length.toLocaleString("en")} of ${plural(issues.count, "issue")} shown.`;
}

function update() {
  filterIssues();
  rowsShown = PAGE;
  const closing = closingTimes();
  const counts = countStatuses();
  showForm();
  showTotals(closing, counts);
  drawLegend(counts);
  if (placed) dots.draw();
  drawMarkers();
  drawCharts();
  fillClosing(closing);
  fillBusiest();
  fillIssues();
  saveView();
}

function openView() {
  const row = loadView();
  update();
  if (row >= 0) showIssue(row);
  else $("card").hidden = true;
}

function start() {
  $("title").textContent = pull.name;
  document.title = `${pull.name}: ${plural(issues.count, "issue")}`;
  if (issues.months) {
    const [first, last] = [0, issues.months - 1].map((month) => monthName(issues.firstMonth + month));
    $("span").textContent = first === last ? first : `${first} to ${last}`;
  }
  if (issues.count && isLocal(linkOf(0))) $("source").textContent = "Data: an invented city, of a sandbox.";
  $("partial").hidden = pull.complete;
  $("loading").remove();
  $("page").hidden = false;
  fillForm();
  startMap();
  startCharts();
  makeCharts();
  openView();
  if (placed) map.on("moveend", saveMove);
  $("filters").oninput = readForm;
  $("filters").onsubmit = () => false;
  $("filters").onreset = (event) => {
    event.preventDefault();
    Object.assign(chosen, ALL, {sort: chosen.sort, issue: chosen.issue, map: chosen.map});
    $("words").value = "";
    update();
  };
  $("csv").onclick = saveCsv;
  $("more").onclick = () => {
    const next = rowsShown;
    rowsShown += PAGE;
    fillIssues();
    if ($("more").hidden) $("issues").tBodies[0].rows[next].querySelector("button").focus();
  };
  window.addEventListener("hashchange", openView);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  for (const [event, isPrinted] of [
    ["beforeprint", true],
    ["afterprint", false],
  ]) {
    window.addEventListener(event, () => {
      document.documentElement.classList.toggle("printed", isPrinted);
      redraw();
    });
  }
}

function redraw() {
  makeCharts();
  drawCharts();
  if (placed) dots.readColor();
}

start();
