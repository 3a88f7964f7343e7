"use strict";
// The issues by column, in the order of the file. Half a million objects would take seconds to make.

const $ = (id) => document.getElementById(id);

// Shorten what a resident has written: the layout of a megabyte takes seconds.
const LONGEST = 1000; // UTF-16 code units
const clip = (text) =>
  text.length > LONGEST ? `${text.slice(0, LONGEST).replace(/[\ud800-\udbff]$/, "")}…` : text;

function element(tag, content = "", properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...[content].flat().map((part) => (typeof part === "string" ? clip(part) : part)));
  return made;
}

/** Strings in one long string, which is searched faster than each of them. */
class Lines {
  constructor(texts) {
    this.content = texts.join("\n");
  }
  static startsOf(content) {
    const starts = [0];
    for (let at = content.indexOf("\n"); at >= 0; at = content.indexOf("\n", at + 1)) starts.push(at + 1);
    starts.push(content.length + 1);
    return Uint32Array.from(starts);
  }
  get starts() {
    return (this._starts ??= Lines.startsOf(this.content));
  }
  get lower() {
    // lower case can be longer, so that its lines start elsewhere
    return (this._lower ??= this.content.toLowerCase());
  }
  get lowerStarts() {
    return (this._lowerStarts ??=
      this.lower.length === this.content.length ? this.starts : Lines.startsOf(this.lower));
  }
  get count() {
    return this.starts.length - 1;
  }
  at(line) {
    return this.content.slice(this.starts[line], this.starts[line + 1] - 1);
  }
  /** Mark the lines that contain a word in lower case. */
  find(word) {
    if (this._found?.word === word) return this._found.marks;
    const {lower, lowerStarts} = this;
    const found = new Uint8Array(this.count);
    let line = 0;
    for (let at = lower.indexOf(word); at >= 0; at = lower.indexOf(word, lowerStarts[line + 1])) {
      while (lowerStarts[line + 1] <= at) line += 1;
      found[line] = 1;
    }
    this._found = {word, marks: found}; // for the next filter with the same word
    return found;
  }
}

const pull = JSON.parse(document.querySelector("script.pull").textContent);
function readIssues() {
  const blocks = [...document.querySelectorAll("script.issues")].map((script) => {
    const block = JSON.parse(script.textContent);
    script.remove(); // its text would stay in memory
    return block;
  });
  const count = blocks.reduce((sum, block) => sum + block.id.length, 0);
  const columns = {count, statuses: [], types: [], longIds: new Map()};
  for (const name of ["id", "lat", "lng", "created", "closed"])
    columns[name] = new Float64Array(count).fill(NaN);
  for (const name of ["status", "type", "createdOffset", "closedOffset"])
    columns[name] = new Int32Array(count);
  let start = 0;
  for (const block of blocks) {
    columns.statuses.push(...block.statuses);
    columns.types.push(...block.types);
    columns.status.set(block.status, start);
    columns.type.set(block.type, start);
    for (const name of ["id", "created", "createdOffset", "closedOffset"])
      addDifferences(columns[name], block[name], start);
    const created = columns.created;
    block.closed.forEach((later, row) => {
      if (later !== null) columns.closed[start + row] = created[start + row] + later;
    });
    for (const row of block.undated) created[start + row] = NaN;
    for (const [row, id] of Object.entries(block.longIds)) {
      columns.id[start + Number(row)] = Number(id);
      columns.longIds.set(start + Number(row), id);
    }
    readPlaces(columns, block, start);
    start += block.id.length;
  }
  for (const name of ["summary", "address", "image", "link"]) readLines(columns, name, blocks);
  return {...columns, ...readDates(columns), ...project(columns)};
}

function addDifferences(column, differences, start) {
  let value = 0;
  for (let row = 0; row < differences.length; row += 1) column[start + row] = value += differences[row];
}

function readPlaces({lat, lng}, block, start) {
  let north = 0;
  let east = 0;
  let place = 0;
  block.placed.forEach((isPlaced, row) => {
    if (!isPlaced) return;
    lat[start + row] = (north += block.lat[place]) / 1e6;
    lng[start + row] = (east += block.lng[place]) / 1e6;
    place += 1;
  });
}

/** Read the strings of a column; equal ones of different blocks become one, to be searched once. */
function readLines(columns, name, blocks) {
  const codes = new Int32Array(columns.count);
  const known = new Map();
  let start = 0;
  for (const block of blocks) {
    const lines = Int32Array.from(block[`${name}Lines`].split("\n"), (line) => {
      let code = known.get(line);
      if (code === undefined) known.set(line, (code = known.size));
      return code;
    });
    for (let row = 0; row < block[name].length; row += 1) codes[start + row] = lines[block[name][row]];
    start += block[name].length;
  }
  columns[name] = codes;
  columns[`${name}Lines`] = new Lines([...known.keys()]);
}

// Months are counted from that of the first creation, by local time; -1 is none.
const monthStart = (month) => new Date(0).setUTCFullYear(Math.floor(month / 12), month % 12, 1) / 1000;
const monthName = (month) =>
  `${String(Math.floor(month / 12)).padStart(4, "0")}-${String((month % 12) + 1).padStart(2, "0")}`;

function readDates({count, created, closed, createdOffset, closedOffset, status, statuses}) {
  const ends = statuses.map((name) => name === "closed" || name === "archived");
  const isClosed = new Uint8Array(count);
  const seconds = new Float64Array(count).fill(NaN);
  let first = Infinity;
  let last = -Infinity;
  for (let row = 0; row < count; row += 1) {
    isClosed[row] = ends[status[row]];
    const start = created[row] + createdOffset[row];
    const end = closed[row] + closedOffset[row];
    if (start < first) first = start;
    if (start > last) last = start;
    if (!isClosed[row] || !(closed[row] >= created[row])) continue;
    seconds[row] = closed[row] - created[row];
    if (end > last) last = end;
  }
  if (first > last) return {isClosed, seconds, ...noMonths(count)};
  const monthOfDate = (time) =>
    new Date(time * 1000).getUTCFullYear() * 12 + new Date(time * 1000).getUTCMonth();
  const firstMonth = monthOfDate(first);
  const months = monthOfDate(last) - firstMonth + 1;
  const starts = Float64Array.from({length: months + 1}, (_, month) => monthStart(firstMonth + month));
  const monthOf = (time) => {
    if (Number.isNaN(time)) return -1;
    let month = Math.min(months - 1, Math.max(0, Math.floor((time - starts[0]) / 2629746)));
    while (month > 0 && time < starts[month]) month -= 1;
    while (month < months - 1 && time >= starts[month + 1]) month += 1;
    return month;
  };
  const createdMonth = new Int32Array(count);
  const closedMonth = new Int32Array(count).fill(-1);
  for (let row = 0; row < count; row += 1) {
    createdMonth[row] = monthOf(created[row] + createdOffset[row]);
    if (seconds[row] >= 0) closedMonth[row] = monthOf(closed[row] + closedOffset[row]);
  }
  return {isClosed, seconds, firstMonth, months, monthStarts: starts, createdMonth, closedMonth};
}

const noMonths = (count) => ({
  firstMonth: 0,
  months: 0,
  monthStarts: new Float64Array(0),
  createdMonth: new Int32Array(count).fill(-1),
  closedMonth: new Int32Array(count).fill(-1),
});

/** Project to the square world of web maps, from 0 to 1; NaN without a place. Its poles are at 85°. */
function project({count, lat, lng}) {
  const x = new Float64Array(count);
  const y = new Float64Array(count);
  for (let row = 0; row < count; row += 1) {
    const sine = Math.sin((Math.max(-85, Math.min(85, lat[row])) * Math.PI) / 180);
    x[row] = lng[row] / 360 + 0.5;
    y[row] = 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
  }
  return {x, y};
}

const issues = readIssues();

/** Return the id, which is a string if JavaScript has no such number. */
const idOf = (row) => issues.longIds.get(row) ?? issues.id[row];
const statusOf = (row) => issues.statuses[issues.status[row]];
const typeOf = (row) => issues.types[issues.type[row]];
const summaryOf = (row) => issues.summaryLines.at(issues.summary[row]);
const addressOf = (row) => issues.addressLines.at(issues.address[row]);
/** Check whether a link leads to this machine, as those of a sandbox, which has ended. */
const isLocal = (url) => /^https?:\/\/(127\.|localhost[:/]|\[::1\])/i.test(url);
const isLink = (url) => /^https?:\/\//i.test(url) && !isLocal(url);
const linkOf = (row) => issues.linkLines.at(issues.link[row]).replace("{}", idOf(row));
const imageOf = (row) => issues.imageLines.at(issues.image[row]);

/** Format a time as ISO 8601, in local time without its offset if the pull has a time zone. */
function timeOf(row, name) {
  const seconds = issues[name][row];
  if (Number.isNaN(seconds)) return "";
  return new Date((seconds + issues[`${name}Offset`][row]) * 1000).toISOString().replace(/\.\d+Z$/, "");
}
const dayOf = (row, name) => timeOf(row, name).slice(0, 10);

function formatSpan(seconds) {
  if (Number.isNaN(seconds)) return "–";
  const [size, unit] = [
    [86400, "day"],
    [3600, "hour"],
    [60, "minute"],
  ].find(([size]) => seconds >= size) ?? [60, "minute"];
  const value = seconds / size;
  const shown = value < 10 ? Number(value.toFixed(1)) : Math.round(value);
  return `${shown.toLocaleString("en")} ${unit}${shown === 1 ? "" : "s"}`;
}
const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

const STATUS_COLORS = new Set(["open", "acknowledged", "closed", "archived"]);
const colorOf = (status) => `var(--${STATUS_COLORS.has(status) ? status : "other"})`;
