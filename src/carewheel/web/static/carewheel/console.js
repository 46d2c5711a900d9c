// Every page: dialogs, toasts, keys. Without it each link and form still works.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const $ = (query, within = document) => within.querySelector(query);

  // On a phone the pages stand in a strip: the one that is open is in sight.
  $(".nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

  // Toasts: said once by a screen reader; errors stay until they are closed.
  function toast(text, kind = "success", link = null) {
    const place = $("#toasts");
    if (!place) return;
    const one = document.createElement("div");
    one.className = `toast ${kind}`;
    const words = document.createElement("p");
    words.textContent = text;
    one.append(words);
    if (link) {
      const more = document.createElement("a");
      more.href = link.href;
      more.textContent = link.text;
      words.append(" ", more);
    }
    one.append(closer());
    place.append(one);
    if (kind === "success") setTimeout(() => one.remove(), 8000);
  }
  function closer() {
    const close = document.createElement("button");
    close.type = "button";
    close.className = "plain small";
    close.textContent = "Close";
    close.addEventListener("click", () => close.parentElement.remove());
    return close;
  }
  document.querySelectorAll("#toasts .toast").forEach((one) => one.append(closer()));

  // Dialogs: a link with data-dialog opens its page's part here; without script it opens the page.
  const dialog = $("#dialog");
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (link && dialog && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.defaultPrevented) {
      event.preventDefault();
      openDialog(link.href);
    }
    if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
    const opener = event.target.closest("[data-open]");
    if (opener) document.getElementById(opener.dataset.open)?.showModal();
  });
  function openDialog(href) {
    htmx.ajax("GET", href, { target: "#dialog-body", swap: "innerHTML" }).then(() => {
      if (!$("#dialog-body").childElementCount) return;
      const heading = $("#dialog-body h1, #dialog-body h2");
      dialog.setAttribute("aria-label", heading ? heading.textContent : "Details");
      if (!dialog.open) dialog.showModal();
    });
  }
  dialog?.addEventListener("close", () => ($("#dialog-body").textContent = ""));

  // What a part of a page was refused is said in a toast.
  document.addEventListener("htmx:responseError", (event) => {
    const answer = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
    toast(($("[role=alert]", answer) || answer.body).textContent.trim() || "That did not work. Try again.", "error");
  });
  document.addEventListener("htmx:sendError", () => toast("The server cannot be reached. Nothing was saved; try again.", "error"));

  // Choices that are sent at once.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
    if (event.target.matches("[data-all]")) {
      for (const one of event.target.closest("table").querySelectorAll("[form=several]")) one.checked = event.target.checked;
    }
    const many = document.querySelectorAll("[form=several]:checked").length;
    if (many) $("[data-chosen]").textContent = many === 1 ? "With the one chosen:" : `With the ${many} chosen:`;
  });

  // Keys: j and k walk a list, / searches, ? shows the keys.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea, [contenteditable]") || $("dialog[open]")) return;
    if (event.key === "/") {
      const search = $("[data-search]");
      if (search) { event.preventDefault(); search.focus(); }
    } else if (event.key === "?") {
      $("#keys")?.showModal();
    } else if (event.key === "j" || event.key === "k") {
      const all = [...document.querySelectorAll("[data-list] [data-item]")].filter((one) => one.offsetParent);
      if (!all.length) return;
      const here = all.indexOf(document.activeElement.closest("[data-item]"));
      const next = all[Math.min(Math.max(here + (event.key === "j" ? 1 : -1), 0), all.length - 1)];
      event.preventDefault();
      next.focus();
      next.scrollIntoView({ block: "nearest" });
    }
  });
  window.console_page = { toast, openDialog };
})();
