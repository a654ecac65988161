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
  return value.toFixed(decimals).replace("-", "−");
}

/** Minutes and seconds of a call, as in 1:02.3. */
export function clock(seconds) {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${(seconds - minutes * 60).toFixed(1).padStart(4, "0")}`;
}

/** Milliseconds: as precise as they matter. */
export function milliseconds(ms) {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
