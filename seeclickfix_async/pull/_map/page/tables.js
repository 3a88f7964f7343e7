"use strict";
// The tables: times to close, busiest streets, and the issues.

const CATEGORIES = 15;
const STREETS = 15;
const PAGE = 30;
let rowsShown = PAGE;

/** A bar from zero, and a thinner one to a second value. */
function barOf(share, further = share) {
  const thin = element("i", "", {className: "thin"});
  const thick = element("i", "", {className: "thick"});
  thin.style.width = `${(100 * further).toFixed(2)}%`;
  thick.style.width = `${(100 * share).toFixed(2)}%`;
  return element("td", element("span", [thin, thick], {className: "track"}), {
    className: "track",
    ariaHidden: "true",
  });
}
const numberOf = (content) => element("td", content, {className: "number"});
const noRows = (columns) => element("tr", element("td", "None.", {colSpan: columns}));

function fillClosing({named, total}) {
  const listed = named.slice(0, CATEGORIES);
  const longest = Math.max(...listed.map((time) => time.most)) || 1;
  const rows = listed.map(({type, count, median, most}) => {
    const name = issues.types[type];
    const isChosen = chosen.type === name;
    const choose = element("button", name, {
      type: "button",
      className: "choose",
      ariaPressed: String(isChosen),
    });
    choose.onclick = () => {
      chosen.type = isChosen ? "" : name;
      update();
    };
    return element("tr", [
      element("th", choose, {scope: "row"}),
      numberOf(count.toLocaleString("en")),
      numberOf(formatSpan(median)),
      numberOf(formatSpan(most)),
      barOf(median / longest, most / longest),
    ]);
  });
  if (named.length > CATEGORIES)
    rows.push(element("tr", element("td", `and ${named.length - CATEGORIES} more categories`, {colSpan: 5})));
  if (named.length > 1) {
    rows.push(
      element(
        "tr",
        [
          element("th", "All of these", {scope: "row"}),
          numberOf(total.count.toLocaleString("en")),
          numberOf(formatSpan(total.median)),
          numberOf(formatSpan(total.most)),
          element("td", "", {className: "track"}),
        ],
        {className: "total"},
      ),
    );
  }
  replaceRows("closing", rows.length ? rows : [noRows(5)]);
}

function fillBusiest() {
  const busiest = busiestStreets(STREETS);
  const rows = busiest.map(({name, count}) => {
    const choose = element("button", name, {type: "button", className: "choose"});
    choose.onclick = () => {
      chosen.words = name;
      update();
    };
    return element("tr", [
      element("th", choose, {scope: "row"}),
      numberOf(count.toLocaleString("en")),
      barOf(count / busiest[0].count),
    ]);
  });
  replaceRows("busiest", rows.length ? rows : [noRows(3)]);
}

/** Replace the rows of a table; a button in it that has the focus keeps it, or the table gets it. */
function replaceRows(id, rows) {
  const [body] = $(id).tBodies;
  const focused = body.contains(document.activeElement) ? document.activeElement.textContent : null;
  body.replaceChildren(...rows);
  if (focused === null) return;
  const same = [...body.querySelectorAll("button")].find((button) => button.textContent === focused);
  (same ?? $(id).parentElement).focus({preventScroll: true});
}

/** Return the rank of each string of a list. */
function ranksOf(strings) {
  const ranks = new Float64Array(strings.length);
  const order = strings
    .map((_, code) => code)
    .sort((one, other) => (strings[one] < strings[other] ? -1 : strings[one] > strings[other] ? 1 : 0));
  order.forEach(
    (code, rank) =>
      (ranks[code] = rank && strings[code] === strings[order[rank - 1]] ? ranks[order[rank - 1]] : rank),
  );
  return ranks;
}
function rankRows(codes, strings) {
  const ranks = ranksOf(strings);
  return Float64Array.from(codes, (code) => ranks[code]);
}

const ISSUE_COLUMNS = {
  id: ["Issue", () => issues.id],
  created: ["Created", () => issues.created],
  status: ["Status", () => rankRows(issues.status, issues.statuses)],
  type: ["Category", () => rankRows(issues.type, issues.types)],
  seconds: ["Time to close", () => issues.seconds],
  summary: ["Summary", () => rankRows(issues.summary, issues.summaryLines.content.split("\n"))],
  address: ["Address", () => rankRows(issues.address, issues.addressLines.content.split("\n"))],
};
const orders = {}; // the rows by each column that was sorted by, in ascending order

/** Return the first rows that are shown, in the chosen order; those without a value are last. */
function firstRows(most) {
  const isDown = chosen.sort.startsWith("-");
  const name = chosen.sort.replace("-", "");
  const order = (orders[name] ??= orderBy(ISSUE_COLUMNS[name][1]()));
  const found = [];
  for (let place = 0; place < order.length && found.length < most; place += 1) {
    const row = order[isDown ? order.length - 1 - place : place];
    if (isShown[row]) found.push(row);
  }
  if (found.length >= most || order.length === issues.count) return found;
  const ordered = new Set(order);
  return [...found, ...shown.filter((row) => !ordered.has(row)).subarray(0, most - found.length)];
}

function fillIssues() {
  const heads = Object.entries(ISSUE_COLUMNS).map(([name, [label]]) => {
    const isSorted = chosen.sort.replace("-", "") === name;
    const isDown = chosen.sort.startsWith("-");
    const sort = element(
      "button",
      [label, element("span", isSorted ? (isDown ? "▼" : "▲") : "", {ariaHidden: "true"})],
      {type: "button", className: "sort"},
    );
    sort.dataset.column = name;
    sort.onclick = () => {
      chosen.sort = isSorted && !isDown ? `-${name}` : name;
      fillIssues();
      saveView();
      $("issues").querySelector(`[data-column=${name}]`).focus();
    };
    const sorted = isSorted ? {ariaSort: isDown ? "descending" : "ascending"} : {};
    return element("th", sort, {scope: "col", ...sorted});
  });
  const rows = firstRows(rowsShown).map((row) => {
    const open = element("button", String(idOf(row)), {type: "button", className: "choose"});
    open.onclick = () => {
      bringIntoView(row);
      showIssue(row, open);
      $("map-frame").scrollIntoView({block: "nearest"});
    };
    const badge = element("span", statusOf(row), {className: "badge"});
    badge.style.setProperty("--color", colorOf(statusOf(row)));
    return element("tr", [
      element("td", open),
      element("td", dayOf(row, "created")),
      element("td", badge),
      element("td", typeOf(row)),
      numberOf(issues.seconds[row] >= 0 ? formatSpan(issues.seconds[row]) : ""),
      element("td", summaryOf(row)),
      element("td", addressOf(row)),
    ]);
  });
  $("issues").tHead.rows[0].replaceChildren(...heads);
  replaceRows("issues", rows.length ? rows : [noRows(7)]);
  const hidden = shown.length - rows.length;
  $("issues-heading").textContent =
    hidden > 0
      ? `Issues: ${rows.length.toLocaleString("en")} of ${shown.length.toLocaleString("en")}`
      : plural(shown.length, "issue");
  $("more").hidden = hidden <= 0;
}
