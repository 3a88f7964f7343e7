"use strict";
// The chosen filters, and the rows that pass them.

const ALL = {statuses: null, type: "", from: "", to: "", words: "", sort: "-created", issue: null, map: ""};
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
  const {count, status, type, createdMonth} = issues;
  const on = Uint8Array.from(issues.statuses, (name) =>
    chosen.statuses === null || chosen.statuses.has(name) ? 1 : 0,
  );
  const types = Uint8Array.from(issues.types, (name) => (chosen.type === "" || chosen.type === name ? 1 : 0));
  const from = monthIndex(chosen.from, -Infinity);
  const to = monthIndex(chosen.to, Infinity);
  const anyPeriod = from === -Infinity && to === Infinity;
  markWords();
  let found = 0;
  createdCounts = new Uint32Array(issues.months);
  for (let row = 0; row < count; row += 1) {
    if (!isShown[row]) continue;
    isShown[row] = 0;
    if (!on[status[row]] || !types[type[row]]) continue;
    const month = createdMonth[row];
    if (month >= 0) createdCounts[month] += 1;
    if (!anyPeriod && (month < 0 || month < from || month > to)) continue;
    buffer[found] = row;
    found += 1;
    isShown[row] = 1;
  }
  shown = buffer.subarray(0, found);
}

/** Mark the rows that have all words, each in the summary or in the address. */
function markWords() {
  const {count, summary, address} = issues;
  isShown.fill(1);
  for (const word of new Set(chosen.words.toLowerCase().split(/\s+/).filter(Boolean))) {
    const summaries = issues.summaryLines.find(word);
    const addresses = issues.addressLines.find(word);
    for (let row = 0; row < count; row += 1)
      isShown[row] &= summaries[summary[row]] | addresses[address[row]];
  }
}
