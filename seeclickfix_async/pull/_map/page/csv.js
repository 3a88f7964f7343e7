"use strict";
// The shown issues as a CSV for spreadsheet programs, which run cells that look like formulas: an
// apostrophe in front makes them plain text, as `scf pull --excel` does.

const CSV_COLUMNS = {
  id: idOf,
  status: statusOf,
  request_type: typeOf,
  summary: summaryOf,
  address: addressOf,
  lat: (row) => numberCell(issues.lat[row]),
  lng: (row) => numberCell(issues.lng[row]),
  created_at: (row) => utcCell(issues.created[row]),
  closed_at: (row) => utcCell(issues.closed[row]),
  html_url: linkOf,
  image: imageOf,
};
const FORMULA = /^'*[\s\x00-\x1f\x7f\ufeff\u200b-\u200f\u2060]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
const numberCell = (number) => (Number.isNaN(number) ? "" : number);
const utcCell = (seconds) =>
  Number.isNaN(seconds) ? "" : new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");

function csvCell(value) {
  if (typeof value === "number") return String(value);
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function toCsv(rows) {
  const cells = Object.values(CSV_COLUMNS);
  const lines = Array.from(rows, (row) => cells.map((cell) => csvCell(cell(row))).join(","));
  return ["\ufeff" + Object.keys(CSV_COLUMNS).join(","), ...lines, ""].join("\r\n");
}

function saveCsv() {
  const url = URL.createObjectURL(new Blob([toCsv(shown)], {type: "text/csv"}));
  element("a", "", {href: url, download: `${pull.name}.csv`}).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
