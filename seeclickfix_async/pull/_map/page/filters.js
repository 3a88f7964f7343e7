"use strict";
// The chosen filters, and the rows that pass them.

const ALL = {statuses: null, type: "", from: "", to: "", words: "", sort: "-created", issue: null};
const chosen = {...ALL};

const buffer = new Uint32Array(issues.count);
let shown = buffer; // the rows that pass all filters
const isShown = new Uint8Array(issues.count);
let createdCounts = new Uint32Array(issues.months); // of the rows that pass all filters but the period

function monthIndex(name, otherwise) {
  const parts = /^(\d{4,})-(\d\d)$/.exec(name);
  return parts ? Number(parts[1]) * 12 + Number(parts[2]) - 1 - issues.firstMonth : otherwise;
}

function filterIssues() {
  const {count, status, type, createdMonth, summary, address} = issues;
  const on = issues.statuses.map((name) => (chosen.statuses === null || chosen.statuses.has(name) ? 1 : 0));
  const onlyType = chosen.type === "" ? -1 : issues.types.indexOf(chosen.type);
  const words = [...new Set(chosen.words.toLowerCase().split(/\s+/).filter(Boolean))].map((word) =>
    [issues.summaryLines.find(word), issues.addressLines.find(word)]);
  const from = monthIndex(chosen.from, -Infinity), to = monthIndex(chosen.to, Infinity);
  const anyPeriod = from === -Infinity && to === Infinity;
  let found = 0;
  createdCounts = new Uint32Array(issues.months);
  isShown.fill(0);
  next: for (let row = 0; row < count; row += 1) {
    if (!on[status[row]] || (chosen.type !== "" && type[row] !== onlyType)) continue;
    for (const [summaries, addresses] of words) {
      if (!summaries[summary[row]] && !addresses[address[row]]) continue next;
    }
    const month = createdMonth[row];
    if (month >= 0) createdCounts[month] += 1;
    if (!anyPeriod && (month < 0 || month < from || month > to)) continue;
    buffer[found] = row;
    found += 1;
    isShown[row] = 1;
  }
  shown = buffer.subarray(0, found);
}
