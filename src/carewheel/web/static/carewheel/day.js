// The day board: live numbers by server-sent events, else by asking every ten seconds; cards dragged from lane to lane.
(() => {
  const board = () => document.getElementById("board");
  let busy = false;
  let live = false;
  function refresh() {
    if (busy || document.hidden || document.querySelector("dialog[open]") || !board()) return;
    // What was chosen stays so, as long as it is as it was.
    const chosen = [...document.querySelectorAll("[form=several]:checked")].map((one) => one.value);
    htmx.ajax("GET", location.href, { target: "#board", swap: "outerHTML" }).then(() => {
      for (const one of document.querySelectorAll("[form=several]")) one.checked = chosen.includes(one.value);
    });
  }
  setInterval(() => { if (!live) refresh(); }, 10000);
  const source = board()?.dataset.live;
  if (source && "EventSource" in window) {
    const events = new EventSource(source, { withCredentials: true });
    let last = board().dataset.changed;
    events.onopen = () => { live = true; };
    events.onerror = () => { live = false; };
    events.onmessage = (event) => { if (event.data !== last) { last = event.data; refresh(); } };
    window.addEventListener("pagehide", () => events.close());
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });

  let drag = null;
  document.addEventListener("pointerdown", (event) => {
    const card = event.target.closest("[data-drag]");
    if (!card || event.button !== 0 || event.pointerType === "touch" || event.target.closest("a, button, form")) return;
    drag = { card, x: event.clientX, y: event.clientY, lane: null };
  });
  document.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
    if (!busy && Math.hypot(dx, dy) < 6) return;
    busy = true;
    event.preventDefault();
    drag.card.classList.add("dragged");
    drag.card.style.transform = `translate(${dx}px, ${dy}px)`;
    const lane = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-lane]");
    if (lane !== drag.lane) {
      drag.lane?.classList.remove("target");
      lane?.classList.add("target");
      drag.lane = lane;
    }
  });
  async function drop() {
    if (!drag) return;
    const { card, lane } = drag;
    drag = null;
    card.classList.remove("dragged");
    card.style.transform = "";
    lane?.classList.remove("target");
    if (busy && lane && lane !== card.closest("[data-lane]")) {
      const lanes = [...document.querySelectorAll("[data-lane]")];
      const back = lanes.indexOf(lane) < lanes.indexOf(card.closest("[data-lane]"));
      const values = { step: back ? "undo" : lane.dataset.lane, version: card.dataset.version };
      await htmx.ajax("POST", card.dataset.step, { target: "#board", swap: "none", values, headers: { "X-CSRFToken": board().dataset.token } });
      busy = false;
      refresh();
    }
    busy = false;
  }
  document.addEventListener("pointerup", drop);
  document.addEventListener("pointercancel", drop);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && drag) { drag.lane = null; drop(); } });
  // Buttons of a card answer with nothing: the board is fetched anew.
  document.addEventListener("htmx:afterRequest", (event) => { if (event.target.matches?.(".visit form") && event.detail.successful) refresh(); });
})();
