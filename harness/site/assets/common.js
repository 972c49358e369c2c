// What all pages share: one global object, the theme switch, and loading of scripts on demand.
"use strict";
const joulemark = {
  top: document.body.dataset.top,

  /** Make an element; texts are set as text and never parsed as markup. */
  make(name, attributes = {}, ...children) {
    const isSvg = ["svg", "path", "g", "rect", "circle", "text", "polyline", "title"].includes(name);
    const element = isSvg && attributes.svg !== false
      ? document.createElementNS("http://www.w3.org/2000/svg", name)
      : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "svg" || value === null || value === undefined || value === false) continue;
      if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  },

  /** Load a script of this site; the same one is loaded once. */
  load(path) {
    joulemark.loading ??= new Map();
    if (!joulemark.loading.has(path)) {
      joulemark.loading.set(path, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = joulemark.top + path;
        script.onload = () => resolve();
        script.onerror = () => {
          joulemark.loading.delete(path);
          reject(new Error(`${path} cannot be loaded`));
        };
        document.head.append(script);
      }));
    }
    return joulemark.loading.get(path);
  },

  /** Write a number with a few digits. */
  number(value, digits = 4) {
    if (value === null || !Number.isFinite(value)) return "–";
    return value.toLocaleString("en", { maximumSignificantDigits: digits });
  },
};

(() => {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);
  const label = () => {
    const text = `Use the ${isDark() ? "light" : "dark"} theme`;
    button.title = text;
    button.setAttribute("aria-label", text);
  };
  label();
  systemDark.addEventListener("change", label);
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("joulemark-theme", root.dataset.theme); } catch { /* not stored */ }
    label();
  });
})();
