"use strict";
// Streets from OpenStreetMap's tiles. They are loaded after a click only; see policy.js.

const TILES = "https://tile.openstreetmap.org/{z}/{x}/{y}.png";
const OSM =
  '© <a href="https://www.openstreetmap.org/copyright" rel="noreferrer">OpenStreetMap</a> contributors';
// Its servers can refuse a page that does not say where it is, and browsers do not say it of a file.
const REFUSED =
  "If OpenStreetMap refuses the streets of a page that was opened as a file: run " +
  "python -m http.server in its folder, and open it from http://localhost:8000.";

function addStreets(map) {
  const button = $("streets");
  button.hidden = pull.offline;
  if (pull.offline) return;
  if (streetsAreOn) {
    const tiles = L.tileLayer(TILES, {
      attribution: OSM,
      maxZoom: 19,
      className: "tiles",
      referrerPolicy: "strict-origin-when-cross-origin",
    });
    tiles.once("tileerror", () =>
      $("map-hint").prepend(
        "The streets cannot be loaded: there is no network, or OpenStreetMap does not respond. ",
      ),
    );
    tiles.addTo(map);
    $("map-frame").classList.add("with-streets");
    button.textContent = "Hide streets";
    if (location.protocol === "file:") $("map-hint").append(REFUSED);
  }
  button.ariaPressed = String(streetsAreOn);
  button.onclick = () => {
    history.replaceState({streets: !streetsAreOn}, "");
    location.reload(); // with the other policy
  };
}
