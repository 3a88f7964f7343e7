"use strict";
// The ground without a network: a faint dot for each issue, which shows the streets, and a graticule.

/** A canvas with a dot for each issue; where there are more, it is darker. */
const Dots = L.Layer.extend({
  onAdd(map) {
    this._canvas = L.DomUtil.create("canvas", "dots leaflet-zoom-hide", map.getPane("dots"));
    map.on("moveend", this.draw, this);
    this.draw();
  },
  draw() {
    const {x: width, y: height} = this._map.getSize();
    if (!width || !height) return;
    const ratio = Math.min(2, Math.ceil(window.devicePixelRatio || 1)), canvas = this._canvas;
    L.DomUtil.setPosition(canvas, this._map.containerPointToLayerPoint([0, 0]));
    Object.assign(canvas, {width: width * ratio, height: height * ratio});
    Object.assign(canvas.style, {width: `${width}px`, height: `${height}px`});
    const pen = canvas.getContext("2d"), image = pen.createImageData(canvas.width, canvas.height);
    const [red, green, blue] = rgbOf("--dot"), side = this._map.getZoom() > 14 ? 2 * ratio : ratio;
    const scale = 256 * 2 ** this._map.getZoom() * ratio;
    const {x: left, y: top} = this._map.getPixelBounds().min.multiplyBy(ratio);
    const pixels = image.data;
    for (const row of shown) {
      const x = Math.round(issues.x[row] * scale - left), y = Math.round(issues.y[row] * scale - top);
      if (!(x >= 0 && y >= 0 && x + side <= canvas.width && y + side <= canvas.height)) continue;
      for (let down = 0; down < side; down += 1) {
        for (let across = 0; across < side; across += 1) {
          const at = 4 * ((y + down) * canvas.width + x + across);
          pixels[at] = red;
          pixels[at + 1] = green;
          pixels[at + 2] = blue;
          pixels[at + 3] = pixels[at + 3] ? Math.min(230, pixels[at + 3] + 25) : 90;
        }
      }
    }
    pen.putImageData(image, 0, 0);
  },
});

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
    const map = this._map, bounds = map.getBounds().pad(0.1), size = map.getSize();
    if (!size.x || !size.y) return;
    const degrees = (LINE_DISTANCE * 360) / (256 * 2 ** map.getZoom());
    const step = STEPS.findLast((one) => one >= degrees) ?? STEPS[0];
    const digits = Math.max(0, -Math.floor(Math.log10(step)));
    const format = (value, [positive, negative]) =>
      `${Math.abs(value).toFixed(digits)}°${value > 0 ? positive : value < 0 ? negative : ""}`;
    for (const lng of this._values(bounds.getWest(), bounds.getEast(), step)) {
      const x = map.latLngToContainerPoint([bounds.getCenter().lat, lng]).x;
      this._line([[bounds.getSouth(), lng], [bounds.getNorth(), lng]]);
      if (x > 60 && x < size.x - 60) this._label([x, 2], "meridian", format(((lng + 540) % 360) - 180, "EW"));
    }
    for (const lat of this._values(Math.max(-85, bounds.getSouth()), Math.min(85, bounds.getNorth()), step)) {
      const y = map.latLngToContainerPoint([lat, bounds.getCenter().lng]).y;
      this._line([[lat, bounds.getWest()], [lat, bounds.getEast()]]);
      if (y > 20 && y < size.y - 60) this._label([size.x - 4, y], "parallel", format(lat, "NS"));
    }
  },
  _values(low, high, step) {
    const first = Math.ceil(low / step), last = Math.floor(high / step);
    return Array.from({length: Math.max(0, last - first + 1)}, (_, index) => (first + index) * step);
  },
  _line(points) {
    this.addLayer(L.polyline(points, {className: "graticule", interactive: false, weight: 1, pane: "ground"}));
  },
  _label(point, className, label) {
    const icon = L.divIcon({className: `graticule-label ${className}`, html: element("span", label), iconSize: [0, 0]});
    const options = {icon, interactive: false, keyboard: false, pane: "ground"};
    this.addLayer(L.marker(this._map.containerPointToLatLng(point), options));
  },
});
