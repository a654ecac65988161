// What a visitor has set, remembered in this browser.

const KEY = "tonewise";
const DEFAULTS = { speech: true, emotion: true, language: "", way: "auto" };

export const settings = { ...DEFAULTS, ...remembered() };

/** Sets one of them and remembers it. */
export function set(name, value) {
  settings[name] = value;
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // a browser that keeps nothing: it holds until the page is closed
  }
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}
