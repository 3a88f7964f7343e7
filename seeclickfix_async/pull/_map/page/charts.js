"use strict";
// The charts of months: created and closed, with a brush for the period, and the open backlog.

const colorValue = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const charts = {};
let monthCounts;

/** Return the middle of each month: bars of uPlot are drawn around their time. */
const chartTimes = () =>
  Array.from(
    {length: issues.months},
    (_, month) => (issues.monthStarts[month] + issues.monthStarts[month + 1]) / 2,
  );

function chartOptions(id, series, more) {
  const ink = colorValue("--muted");
  const grid = {stroke: colorValue("--line"), width: 1};
  const axis = {stroke: ink, grid, ticks: grid, font: "12px system-ui"};
  const first = issues.monthStarts[0];
  const last = issues.monthStarts[issues.months];
  return {
    ...sizeOf(id),
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    padding: [8, 22, 0, 0],
    scales: {x: {range: [first, last]}, y: {range: (_, low, high) => [0, Math.max(1, high * 1.05)]}},
    axes: [
      {...axis, space: 70, values: tickLabels},
      {
        ...axis,
        size: 48,
        values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? compact.format(tick) : "")),
      },
    ],
    series: [
      {label: "Month", value: (_, seconds) => (seconds === null ? "" : monthAt(seconds))},
      ...series.map((one) => ({value: countOf, points: {show: issues.months === 1}, ...one})),
    ],
    ...more,
  };
}

const countOf = (_, count) => (count === null ? "" : count.toLocaleString("en"));
/** Return the labels of ticks, each once: years, or months if the ticks are closer. */
function tickLabels(_, ticks) {
  const length = ticks[1] - ticks[0] > 300 * 86400 ? 4 : 7;
  const labels = ticks.map((tick) => monthAt(tick).slice(0, length));
  return labels.map((label, index) => (label === labels[index - 1] ? "" : label));
}
const monthAt = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 7);
const sizeOf = (id) => ({width: Math.max(200, $(id).clientWidth), height: id === "months" ? 190 : 150});

/** Choose the period that was drawn with the mouse. */
function brush(chart) {
  const {left, width} = chart.select;
  const month = (position) =>
    monthAt(
      Math.min(
        issues.monthStarts[issues.months] - 1,
        Math.max(issues.monthStarts[0], chart.posToVal(position, "x")),
      ),
    );
  choosePeriod(month(left), month(left + width));
}

function choosePeriod(from, to) {
  Object.assign(chosen, {from, to});
  update();
}

/** Show the chosen period on the chart. */
function showPeriod() {
  const chart = charts.months;
  const height = chart.bbox.height / uPlot.pxRatio;
  const from = Math.max(0, monthIndex(chosen.from, 0));
  const to = Math.min(issues.months - 1, monthIndex(chosen.to, Infinity));
  const isAll = !chosen.from && !chosen.to;
  const left = isAll ? 0 : chart.valToPos(issues.monthStarts[Math.min(from, issues.months)], "x");
  const right = isAll || to < from ? left : chart.valToPos(issues.monthStarts[to + 1], "x");
  chart.setSelect({left, width: right - left, top: 0, height: right > left ? height : 0}, false);
}

function startCharts() {
  if (!issues.months) {
    for (const id of ["months", "backlog"])
      $(id).replaceChildren(element("p", "No issue has a date.", {className: "empty"}));
    $("numbers").hidden = true;
    return;
  }
  new ResizeObserver(() => {
    for (const [id, chart] of Object.entries(charts)) chart.setSize(sizeOf(id));
    if (charts.months) showPeriod();
  }).observe($("months"));
  $("numbers").ontoggle = fillNumbers;
}

/** Make the charts again, in the colors of now. */
function makeCharts() {
  if (!issues.months) return;
  for (const chart of Object.values(charts)) chart.destroy();
  const empty = [chartTimes(), [], []];
  const bars = {
    label: "Created",
    fill: colorValue("--created"),
    width: 0,
    points: {show: false},
    paths: uPlot.paths.bars({size: [0.8, 60]}),
  };
  const line = {label: "Closed", stroke: colorValue("--closed"), width: 2};
  const cursor = {drag: {x: true, y: false, setScale: false, dist: 4}, points: {size: 6}};
  charts.months = new uPlot(
    chartOptions("months", [bars, line], {cursor, hooks: {setSelect: [brush]}}),
    empty,
    $("months"),
  );
  let pressedAt = 0;
  const {over} = charts.months;
  over.addEventListener("mousedown", (event) => (pressedAt = event.clientX));
  over.addEventListener("click", (event) => Math.abs(event.clientX - pressedAt) <= 3 && choosePeriod("", ""));
  const area = {label: "Open", stroke: colorValue("--open"), fill: colorValue("--open-area"), width: 2};
  const still = {drag: {x: false, y: false}, points: {size: 6}};
  charts.backlog = new uPlot(
    chartOptions("backlog", [area], {cursor: still}),
    empty.slice(0, 2),
    $("backlog"),
  );
}

function drawCharts() {
  monthCounts = countMonths();
  const {ended, open, undated, unknown, negative} = monthCounts;
  const reasons = [
    [unknown, "closed at an unknown time"],
    [negative, "closed before the time of creation"],
    [undated, "without a time of creation"],
  ]
    .filter(([count]) => count)
    .map(([count, reason]) => `${plural(count, "issue")} ${reason}`);
  $("left-out").textContent = reasons.length ? `Left out: ${reasons.join(", ")}.` : "";
  if (!issues.months) return;
  const [middles] = charts.months.data;
  charts.months.setData([middles, createdCounts, ended]);
  charts.backlog.setData([middles, open]);
  showPeriod();
  fillNumbers();
}

function fillNumbers() {
  if (!$("numbers").open) return;
  const {ended, open} = monthCounts;
  const rows = Array.from(createdCounts, (count, month) =>
    element("tr", [
      element("th", monthName(issues.firstMonth + month), {scope: "row"}),
      ...[count, ended[month], open[month]].map((value) =>
        element("td", value.toLocaleString("en"), {className: "number"}),
      ),
    ]),
  );
  $("numbers")
    .querySelector("tbody")
    .replaceChildren(...rows.reverse());
}
