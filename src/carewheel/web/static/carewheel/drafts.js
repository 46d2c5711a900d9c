// Long forms (data-draft): what is typed is kept in this tab until it is saved, so that a session that has ended loses nothing.
// It never leaves the browser, is told by account and page, and is gone when the tab is closed or somebody signs out.
(() => {
  const LASTS = 12 * 3600 * 1000;
  const WAITS = "draft-sent";
  const store = window.sessionStorage;
  const keyOf = (form) => `draft:${document.body.dataset.user}:${location.pathname}:${form.dataset.draft}`;
  const fields = (form) => [...form.elements].filter((one) => one.name && !["hidden", "password", "file", "submit"].includes(one.type) && one.type !== "search");
  const read = (form) => fields(form).map((one) => [one.name, ["checkbox", "radio"].includes(one.type) ? one.value + (one.checked ? "+" : "-") : one.value]);
  function put(form, kept) {
    fields(form).forEach((one, n) => {
      const [name, value] = kept[n] || [];
      if (name !== one.name) return;
      if (["checkbox", "radio"].includes(one.type)) one.checked = value === `${one.value}+`;
      else one.value = value;
    });
    for (const more of form.querySelectorAll("details")) if (fields(form).some((one) => more.contains(one) && one.value)) more.open = true;
  }
  // What was sent was saved if the next page says so; one that comes from the sign-in says something else.
  const sent = store.getItem(WAITS);
  const signedIn = new URL(document.referrer || location.href).pathname.startsWith("/account/");
  if (sent && !signedIn && document.querySelector("#toasts .toast.success")) {
    store.removeItem(sent);
    store.removeItem(WAITS);
  }
  for (const form of document.querySelectorAll("form[data-draft]")) {
    const key = keyOf(form);
    const before = JSON.stringify(read(form));
    const kept = JSON.parse(store.getItem(key) || "null");
    if (kept && Date.now() - kept.at > LASTS) store.removeItem(key);
    else if (kept && kept.before === before && JSON.stringify(kept.typed) !== before) {
      put(form, kept.typed);
      const note = document.createElement("p");
      note.className = "banner";
      note.setAttribute("role", "status");
      note.textContent = "What you had typed is here again. It is not saved yet. ";
      const away = document.createElement("button");
      away.type = "button";
      away.className = "small";
      away.textContent = "Discard it";
      away.addEventListener("click", () => { store.removeItem(key); location.reload(); });
      note.append(away);
      form.prepend(note);
    }
    let wait;
    const keep = () => store.setItem(key, JSON.stringify({ at: Date.now(), before, typed: read(form) }));
    form.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(keep, 300); });
    form.addEventListener("submit", () => { clearTimeout(wait); keep(); store.setItem(WAITS, key); });
  }
  document.querySelector("form[action$='/logout/']")?.addEventListener("submit", () => store.clear());
})();
