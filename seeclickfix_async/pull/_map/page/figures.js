"use strict";
// The numbers of the charts and tables, computed from the rows that are shown.

/** The rows with a time to close, shortest first: sorted once, so that each median is one pass. */
const bySeconds = (() => {
  const rows = [];
  let longest = 0;
  issues.seconds.forEach((seconds, row) => {
    if (!(seconds >= 0)) return;
    rows.push(row);
    if (seconds > longest) longest = seconds;
  });
  // Numbers are sorted natively, so that the row is put into the lower digits. Beyond 2 ** 53, the
  // seconds lose theirs: that takes a million issues that were open for centuries.
  const unit = Math.max(1, (longest * issues.count) / 2 ** 53);
  const keys = Float64Array.from(rows, (row) => Math.floor(issues.seconds[row] / unit) * issues.count + row);
  return Uint32Array.from(keys.sort(), (key) => key % issues.count);
})();

function countStatuses() {
  const counts = new Uint32Array(issues.statuses.length);
  for (const row of shown) counts[issues.status[row]] += 1;
  return counts;
}

/** Count by month; issues without a usable time to close are left out of the backlog. */
function countMonths() {
  const {months, createdMonth, closedMonth, isClosed, seconds, created, closed} = issues;
  const begun = new Uint32Array(months), ended = new Uint32Array(months);
  let undated = 0, unknown = 0, negative = 0;
  for (const row of shown) {
    if (createdMonth[row] < 0) undated += 1;
    if (isClosed[row] && !(seconds[row] >= 0)) {
      if (closed[row] < created[row]) negative += 1;
      else unknown += 1;
    } else if (createdMonth[row] >= 0) {
      begun[createdMonth[row]] += 1;
      if (isClosed[row]) ended[closedMonth[row]] += 1;
    }
  }
  const open = new Uint32Array(months);
  let left = 0;
  for (let month = 0; month < months; month += 1) open[month] = left += begun[month] - ended[month];
  return {ended, open, undated, unknown, negative};
}

/** Return the times to close: of each category with closed issues, most first, and of all. */
function closingTimes() {
  const counts = new Uint32Array(issues.types.length + 1), all = issues.types.length;
  for (const row of shown) {
    if (!(issues.seconds[row] >= 0)) continue;
    counts[issues.type[row]] += 1;
    counts[all] += 1;
  }
  const times = Array.from(counts, (count, type) => ({type, count, low: NaN, high: NaN, most: NaN, seen: 0}));
  const visit = (time, seconds) => {
    time.seen += 1;
    if (time.seen === Math.ceil(time.count / 2)) time.low = seconds;
    if (time.seen === Math.floor(time.count / 2) + 1) time.high = seconds;
    if (time.seen === Math.ceil(time.count * 0.9)) time.most = seconds;
  };
  for (const row of bySeconds) {
    if (!isShown[row]) continue;
    visit(times[issues.type[row]], issues.seconds[row]);
    visit(times[all], issues.seconds[row]);
  }
  const total = times.pop();
  const named = times.filter((time) => time.count).sort((one, other) => other.count - one.count);
  for (const time of [...named, total]) time.median = (time.low + time.high) / 2;
  return {total, named};
}

/** The street of each address, without number and city. */
const streets = {names: [], codes: null};
function readStreets() {
  const codes = new Map();
  streets.codes = Int32Array.from({length: issues.addressLines.count}, (_, line) => {
    const [first] = issues.addressLines.at(line).split(",", 1);
    const name = first.trim().replace(/^\d[\w/-]*( \d\/\d)? +/, "");
    let code = codes.get(name);
    if (code === undefined) codes.set(name, (code = codes.size));
    return code;
  });
  streets.names = [...codes.keys()];
}

function busiestStreets(most) {
  if (streets.codes === null) readStreets();
  const counts = new Uint32Array(streets.names.length);
  for (const row of shown) counts[streets.codes[issues.address[row]]] += 1;
  return Array.from(counts, (count, code) => ({name: streets.names[code], count}))
    .filter(({name, count}) => name && count)
    .sort((one, other) => other.count - one.count || (one.name < other.name ? -1 : 1))
    .slice(0, most);
}
