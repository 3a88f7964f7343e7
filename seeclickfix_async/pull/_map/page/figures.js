"use strict";
// The numbers of the charts and tables, computed from the rows that are shown.

/** Return the rows that have a number, lowest first. */
function orderBy(numbers) {
  const rows = new Uint32Array(numbers.length);
  let count = 0;
  let lowest = Infinity;
  let highest = -Infinity;
  for (let row = 0; row < numbers.length; row += 1) {
    const number = numbers[row];
    if (Number.isNaN(number)) continue;
    rows[count] = row;
    count += 1;
    if (number < lowest) lowest = number;
    if (number > highest) highest = number;
  }
  // Numbers are sorted natively, so that the row is put into their lower digits. Beyond 2 ** 53, the
  // numbers lose theirs: seconds do so only if a million issues span centuries.
  const size = numbers.length;
  const unit = Math.max(1, ((highest - lowest) * size) / 2 ** 53);
  const keys = Float64Array.from(
    rows.subarray(0, count),
    (row) => Math.floor((numbers[row] - lowest) / unit) * size + row,
  );
  return Uint32Array.from(keys.sort(), (key) => key % size);
}

/** The times to close, shortest first: sorted once, so that each median is one pass. */
const times = (() => {
  const rows = orderBy(issues.seconds);
  return {
    rows,
    types: Int32Array.from(rows, (row) => issues.type[row]),
    seconds: Float64Array.from(rows, (row) => issues.seconds[row]),
  };
})();

function countStatuses() {
  const counts = new Uint32Array(issues.statuses.length);
  for (const row of shown) counts[issues.status[row]] += 1;
  return counts;
}

/** Count by month; issues without a usable time to close are left out of the backlog. */
function countMonths() {
  const {months, createdMonth, closedMonth, isClosed, created, closed} = issues;
  const begun = new Uint32Array(months);
  const ended = new Uint32Array(months);
  let undated = 0;
  let unknown = 0;
  let negative = 0;
  for (let index = 0; index < shown.length; index += 1) {
    const row = shown[index];
    const month = createdMonth[row];
    if (month < 0) undated += 1;
    if (!isClosed[row]) {
      if (month >= 0) begun[month] += 1;
    } else if (closedMonth[row] >= 0) {
      // then the time to close is known
      begun[month] += 1;
      ended[closedMonth[row]] += 1;
    } else if (closed[row] < created[row]) negative += 1;
    else unknown += 1;
  }
  const open = new Uint32Array(months);
  let left = 0;
  for (let month = 0; month < months; month += 1) open[month] = left += begun[month] - ended[month];
  return {ended, open, undated, unknown, negative};
}

/** Return the times to close: of each category with closed issues, most first, and of all. */
function closingTimes() {
  const all = issues.types.length;
  const counts = new Uint32Array(all + 1);
  const {rows, types, seconds} = times;
  for (let place = 0; place < rows.length; place += 1) counts[types[place]] += isShown[rows[place]];
  counts[all] = counts.reduce((sum, count) => sum + count, 0);
  const ranks = [
    (count) => Math.ceil(count / 2),
    (count) => Math.floor(count / 2) + 1,
    (count) => Math.ceil(count * 0.9),
  ];
  const wanted = ranks.map((rank) => Uint32Array.from(counts, (count) => (count ? rank(count) : 0)));
  const found = ranks.map(() => new Float64Array(all + 1).fill(NaN));
  const seen = new Uint32Array(all + 1);
  const visit = (group, time) => {
    const rank = (seen[group] += 1);
    for (let index = 0; index < 3; index += 1) if (rank === wanted[index][group]) found[index][group] = time;
  };
  for (let place = 0; place < rows.length; place += 1) {
    if (!isShown[rows[place]]) continue;
    visit(types[place], seconds[place]);
    visit(all, seconds[place]);
  }
  const [lower, upper, most] = found;
  const groups = Array.from(counts, (count, type) => ({
    type,
    count,
    median: (lower[type] + upper[type]) / 2,
    most: most[type],
  }));
  const total = groups.pop();
  return {total, named: groups.filter(({count}) => count).sort((one, other) => other.count - one.count)};
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
