// Opens the stream of events and puts the fragments that come in place of those that stand there.
"use strict";
(() => {
  const main = document.getElementById("main");
  const status = document.getElementById("live");
  const waiting = new Map();

  const tell = (words, isLost) => {
    if (status.textContent !== words) status.textContent = words;
    status.classList.toggle("lost", isLost);
  };

  // What somebody is about to press or reads unfolded is not pulled from under their hand.
  const isInUse = (element) => element.contains(document.activeElement) || element.querySelector("details[open]");

  const show = () => {
    for (const [id, html] of waiting) {
      const element = document.getElementById(id);
      if (element && isInUse(element)) continue;
      if (element) element.innerHTML = html;
      waiting.delete(id);
    }
  };

  const listen = () => {
    const source = new EventSource("/dashboard/events?tab=" + main.dataset.tab + (main.dataset.query || ""));
    source.addEventListener("open", () => tell(status.dataset.live, false));
    source.addEventListener("fragments", (event) => {
      for (const [id, html] of Object.entries(JSON.parse(event.data))) waiting.set(id, html);
      show();
    });
    source.addEventListener("error", () => {
      tell(status.dataset.lost, true);
      // The browser itself tries again after a break, but not after a refusal.
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
    });
  };

  setInterval(show, 1000);
  listen();
})();
