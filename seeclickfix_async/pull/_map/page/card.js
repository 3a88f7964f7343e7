"use strict";
// The card of an issue, or the list of those at one place.

const LISTED = 50;
let cardOpener = null; // receives the focus when the card is closed

function openCard(heading, content, opener) {
  const close = element("button", "×", {
    type: "button",
    className: "close",
    ariaLabel: "Close",
    onclick: closeCard,
  });
  const title = element("h3", heading, {id: "card-heading", tabIndex: -1});
  $("card").replaceChildren(close, title, ...content);
  $("card").hidden = false;
  if (opener) {
    cardOpener = opener;
    title.focus({preventScroll: true});
  }
}

function closeCard() {
  if ($("card").hidden) return;
  $("card").hidden = true;
  chosen.issue = null;
  saveView();
  drawMarkers();
  (cardOpener?.isConnected ? cardOpener : ($("map") ?? $("issues-heading"))).focus({preventScroll: true});
  cardOpener = null;
}

/** Show the card of an issue; the focus moves to it if an element opened it. */
function showIssue(row, opener = null) {
  chosen.issue = issues.id[row];
  saveView();
  const badge = element("span", statusOf(row), {className: "badge"});
  badge.style.setProperty("--color", colorOf(statusOf(row)));
  const facts = element(
    "dl",
    [
      ["Address", addressOf(row)],
      ["Created", timeOf(row, "created").slice(0, 16).replace("T", " ")],
      ["Closed", timeOf(row, "closed").slice(0, 16).replace("T", " ")],
      ["Time to close", issues.seconds[row] >= 0 ? formatSpan(issues.seconds[row]) : ""],
    ]
      .filter(([, value]) => value)
      .map(([name, value]) => element("div", [element("dt", name), element("dd", value)])),
  );
  const links = [
    ["Issue", linkOf(row)],
    ["Photo", imageOf(row)],
  ].filter(([, url]) => isLink(url));
  const anchors = links.map(([name, url]) =>
    element("a", name === "Issue" ? `Issue ${idOf(row)}` : name, {
      href: url,
      target: "_blank",
      rel: "noopener noreferrer",
    }),
  );
  const kind = element("p", [badge, " · ", typeOf(row)], {className: "kind"});
  openCard(summaryOf(row) || typeOf(row), [kind, facts, element("p", anchors, {className: "links"})], opener);
  drawMarkers();
}

/** List issues that are too close together for the map to show them apart. */
function listIssues(rows, opener) {
  const items = rows.slice(0, LISTED).map((row) => {
    // The summary is last: a control of direction in it would reverse what follows.
    const facts = [dayOf(row, "created"), statusOf(row)].filter(Boolean).join(", ");
    const label = `${facts}: ${summaryOf(row) || typeOf(row)}`;
    const button = element("button", label, {type: "button", onclick: () => showIssue(row, opener)});
    return element("li", button);
  });
  const rest = rows.length - items.length;
  const more = rest > 0 ? [element("p", `and ${plural(rest, "more issue")}. Filter to see them.`)] : [];
  openCard(`${plural(rows.length, "issue")} at this place`, [element("ul", items), ...more], opener);
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeCard();
});
