"use strict";
// The map, its markers and its legend.

const MAX_ZOOM = 19;
const placed = issues.x.reduce((count, x) => count + (Number.isNaN(x) ? 0 : 1), 0);
const map = L.map("map", {
  minZoom: 0,
  maxZoom: MAX_ZOOM,
  zoomSnap: 0.5,
  attributionControl: false,
  maxBoundsViscosity: 1,
});
const markers = L.layerGroup();
const dots = new Dots();
let clusters = [];

/** Return the bounds of the issues, without a few that are far away from all others. */
function usualBounds() {
  const range = (values) => {
    const sorted = values.filter((value) => !Number.isNaN(value)).sort();
    const cut = sorted.length < 200 ? 0 : Math.floor(sorted.length * 0.005);
    return [sorted[cut], sorted[sorted.length - 1 - cut]];
  };
  const [south, north] = range(issues.lat);
  const [west, east] = range(issues.lng);
  return L.latLngBounds([south, west], [north, east]).pad(0.02);
}

function startMap() {
  L.control.attribution({prefix: false}).addTo(map);
  L.control.scale().addTo(map);
  for (const [name, zIndex] of [
    ["ground", 300],
    ["dots", 350],
  ]) {
    map.createPane(name).style.zIndex = zIndex;
    map.getPane(name).style.pointerEvents = "none";
  }
  map.getPane("ground").ariaHidden = "true";
  if (!placed) {
    $("map").replaceWith(element("p", "No issue has a place.", {className: "empty"}));
    for (const id of ["fit", "streets", "skip"]) $(id).hidden = true;
    return;
  }
  map.setMaxBounds([
    [-85, -Infinity],
    [85, Infinity],
  ]);
  addStreets(map);
  $("fit").onclick = fitMap;
  $("skip").onclick = () => $("issues-heading").focus();
  fitMap();
  new Graticule().addTo(map);
  dots.addTo(map);
  markers.addTo(map);
  new ResizeObserver(() => map.invalidateSize({pan: false})).observe($("map-frame"));
  map.on("moveend", drawMarkers);
  const lost = issues.count - placed;
  if (lost)
    $("map-hint").prepend(
      `${plural(lost, "issue")} without a place ${lost === 1 ? "is" : "are"} not on the map. `,
    );
}

function fitMap() {
  map.fitBounds(usualBounds(), {maxZoom: 16, animate: false});
}

function drawMarkers() {
  if (!placed) return;
  const zoom = map.getZoom();
  const {min, max} = map.getPixelBounds();
  const focused = markers.getLayers().find((marker) => marker.getElement() === document.activeElement);
  clusters = findClusters(zoom, min, max);
  markers.clearLayers();
  for (const cluster of clusters) {
    const marker = L.marker(map.unproject([cluster.x, cluster.y], zoom), {icon: clusterIcon(cluster)});
    const name =
      cluster.count === 1
        ? clip(`${statusOf(cluster.first)}: ${summaryOf(cluster.first) || typeOf(cluster.first)}`)
        : clip(describeCluster(cluster));
    marker.on("click", () => openCluster(cluster, marker));
    markers.addLayer(marker);
    const onkeydown = (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault(); // a blank would scroll the page
      openCluster(cluster, marker);
    };
    Object.assign(marker.getElement(), {title: name, ariaLabel: name, onkeydown});
    if (focused && marker.getLatLng().equals(focused.getLatLng()))
      marker.getElement().focus({preventScroll: true});
  }
}

function openCluster(cluster, marker) {
  const opener = marker.getElement();
  if (cluster.count === 1) {
    showIssue(cluster.first, opener);
    return;
  }
  const rows = Array.from(rowsOf(cluster, map.getZoom()));
  const bounds = L.latLngBounds(rows.map((row) => [issues.lat[row], issues.lng[row]]));
  const zoom = Math.min(MAX_ZOOM, map.getBoundsZoom(bounds.pad(0.1)));
  if (
    map.getZoom() < MAX_ZOOM &&
    zoom > map.getZoom() &&
    !bounds.getSouthWest().equals(bounds.getNorthEast(), 1e-6)
  ) {
    map.setView(bounds.getCenter(), zoom);
    $("map").focus({preventScroll: true});
  } else {
    listIssues(rows, opener);
  }
}

/** Move the map to an issue, if it is outside. */
function bringIntoView(row) {
  if (Number.isNaN(issues.x[row])) return;
  const point = [issues.lat[row], issues.lng[row]];
  if (!map.getBounds().contains(point)) map.setView(point, Math.max(map.getZoom(), 15));
}

function drawLegend(counts) {
  const items = statusOrder().map((code) => {
    const name = issues.statuses[code];
    const dot = element("i");
    dot.style.background = colorOf(name);
    return element("li", [dot, ` ${name} `, element("b", counts[code].toLocaleString("en"))]);
  });
  $("legend").replaceChildren(...items);
}
