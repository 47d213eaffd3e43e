"use strict";
/* Keeps an open page fresh. Everything is there without it. */
(() => {
  const root = new URL(".", document.currentScript.src);
  const page = document.documentElement;
  const find = (id, within = document) => within.getElementById(id);
  const stale = (text) => {
    const place = find("stale");
    if (!place) return;
    if (place.textContent !== text) place.textContent = text;
    place.hidden = !text;
  };
  const span = (ms) => {
    const minutes = Math.round(ms / 60000);
    return minutes < 120 ? `${minutes} min` : minutes < 2880 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} d`;
  };
  const local = (within) => {
    const form = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
    for (const time of within.querySelectorAll("time")) time.title = form.format(new Date(time.dateTime));
  };
  local(document);

  if (page.dataset.copied) {
    const age = () => {
      const ms = Date.now() - Date.parse(page.dataset.copied);
      stale(ms > 900000 ? `This copy is ${span(ms)} old. What it says may no longer be so.` : "");
    };
    age();
    setInterval(age, 60000);
    return;
  }
  if (!find("main") || "stays" in page.dataset || !("EventSource" in window)) return;

  /* Puts a new element in the place of an old one; whoever was there with the keyboard stays there. */
  const replace = (before, after) => {
    if (before.outerHTML === after.outerHTML) return false;
    const had = before.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const open = [...before.querySelectorAll("details")].map((one) => one.open);
    before.replaceWith(after);
    after.querySelectorAll("details").forEach((one, at) => { if (at in open) one.open = open[at]; });
    local(after);
    if (had) after.querySelector(`a[href="${CSS.escape(had)}"]`)?.focus();
    return true;
  };
  const bare = (element) => {
    const copy = element.cloneNode(true);
    for (const time of copy.querySelectorAll("time")) time.removeAttribute("title");
    return copy.innerHTML;
  };
  const live = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const before = find("live"), after = find("live", fresh);
    if (before && after) {
      const said = before.querySelector("h1"), says = after.querySelector("h1");
      const tone = before.querySelector(".verdict"), toned = after.querySelector(".verdict");
      if (said.textContent !== says.textContent) said.textContent = says.textContent;
      if (tone.className !== toned.className) {
        tone.className = toned.className;
        tone.querySelector("use").setAttribute("href", toned.querySelector("use").getAttribute("href"));
      }
      tone.querySelector("p").replaceWith(toned.querySelector("p"));
      const was = find("open"), is = find("open", fresh);
      if (was && is) { if (bare(was) !== bare(is)) replace(was, is); }
      else if (was) was.remove();
      else if (is) before.append(is);
      for (const row of fresh.querySelectorAll(".row")) {
        const old = find(row.id);
        if (!old || bare(old) === bare(row) && old.className === row.className) continue;
        const turned = old.className !== row.className;
        replace(old, row);
        if (turned) { row.classList.add("fresh"); requestAnimationFrame(() => setTimeout(() => row.classList.remove("fresh"), 50)); }
      }
    } else {
      const old = find("main"), now = find("main", fresh);
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement?.tagName || "");
      if (now && !typing && bare(old) !== bare(now)) replace(old, now);
    }
    if (fresh.documentElement.dataset.at) page.dataset.at = fresh.documentElement.dataset.at;
    const title = fresh.querySelector("title");
    if (title) document.title = title.textContent;
    const icon = fresh.querySelector("link[rel=icon]");
    if (icon) document.querySelector("link[rel=icon]").href = icon.getAttribute("href");
    heard();
  };
  let last = Date.now(), lost = 0, asking = false, again = null;
  const heard = () => { last = Date.now(); lost = 0; stale(""); };
  const clock = (ms) => `${new Date(ms).toISOString().slice(11, 19)} UTC`;
  const lose = () => {
    lost ||= Date.now();
    const old = Date.now() - lost > 90000 ? `, ${span(Date.now() - lost)} ago` : "";
    stale(`Connection to the monitor lost at ${clock(lost)}${old}, trying again. What is shown is as of ${clock((page.dataset.at || last * 1000) / 1000)}.`);
  };
  const ask = async (address) => {
    if (asking) { again = location.href; return; }
    asking = true;
    try {
      const answer = await fetch(address, { credentials: "same-origin", signal: AbortSignal.timeout(10000) });
      if (answer.ok) live(await answer.text());
      else if (answer.status >= 500) lose();
    } catch { lose(); }
    asking = false;
    if (again) { const next = again; again = null; if (!lost) ask(next); }
  };
  const whole = () => ask(location.href);
  let events = null;
  const listen = () => {
    /* Strips in other pages may be many: they only look again by the minute. */
    if (events || "quiet" in page.dataset) return;
    events = new EventSource(new URL(`events?at=${page.dataset.at || 0}`, root));
    events.addEventListener("tick", heard);
    events.addEventListener("changed", (event) => {
      const marks = JSON.parse(event.data).services;
      if (!find("live")) return whole();
      const here = marks.filter((mark) => find(mark));
      ask(new URL(`fragment?of=${here.join(",")}`, root));
    });
    events.addEventListener("refetch", whole);
    /* Whether the monitor is gone or has only no room for one more who listens, a page of it says. */
    events.onerror = () => {
      if (events?.readyState === EventSource.CLOSED) { events = null; }
      setTimeout(() => { if (!document.hidden) whole(); }, 3000);
    };
  };
  const rest = () => { events?.close(); events = null; };
  const visible = () => {
    if (document.hidden) return rest();
    listen();
    if (Date.now() - last > 30000) whole();
  };
  document.addEventListener("visibilitychange", visible);
  addEventListener("pagehide", rest);
  addEventListener("pageshow", visible);
  listen();
  setInterval(() => { if (!document.hidden) { listen(); whole(); } }, 60000);
  setInterval(() => {
    if (document.hidden) return;
    if (lost) { listen(); whole(); }
    else if (events && Date.now() - last > 20000) whole();
  }, 5000);
})();
