"use strict";
// The view in the URL's hash: who opens the same page with it sees the same.

function viewHash() {
  const parts = new URLSearchParams();
  if (chosen.statuses) for (const name of chosen.statuses) parts.append("status", name);
  if (chosen.statuses?.size === 0) parts.append("status", "");
  for (const name of ["type", "from", "to", "words"]) if (chosen[name]) parts.set(name, chosen[name]);
  if (chosen.sort !== ALL.sort) parts.set("sort", chosen.sort);
  if (chosen.issue !== null) parts.set("issue", chosen.issue);
  if (chosen.map) parts.set("map", chosen.map);
  return parts.toString();
}

function saveMove() {
  const {lat, lng} = map.getCenter();
  chosen.map = [map.getZoom(), lat.toFixed(5), lng.toFixed(5)].join("/");
  saveView();
}

function saveView() {
  const hash = viewHash();
  try {
    history.replaceState(history.state, "", hash ? `#${hash}` : location.pathname + location.search);
  } catch {
    // A page inside another has no URL of its own, and some browsers limit the changes in a second.
  }
}

function loadView() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const known = parts.getAll("status").filter((name) => issues.statuses.includes(name));
  const sort = parts.get("sort") ?? "";
  const month = (name) => (/^\d{4}-(0[1-9]|1[0-2])$/.test(parts.get(name)) ? parts.get(name) : "");
  Object.assign(chosen, ALL, {
    statuses: parts.has("status") ? new Set(known) : null,
    type: issues.types.includes(parts.get("type")) ? parts.get("type") : "",
    from: month("from"),
    to: month("to"),
    words: parts.get("words") ?? "",
    sort: Object.hasOwn(ISSUE_COLUMNS, sort.replace("-", "")) ? sort : ALL.sort,
  });
  const position = parts.get("map") ?? "";
  const [zoom, lat, lng] = position.split("/").map(Number);
  if (placed && Number.isFinite(zoom + lat + lng)) {
    map.setView(L.latLng(lat, lng).wrap(), zoom, {animate: false});
    chosen.map = position; // the map rounds its center to pixels
  }
  return parts.has("issue") ? issues.id.indexOf(Number(parts.get("issue"))) : -1;
}
