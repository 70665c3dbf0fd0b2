// Keeps the numbers of a Batch that is under way up to date. Without it, a reload does the same.
"use strict";

const live = document.querySelector("[data-progress]");
const PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 30000;

function show(progress) {
  for (const [state, count] of Object.entries(progress.counts)) {
    const row = live.querySelector(`[data-state="${state}"]`);
    if (!row) continue;
    row.hidden = count === 0;
    row.querySelector("[data-count]").textContent = count.toLocaleString("en-US");
    row.querySelector("[data-share]").textContent = share(count, Number(live.dataset.accepted));
  }
  for (const rect of live.querySelectorAll("rect[data-share-of]")) {
    const [x, width] = progress.shares[rect.dataset.shareOf] || [0, 0];
    rect.setAttribute("x", x);
    rect.setAttribute("width", width);
  }
  const uncounted = live.querySelector("[data-uncounted]");
  uncounted.hidden = progress.uncounted === 0;
  uncounted.querySelector("[data-count]").textContent = progress.uncounted.toLocaleString("en-US");
  const state = document.querySelector("[data-batch-state]");
  if (state.textContent !== progress.state) {
    state.textContent = progress.state;  // said aloud: it is a live region
    state.className = `state state-${progress.state}`;
  }
}

function share(count, accepted) {
  const percent = (100 * count) / accepted;
  if (percent > 0 && percent < 0.1) return "< 0.1 %";
  if (percent > 99.9 && percent < 100) return "> 99.9 %";
  return `${percent === 0 || percent === 100 ? percent : percent.toFixed(1)} %`;
}

async function follow(pauseMs) {
  try {
    const answer = await fetch(live.dataset.progress, { redirect: "manual" });
    if (answer.type === "opaqueredirect") return;  // the session is over: to the login page
    const progress = await answer.json();
    show(progress);
    if (progress.done) return;
    pauseMs = PAUSE_MS;
  } catch {
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
  setTimeout(follow, pauseMs, pauseMs);
}

if (live && live.dataset.done !== "true") setTimeout(follow, PAUSE_MS / 2, PAUSE_MS);

// One box for all boxes of a table.
for (const all of document.querySelectorAll("input[data-all]")) {
  const boxes = all.closest("table").querySelectorAll("tbody input[type=checkbox]");
  all.closest("[data-needs-script]").hidden = false;
  all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
}
