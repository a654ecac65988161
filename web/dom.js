// Elements from data. Text is always set as text, so nothing that a caller says can be markup.

/** `el("p", { class: "why" }, "text", child)`; null children are left out. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Empties an element and fills it anew. */
export function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

/** A number with so many decimals and a true minus sign. */
export function number(value, decimals = 0) {
  return value.toFixed(decimals).replace(/-(?=.*[1-9])/, "−").replace("-", "");
}

/** Minutes and seconds of a call, as in 1:02.3. */
export function clock(seconds) {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${(seconds - minutes * 60).toFixed(1).padStart(4, "0")}`;
}

/** A time on the wall clock: as precise as it matters. */
export function milliseconds(ms) {
  if (ms >= 9_950) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 995 ? `${(ms / 1000).toFixed(2)} s` : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** US dollars, however few: cents, or two digits that matter. */
export function dollars(usd) {
  if (usd >= 0.1) return `$${usd.toFixed(2)}`;
  return `$${Number(usd.toPrecision(2)).toLocaleString("en", { maximumFractionDigits: 9 })}`;
}

export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
