/* Single keys of the desk. Each only presses or points at what stands on the page:
   [data-act=name] for an act, [data-go=x] after G, [data-digit=n] for the outcome of a call.
   A button that does something grave carries no data-press and only gets the focus. */
(() => {
  "use strict";
  const laid = document.querySelector("[data-keys]");
  if (!laid) return;
  const acts = new Map(Object.entries(JSON.parse(laid.dataset.keys)).map(([act, key]) => [key, act]));
  const WAITS = 1500;
  let going = 0;

  const inField = (node) =>
    node instanceof Element && (node.isContentEditable || node.closest("input:not([type=checkbox],[type=radio]),textarea,select") !== null);
  const shown = (node) => node.getClientRects().length > 0;
  const of = (selector) => {
    const found = [...document.querySelectorAll(selector)];
    return found.find(shown) || found[0];
  };

  const press = (node) => {
    if (node.matches("summary")) {
      const box = node.parentElement;
      box.open = !box.open;
      const first = box.querySelector("select,input:not([type=hidden]),textarea,button");
      (box.open && first ? first : node).focus();
    } else if (node.matches("a[href]") || "press" in node.dataset) {
      node.click();
    } else {
      node.focus();
    }
  };

  const rows = () => [...document.querySelectorAll("main tbody tr, main .q li")]
    .map((row) => row.querySelector("th a[href], a[href], button")).filter((node) => node && shown(node));
  const step = (by) => {
    const all = rows();
    if (!all.length) return false;
    const here = document.activeElement;
    const row = here.closest("main tbody tr, main .q li");
    const at = row ? all.findIndex((node) => row.contains(node)) : by > 0 ? -1 : all.length;
    const to = all[Math.min(Math.max(at + by, 0), all.length - 1)];
    to.focus();
    to.scrollIntoView({ block: "nearest" });
    return true;
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = document.activeElement.closest("details.menu[open]");
      if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
      return;
    }
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (inField(event.target)) return;
    const key = event.key.toLowerCase();
    let node = null;
    if (Date.now() - going < WAITS) {
      going = 0;
      node = of(`[data-go="${CSS.escape(key)}"]`);
    } else if (/^[1-9]$/.test(key)) {
      node = of(`[data-digit="${key}"]`);
      if (node) { node.checked = true; node.focus(); event.preventDefault(); }
      return;
    } else {
      const act = acts.get(key);
      if (!act) return;
      if (act === "go") { going = Date.now(); event.preventDefault(); return; }
      // Enter does what it always does where something has the focus.
      if (act === "open" && event.target.closest("a,button,summary,input,label")) return;
      node = of(`[data-act="${act}"]`);
      if (!node && (act === "next" || act === "previous")) {
        if (step(act === "next" ? 1 : -1)) event.preventDefault();
        return;
      }
    }
    if (!node) return;
    event.preventDefault();
    if (node.matches("input")) node.focus(); else press(node);
  });
})();
