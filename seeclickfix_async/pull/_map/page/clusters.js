"use strict";
// The clusters of the part of the map that is seen. They are counted again for each view in one pass
// over typed arrays: leaflet.markercluster and supercluster build a tree of all issues first, which
// takes seconds for half a million, again for each filter.

const CELL = 60; // pixels

const radiusOf = (count) => (count === 1 ? 7 : Math.min(26, 11 + 3.2 * Math.log10(count)));

/** Return clusters that do not overlap; positions are pixels of the world at a zoom level. */
function findClusters(zoom, min, max) {
  const scale = 256 * 2 ** zoom;
  const kinds = issues.statuses.length;
  const left = Math.floor(min.x / CELL) - 1;
  const top = Math.floor(min.y / CELL) - 1;
  const across = Math.floor(max.x / CELL) - left + 2;
  const down = Math.floor(max.y / CELL) - top + 2;
  const cells = across * down;
  const counts = new Uint32Array(cells * kinds);
  const first = new Int32Array(cells).fill(-1);
  const sumX = new Float64Array(cells);
  const sumY = new Float64Array(cells);
  for (const row of shown) {
    const x = issues.x[row] * scale;
    const y = issues.y[row] * scale;
    const column = Math.floor(x / CELL) - left;
    const line = Math.floor(y / CELL) - top;
    if (!(column >= 0 && line >= 0 && column < across && line < down)) continue;
    const cell = line * across + column;
    counts[cell * kinds + issues.status[row]] += 1;
    sumX[cell] += x;
    sumY[cell] += y;
    if (first[cell] < 0) first[cell] = row;
  }
  const found = [];
  for (let cell = 0; cell < cells; cell += 1) {
    if (first[cell] < 0) continue;
    const byStatus = counts.slice(cell * kinds, (cell + 1) * kinds);
    const count = byStatus.reduce((sum, one) => sum + one, 0);
    const area = [left + (cell % across), top + Math.floor(cell / across)];
    found.push({
      x: sumX[cell] / count,
      y: sumY[cell] / count,
      count,
      byStatus,
      first: first[cell],
      cells: [area],
    });
  }
  return mergeOverlapping(found);
}

function mergeOverlapping(clusters) {
  clusters.sort((one, other) => other.count - one.count);
  for (let index = 0; index < clusters.length;) {
    const one = clusters[index];
    const near = clusters.findIndex(
      (other, place) =>
        place > index &&
        Math.hypot(one.x - other.x, one.y - other.y) < radiusOf(one.count) + radiusOf(other.count) + 2,
    );
    if (near < 0) {
      index += 1;
      continue;
    }
    const [other] = clusters.splice(near, 1);
    const count = one.count + other.count;
    one.x = (one.x * one.count + other.x * other.count) / count;
    one.y = (one.y * one.count + other.y * other.count) / count;
    one.count = count;
    one.byStatus = one.byStatus.map((value, code) => value + other.byStatus[code]);
    one.cells.push(...other.cells);
    index = 0; // it has moved and grown
  }
  return clusters;
}

/** Return the rows of a cluster. */
function rowsOf(cluster, zoom) {
  const scale = (256 * 2 ** zoom) / CELL;
  const inside = new Set(cluster.cells.map(String));
  return shown.filter((row) =>
    inside.has(`${Math.floor(issues.x[row] * scale)},${Math.floor(issues.y[row] * scale)}`),
  );
}

/** Return the ring of a cluster: an arc for each status, by its share. */
function ringOf(cluster) {
  let start = 0;
  const arcs = [...cluster.byStatus]
    .map((count, code) => [code, count])
    .filter(([, count]) => count)
    .map(([code, count]) => {
      const end = start + (360 * count) / cluster.count;
      const arc = `${colorOf(issues.statuses[code])} ${start.toFixed(1)}deg ${end.toFixed(1)}deg`;
      start = end;
      return arc;
    });
  return `conic-gradient(${arcs.join(", ")})`;
}

function describeCluster(cluster) {
  const parts = issues.statuses
    .map((name, code) => [name, cluster.byStatus[code]])
    .filter(([, count]) => count);
  const counts = parts.map(([name, count]) => `${count.toLocaleString("en")} ${name}`);
  return `${plural(cluster.count, "issue")}: ${counts.join(", ")}`;
}

const shorten = (count) => (count < 1000 ? String(count) : compact.format(count));
const compact = new Intl.NumberFormat("en", {notation: "compact", maximumSignificantDigits: 2});

function clusterIcon(cluster) {
  const size = Math.round(2 * radiusOf(cluster.count));
  const ring = element(
    "span",
    cluster.count > 1 ? element("b", shorten(cluster.count), {ariaHidden: "true"}) : "",
    {className: "ring"},
  );
  ring.style.background = ringOf(cluster);
  Object.assign(ring.style, {width: `${size}px`, height: `${size}px`});
  const isChosen = cluster.count === 1 && issues.id[cluster.first] === chosen.issue;
  const className = `cluster${cluster.count === 1 ? " single" : ""}${isChosen ? " chosen" : ""}`;
  const target = Math.max(24, size);
  return L.divIcon({className, html: ring, iconSize: [target, target]});
}
