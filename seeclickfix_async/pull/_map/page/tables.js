"use strict";
// The tables: times to close, busiest streets, and the issues.

const CATEGORIES = 15, STREETS = 15, PAGE = 100;
let rowsShown = PAGE;

/** A bar from zero, and a thinner one to a second value. */
function barOf(share, further = share) {
  const thin = element("i", "", {className: "thin"}), thick = element("i", "", {className: "thick"});
  thin.style.width = `${(100 * further).toFixed(2)}%`;
  thick.style.width = `${(100 * share).toFixed(2)}%`;
  return element("td", element("span", [thin, thick], {className: "track"}), {className: "track", ariaHidden: "true"});
}
const numberOf = (content) => element("td", content, {className: "number"});
const noRows = (columns) => element("tr", element("td", "None.", {colSpan: columns}));

function fillClosing({named, total}) {
  const listed = named.slice(0, CATEGORIES), longest = Math.max(...listed.map((time) => time.most)) || 1;
  const rows = listed.map(({type, count, median, most}) => {
    const name = issues.types[type], isChosen = chosen.type === name;
    const choose = element("button", name, {type: "button", className: "choose", ariaPressed: String(isChosen)});
    choose.onclick = () => {
      chosen.type = isChosen ? "" : name;
      update();
    };
    return element("tr", [element("th", choose, {scope: "row"}), numberOf(count.toLocaleString("en")), numberOf(formatSpan(median)),
      numberOf(formatSpan(most)), barOf(median / longest, most / longest)]);
  });
  if (named.length > CATEGORIES) rows.push(element("tr", element("td", `and ${named.length - CATEGORIES} more categories`, {colSpan: 5})));
  if (named.length > 1) {
    rows.push(element("tr", [element("th", "All of these", {scope: "row"}), numberOf(total.count.toLocaleString("en")),
      numberOf(formatSpan(total.median)), numberOf(formatSpan(total.most)), element("td")], {className: "total"}));
  }
  $("closing").tBodies[0].replaceChildren(...(rows.length ? rows : [noRows(5)]));
}

function fillBusiest() {
  const busiest = busiestStreets(STREETS);
  const rows = busiest.map(({name, count}) => {
    const choose = element("button", name, {type: "button", className: "choose"});
    choose.onclick = () => {
      chosen.words = name;
      update();
    };
    return element("tr", [element("th", choose, {scope: "row"}), numberOf(count.toLocaleString("en")), barOf(count / busiest[0].count)]);
  });
  $("busiest").tBodies[0].replaceChildren(...(rows.length ? rows : [noRows(3)]));
}

const ISSUE_COLUMNS = {
  id: ["Issue", (row) => issues.id[row]],
  created: ["Created", (row) => issues.created[row] || -Infinity],
  status: ["Status", statusOf],
  type: ["Category", typeOf],
  seconds: ["Time to close", (row) => (issues.seconds[row] >= 0 ? issues.seconds[row] : -1)],
  summary: ["Summary", summaryOf],
  address: ["Address", addressOf],
};

/** Return the first rows in the chosen order; sorting all of half a million would take seconds. */
function firstRows(count) {
  const key = ISSUE_COLUMNS[chosen.sort.replace("-", "")][1], sign = chosen.sort.startsWith("-") ? -1 : 1;
  const before = ([one, a], [other, b]) => (one < other ? -sign : one > other ? sign : a - b);
  let best = [];
  for (const row of shown) {
    const entry = [key(row), row];
    if (best.length >= count && before(entry, best[count - 1]) >= 0) continue;
    best.push(entry);
    if (best.length >= 2 * count) best = best.sort(before).slice(0, count);
    else if (best.length === count) best.sort(before);
  }
  return best.sort(before).slice(0, count).map(([, row]) => row);
}

function fillIssues() {
  const heads = Object.entries(ISSUE_COLUMNS).map(([name, [label]]) => {
    const isSorted = chosen.sort.replace("-", "") === name, isDown = chosen.sort.startsWith("-");
    const sort = element("button", [label, element("span", isSorted ? (isDown ? "▼" : "▲") : "", {ariaHidden: "true"})], {type: "button", className: "sort"});
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
    const open = element("button", String(issues.id[row]), {type: "button", className: "choose"});
    open.onclick = () => {
      bringIntoView(row);
      showIssue(row, open);
      $("map-frame").scrollIntoView({block: "nearest"});
    };
    const badge = element("span", statusOf(row), {className: "badge"});
    badge.style.setProperty("--color", colorOf(statusOf(row)));
    return element("tr", [element("td", open), element("td", dayOf(row, "created")), element("td", badge), element("td", typeOf(row)),
      numberOf(issues.seconds[row] >= 0 ? formatSpan(issues.seconds[row]) : ""), element("td", summaryOf(row)), element("td", addressOf(row))]);
  });
  $("issues").tHead.rows[0].replaceChildren(...heads);
  $("issues").tBodies[0].replaceChildren(...(rows.length ? rows : [noRows(7)]));
  const hidden = shown.length - rows.length;
  $("issues-heading").textContent = hidden > 0 ? `Issues: ${rows.length.toLocaleString("en")} of ${shown.length.toLocaleString("en")}` : plural(shown.length, "issue");
  $("more").hidden = hidden <= 0;
}
