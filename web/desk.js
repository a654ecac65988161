// The operator's desk at the server: JSON, with a key where the server asks for one.

const KEY = "tonewise-key";
const given = new URLSearchParams(location.hash.slice(1)).get("token");

/** The server asks for a key, or for another one. */
export class Locked extends Error {}

/** What a path under /v1 tells. `query`: empty values are left out. */
export async function ask(path, query = {}) {
  const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined));
  const tail = asked.size ? `?${asked}` : "";
  let response;
  try {
    response = await fetch(`v1/${path}${tail}`, { headers: authorized() });
  } catch {
    throw new Error("The server cannot be reached. Is tonewise still running?");
  }
  if (response.ok) return response.json();
  const told = await response.json().then(({ error }) => error?.message ?? "").catch(() => "");
  if (response.status === 401 || response.status === 403) throw new Locked(told);
  if (response.status === 404 && !told) throw new Error("This server has no desk: the HTTP interfaces are switched off (api.enabled).");
  throw new Error(told || `The server answered ${response.status}.`);
}

/** Remembers a key until the tab is closed. */
export function useKey(key) {
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    kept = key;
  }
}

let kept = given;

function authorized() {
  let key = kept;
  try {
    key = sessionStorage.getItem(KEY) ?? kept;
  } catch {
    // a browser that keeps nothing: the key of the address, or none
  }
  return key ? { Authorization: `Bearer ${key}` } : {};
}
