// The colours of routes, the same wherever one is shown.

const HUES = 6; // app.css has so many
const hues = new Map([["fast", 0], ["frontier", 1]]);

/** The number of a route's colour, the same all over the page. */
export function hueOf(route) {
  if (!hues.has(route)) hues.set(route, 2 + ((hues.size - 2) % (HUES - 2)));
  return hues.get(route);
}
