"use strict";
// The ground without a network: a faint dot for each issue, which shows the streets, and a graticule.

/** A canvas with a dot for each issue; where there are more, it is darker. */
const Dots = L.Layer.extend({
  onAdd(map) {
    this._canvas = L.DomUtil.create("canvas", "dots leaflet-zoom-hide", map.getPane("dots"));
    map.on("moveend", this.draw, this);
    this.readColor();
  },
  readColor() {
    // not for each drawing: it makes the browser compute the styles of the page
    this._color = rgbOf("--dot");
    this.draw();
  },
  draw() {
    const {x: width, y: height} = this._map.getSize();
    if (!width || !height) return;
    const ratio = Math.min(2, Math.ceil(window.devicePixelRatio || 1));
    const canvas = this._canvas;
    // Dots are a pixel of the screen far away, and two near.
    const side = this._map.getZoom() > 14 ? 2 : 1;
    const across = Math.ceil((width * ratio) / side);
    const down = Math.ceil((height * ratio) / side);
    L.DomUtil.setPosition(canvas, this._map.containerPointToLayerPoint([0, 0]));
    Object.assign(canvas, {width: across, height: down});
    Object.assign(canvas.style, {width: `${width}px`, height: `${height}px`});
    const {x: left, y: top} = this._map.getPixelBounds().min;
    const size = ratio / side;
    const counts = countDots(256 * 2 ** this._map.getZoom() * size, left * size, top * size, across, down);
    const pen = canvas.getContext("2d");
    const image = pen.createImageData(across, down);
    const pixels = image.data;
    const [red, green, blue] = this._color;
    for (let cell = 0; cell < counts.length; cell += 1) {
      if (!counts[cell]) continue;
      pixels[4 * cell] = red;
      pixels[4 * cell + 1] = green;
      pixels[4 * cell + 2] = blue;
      pixels[4 * cell + 3] = Math.min(230, 65 + 25 * counts[cell]);
    }
    pen.putImageData(image, 0, 0);
  },
});

function countDots(scale, left, top, across, down) {
  const counts = new Uint32Array(across * down);
  const {x, y} = issues;
  for (let index = 0; index < shown.length; index += 1) {
    const row = shown[index];
    const column = x[row] * scale - left;
    const line = y[row] * scale - top;
    if (column >= 0 && line >= 0 && column < across && line < down)
      counts[Math.floor(line) * across + Math.floor(column)] += 1;
  }
  return counts;
}

function rgbOf(name) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = colorValue(name);
  pen.fillRect(0, 0, 1, 1);
  return pen.getImageData(0, 0, 1, 1).data;
}

const STEPS = [45, 30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005];
const LINE_DISTANCE = 110; // pixels

/** Meridians and parallels at round degrees, with labels at the edges of the map. */
const Graticule = L.LayerGroup.extend({
  onAdd(map) {
    this._map = map;
    map.on("moveend", this.draw, this);
    this.draw();
  },
  draw() {
    this.clearLayers();
    const map = this._map;
    const bounds = map.getBounds().pad(0.1);
    const size = map.getSize();
    if (!size.x || !size.y) return;
    const degrees = (LINE_DISTANCE * 360) / (256 * 2 ** map.getZoom());
    const step = STEPS.findLast((one) => one >= degrees) ?? STEPS[0];
    const digits = Math.max(0, -Math.floor(Math.log10(step)));
    const format = (value, [positive, negative]) =>
      `${Math.abs(value).toFixed(digits)}°${value > 0 ? positive : value < 0 ? negative : ""}`;
    for (const lng of this._values(bounds.getWest(), bounds.getEast(), step)) {
      const x = map.latLngToContainerPoint([bounds.getCenter().lat, lng]).x;
      this._line([
        [bounds.getSouth(), lng],
        [bounds.getNorth(), lng],
      ]);
      if (x > 60 && x < size.x - 60) this._label([x, 2], "meridian", format(((lng + 540) % 360) - 180, "EW"));
    }
    for (const lat of this._values(Math.max(-85, bounds.getSouth()), Math.min(85, bounds.getNorth()), step)) {
      const y = map.latLngToContainerPoint([lat, bounds.getCenter().lng]).y;
      this._line([
        [lat, bounds.getWest()],
        [lat, bounds.getEast()],
      ]);
      if (y > 20 && y < size.y - 60) this._label([size.x - 4, y], "parallel", format(lat, "NS"));
    }
  },
  _values(low, high, step) {
    const first = Math.ceil(low / step);
    const last = Math.floor(high / step);
    return Array.from({length: Math.max(0, last - first + 1)}, (_, index) => (first + index) * step);
  },
  _line(points) {
    this.addLayer(
      L.polyline(points, {className: "graticule", interactive: false, weight: 1, pane: "ground"}),
    );
  },
  _label(point, className, label) {
    const icon = L.divIcon({
      className: `graticule-label ${className}`,
      html: element("span", label),
      iconSize: [0, 0],
    });
    const options = {icon, interactive: false, keyboard: false, pane: "ground"};
    this.addLayer(L.marker(this._map.containerPointToLatLng(point), options));
  },
});
