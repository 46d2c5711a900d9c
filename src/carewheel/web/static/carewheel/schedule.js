// The schedule: visits are dragged to another time or column and drawn longer or shorter; arrows do the same by keys.
(() => {
  const STEP = 5;
  const grid = () => document.getElementById("schedule");
  const rowHeight = () => 7;
  let drag = null;
  // The first visit is in sight, not midnight.
  const top = grid()?.querySelector("a.v");
  if (top) grid().scrollTop = Math.max(0, Math.min(...[...grid().querySelectorAll("a.v")].map((one) => one.offsetTop)) - 42);
  const today = grid()?.querySelector(":scope.week .day[aria-current]");
  if (today) grid().scrollLeft = today.offsetLeft - 48;
  async function send(block, start, column, minutes) {
    const wall = new Date(Date.UTC(2000, 0, 1, 0, start * STEP + Number(grid().dataset.opens)));
    const values = {
      starts: `${column.dataset.day}T${wall.toISOString().slice(11, 16)}`,
      minutes, version: block.dataset.version, from: block.closest(".col").dataset.resource, to: column.dataset.resource,
    };
    let refused = false;
    const note = () => { refused = true; };
    document.addEventListener("htmx:responseError", note, { once: true });
    await htmx.ajax("POST", `${block.getAttribute("href")}move/`, { target: "#schedule", swap: "none", values, headers: { "X-CSRFToken": grid().dataset.token } });
    document.removeEventListener("htmx:responseError", note);
    await refresh(block.getAttribute("href"));
    if (!refused) console_page.toast("Moved.");
  }
  async function refresh(href) {
    const { scrollLeft, scrollTop } = grid();
    await htmx.ajax("GET", location.href, { target: "#schedule", swap: "outerHTML" });
    requestAnimationFrame(() => {
      grid().scrollTo(scrollLeft, scrollTop);
      if (href) grid().querySelector(`a.v[href="${href}"]`)?.focus({ preventScroll: true });
    });
  }
  const rowOf = (block) => Number(block.dataset.row);
  const rowsOf = (block) => Number(block.dataset.rows);

  document.addEventListener("pointerdown", (event) => {
    const block = event.target.closest("a.v[data-row]");
    if (!block || event.button !== 0 || event.pointerType === "touch") return;
    drag = { block, x: event.clientX, y: event.clientY, resize: Boolean(event.target.closest(".grip")), moved: false };
  });
  document.addEventListener("dragstart", (event) => { if (event.target.closest?.("a.v")) event.preventDefault(); });
  document.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
    if (!drag.moved && Math.hypot(dx, dy) < 5) return;
    drag.moved = true;
    const rows = Math.round(dy / rowHeight());
    if (drag.resize) {
      drag.block.style.height = `${Math.max(1, rowsOf(drag.block) + rows) * rowHeight() - 1}px`;
    } else {
      drag.block.classList.add("dragged");
      drag.block.style.transform = `translate(${dx}px, ${rows * rowHeight()}px)`;
    }
    drag.rows = rows;
    drag.column = document.elementFromPoint(event.clientX, event.clientY)?.closest(".col") || drag.column;
  });
  function stop(event) {
    if (!drag) return;
    const { block, moved, resize, rows, column } = drag;
    drag = null;
    if (!moved) return;
    // The click that follows must not open the visit.
    block.addEventListener("click", (click) => { click.preventDefault(); click.stopPropagation(); }, { once: true, capture: true });
    setTimeout(() => { block.classList.remove("dragged"); block.style.transform = ""; block.style.height = ""; }, 0);
    if (event.type === "pointercancel") return;
    const own = block.closest(".col");
    if (resize) { if (rows) send(block, rowOf(block), own, Math.max(1, Number(block.dataset.lasts) / STEP + rows) * STEP); }
    else if (rows || (column && column !== own)) send(block, rowOf(block) - Number(block.dataset.lead) / STEP + rows, column || own, "");
  }
  document.addEventListener("pointerup", stop);
  document.addEventListener("pointercancel", stop);

  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || event.target.matches("input, select, textarea")) return;
    const link = { "[": "earlier", "]": "later", t: "today", n: "new" }[event.key];
    if (link && !event.ctrlKey && !event.metaKey && !event.altKey) { document.querySelector(`[data-go="${link}"]`)?.click(); return; }
    const block = document.activeElement?.closest?.("a.v[data-row]");
    if (!block || !event.altKey) return;
    const own = block.closest(".col");
    const columns = [...document.querySelectorAll(".col")];
    const beside = (by) => columns[columns.indexOf(own) + by] || own;
    const start = rowOf(block) - Number(block.dataset.lead) / STEP;
    const go = { ArrowUp: () => send(block, start - 1, own, ""), ArrowDown: () => send(block, start + 1, own, ""), ArrowLeft: () => send(block, start, beside(-1), ""), ArrowRight: () => send(block, start, beside(1), "") }[event.key];
    if (go) { event.preventDefault(); go(); }
  });
  // A click on free ground books there.
  document.addEventListener("click", (event) => {
    const ground = event.target.closest(".open, .rows");
    const column = event.target.closest(".col");
    if (!ground || !column || !grid().dataset.book || event.target.closest("a")) return;
    const rows = column.querySelector(".rows").getBoundingClientRect();
    const start = Math.floor((event.clientY - rows.top) / rowHeight() / 3) * 3;
    const wall = new Date(Date.UTC(2000, 0, 1, 0, start * STEP + Number(grid().dataset.opens))).toISOString().slice(11, 16);
    console_page.openDialog(`${grid().dataset.book}?starts=${column.dataset.day}T${wall}&resources=${column.dataset.resource}`);
  });
})();
