// Labelling by keyboard alone, and by mouse or finger too: classes of a text, spans of a text, boxes on an image.
"use strict";
(() => {
  const form = document.getElementById("labelling");
  const task = JSON.parse(document.getElementById("task").textContent);
  const item = document.getElementById("item");
  const status = document.getElementById("status");
  const list = document.getElementById("made");
  const began = Date.now();
  const hue = (label) => `l${task.labels.indexOf(label) % 9}`;
  const say = (text) => { status.textContent = text; };

  // What was made so far, and which of it is picked: spans {start, end, label} or boxes {x, y, width, height, label}.
  let made = Array.isArray(task.begin) ? task.begin.map((one) => ({ ...one })) : [];
  let picked = -1;

  const pick = (at) => {
    picked = made.length ? (at + made.length) % made.length : -1;
    render();
    if (picked >= 0) say(words(made[picked]));
  };
  const remove = () => {
    if (picked < 0) return;
    say(`${form.dataset.tRemoved}: ${words(made[picked])}`);
    made.splice(picked, 1);
    picked = -1;
    render();
  };

  form.addEventListener("submit", () => {
    form.elements.seconds.value = Math.round((Date.now() - began) / 1000);
    if (form.dataset.kind !== "choice") form.elements.answer.value = JSON.stringify(made);
  });
  const send = () => form.requestSubmit(document.getElementById("send"));
  const typing = (target) => target.closest("input:not([type=radio]), textarea, select, button, summary, a") !== null;

  function showMade(text) {
    list.replaceChildren(...made.map((one, at) => {
      const line = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.className = hue(one.label);
      button.setAttribute("aria-pressed", String(at === picked));
      button.textContent = text(one);
      button.addEventListener("click", () => { pick(at); item.focus(); });
      line.append(button);
      return line;
    }));
  }

  // ---- classes ----
  function choices() {
    const radios = [...form.querySelectorAll("input[type=radio]")];
    const choose = (radio) => { if (radio) { radio.checked = true; radio.focus(); } };
    (radios.find((one) => one.checked) || radios[0]).focus();
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      if (/^[1-9]$/.test(event.key)) choose(radios[event.key - 1]);
      else if (event.key === "Enter") send();
      else return;
      event.preventDefault();
    });
    onGiven((answer) => choose(radios.find((one) => one.dataset.label === answer)));
  }

  // ---- spans: offsets count characters (code points), as the server does ----
  const characters = task.kind === "spans" ? Array.from(task.text) : [];
  let caret = 0, anchor = 0;
  let words = (one) => one.label;
  let render = () => {};

  function spans() {
    const quote = (start, end) => characters.slice(start, end).join("");
    words = (one) => `${one.label}: ${quote(one.start, one.end)}`;
    render = () => {
      made.sort((one, other) => one.start - other.start || one.end - other.end);
      const low = Math.min(caret, anchor), high = Math.max(caret, anchor);
      const cuts = new Set([0, characters.length, caret, low, high]);
      made.forEach((one) => { cuts.add(one.start); cuts.add(one.end); });
      const bounds = [...cuts].sort((one, other) => one - other);
      const parts = [];
      bounds.forEach((start, at) => {
        if (start === caret) {
          const mark = document.createElement("span");
          mark.className = "caret";
          parts.push(mark);
        }
        const end = bounds[at + 1];
        if (end === undefined) return;
        const over = made.filter((one) => one.start <= start && one.end >= end);
        const piece = document.createElement(over.length ? "mark" : "span");
        if (over.length) {
          piece.classList.add("made", hue(over[over.length - 1].label));
          piece.title = over.map((one) => one.label).join("、");
          if (over.includes(made[picked])) piece.classList.add("picked");
        }
        if (start >= low && end <= high && low < high) piece.classList.add("chosen");
        piece.textContent = quote(start, end);
        parts.push(piece);
      });
      item.replaceChildren(...parts);
      showMade(words);
    };
    const tell = () => {
      const low = Math.min(caret, anchor), high = Math.max(caret, anchor);
      say(low < high ? `${form.dataset.tChosen}: ${quote(low, high)}` : `${form.dataset.tCaret} ${caret}: ${characters[caret] || ""}`);
    };
    const wide = (text) => /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]/.test(text || "");
    const letter = (text) => /[\p{L}\p{N}_]/u.test(text || "") && !wide(text);
    const word = (from, step) => {
      let at = from;
      const next = () => characters[step > 0 ? at : at - 1];
      const inside = () => at + step >= 0 && at + step <= characters.length;
      while (inside() && /\s/.test(next() || "")) at += step;
      if (inside()) {
        const letters = letter(next());
        do at += step; while (inside() && letters && letter(next()));
      }
      return at;
    };
    const go = (to, choosing) => {
      caret = Math.max(0, Math.min(characters.length, to));
      if (!choosing) anchor = caret;
      picked = -1;
      render();
      tell();
    };
    const line = (step) => {
      // The character that lies nearest below or above the caret, by where the browser has drawn it.
      const at = item.querySelector(".caret").getBoundingClientRect();
      const high = at.height || 24;
      let best = caret, least = Infinity;
      pieces((node, start, length) => {
        for (let i = 0; i < length; i += 1) {
          const box = boundsOf(node, i);
          const down = (box.top + box.bottom) / 2 - (at.top + at.bottom) / 2;
          if (step * down < high / 2) continue;
          const far = Math.abs(down) * 1000 + Math.abs(box.left - at.left);
          if (far < least) { least = far; best = start + i; }
        }
      });
      return best === caret ? (step > 0 ? characters.length : 0) : best;
    };
    const pieces = (see) => {
      let start = 0;
      const walker = document.createTreeWalker(item, NodeFilter.SHOW_TEXT);
      while (walker.nextNode()) {
        const length = Array.from(walker.currentNode.data).length;
        see(walker.currentNode, start, length);
        start += length;
      }
    };
    const boundsOf = (node, at) => {
      const range = document.createRange();
      const before = Array.from(node.data).slice(0, at).join("").length;
      range.setStart(node, before);
      range.setEnd(node, before + String.fromCodePoint(node.data.codePointAt(before)).length);
      return range.getBoundingClientRect();
    };
    const label = (name) => {
      const low = Math.min(caret, anchor), high = Math.max(caret, anchor);
      if (low < high) {
        if (!made.some((one) => one.start === low && one.end === high && one.label === name)) made.push({ start: low, end: high, label: name });
        anchor = caret;
      } else if (picked >= 0) made[picked].label = name;
      else { say(form.dataset.tNothing); return; }
      render();
      say(`${name}: ${quote(low, high)}`);
    };
    document.addEventListener("keydown", (event) => {
      if (event.metaKey || event.altKey || (typing(event.target) && event.target.closest("#made, .labels") === null)) return;
      const onButton = event.target.closest("button") !== null;
      const jump = event.ctrlKey, hold = event.shiftKey;
      if (/^[1-9]$/.test(event.key) && !jump) { if (task.labels[event.key - 1]) label(task.labels[event.key - 1]); }
      else if (event.key === "ArrowRight") go(jump ? word(caret, 1) : caret + 1, hold);
      else if (event.key === "ArrowLeft") go(jump ? word(caret, -1) : caret - 1, hold);
      else if (event.key === "ArrowDown") go(line(1), hold);
      else if (event.key === "ArrowUp") go(line(-1), hold);
      else if (event.key === "Home") go(0, hold);
      else if (event.key === "End") go(characters.length, hold);
      else if (event.key === "]") pick(picked + 1);
      else if (event.key === "[") pick(picked < 0 ? -1 : picked - 1);
      else if (event.key === "Delete" || event.key === "Backspace") remove();
      else if (event.key === "Enter" && !onButton) send();
      else return;
      event.preventDefault();
    });
    form.querySelectorAll(".labels button").forEach((one) => one.addEventListener("click", () => { label(one.dataset.label); item.focus(); }));
    // What a mouse or finger chose.
    document.addEventListener("selectionchange", () => {
      const selection = document.getSelection();
      if (selection.isCollapsed || !item.contains(selection.anchorNode) || !item.contains(selection.focusNode)) return;
      const offset = (node, inside) => {
        const range = document.createRange();
        range.setStart(item, 0);
        range.setEnd(node, inside);
        return Array.from(range.toString()).length;
      };
      anchor = offset(selection.anchorNode, selection.anchorOffset);
      caret = offset(selection.focusNode, selection.focusOffset);
      tell();
    });
    document.addEventListener("pointerup", () => { if (caret !== anchor) render(); });
    onGiven((answer) => { made = answer.map((one) => ({ ...one })); picked = -1; render(); });
    render();
    item.focus();
  }

  // ---- boxes: in pixels of the image, whatever its size on the screen ----
  function boxes() {
    const svg = item.querySelector("svg");
    const round = (value) => Math.round(value * 10) / 10;
    words = (one) => `${one.label}: ${one.x}, ${one.y}, ${one.width} × ${one.height}`;
    const fit = (one) => {
      one.width = round(Math.max(1, Math.min(one.width, task.width)));
      one.height = round(Math.max(1, Math.min(one.height, task.height)));
      one.x = round(Math.max(0, Math.min(one.x, task.width - one.width)));
      one.y = round(Math.max(0, Math.min(one.y, task.height - one.height)));
      return one;
    };
    const draw = (one, at) => {
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      for (const name of ["x", "y", "width", "height"]) rect.setAttribute(name, one[name]);
      rect.classList.add(hue(one.label));
      if (at === picked) rect.classList.add("picked");
      return rect;
    };
    render = () => { svg.replaceChildren(...made.map(draw)); showMade(words); };
    let last = task.labels[0];
    const label = (name) => {
      last = name;
      if (picked >= 0) made[picked].label = name;
      else {
        const width = round(task.width / 4), height = round(task.height / 4);
        // Each new one a little aside, so that it doesn't hide the one before.
        const aside = (made.length % 5) * Math.min(task.width, task.height) / 40;
        made.push(fit({ x: task.width / 2 - width / 2 + aside, y: task.height / 2 - height / 2 + aside, width, height, label: name }));
        picked = made.length - 1;
      }
      render();
      say(`${form.dataset.tBox} ${words(made[picked])}`);
    };
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    document.addEventListener("keydown", (event) => {
      if (event.metaKey || event.ctrlKey || (typing(event.target) && event.target.closest("#made, .labels") === null)) return;
      const onButton = event.target.closest("button") !== null;
      if (/^[1-9]$/.test(event.key)) { if (task.labels[event.key - 1]) label(task.labels[event.key - 1]); }
      else if (arrows[event.key] && picked >= 0) {
        const step = event.altKey ? 1 : Math.max(1, Math.round(Math.min(task.width, task.height) / 50));
        const [across, down] = arrows[event.key].map((one) => one * step);
        const one = made[picked];
        if (event.shiftKey) {
          one.width = Math.min(one.width + across, task.width - one.x);
          one.height = Math.min(one.height + down, task.height - one.y);
        } else { one.x += across; one.y += down; }
        fit(one);
        render();
        say(`${form.dataset.tBox} ${words(one)}`);
      } else if (event.key === "]") pick(picked + 1);
      else if (event.key === "[") pick(picked < 0 ? -1 : picked - 1);
      else if (event.key === "Escape") { picked = -1; render(); }
      else if (event.key === "Delete" || event.key === "Backspace") remove();
      else if (event.key === "Enter" && !onButton) send();
      else return;
      event.preventDefault();
    });
    form.querySelectorAll(".labels button").forEach((one) => one.addEventListener("click", () => { label(one.dataset.label); item.focus(); }));
    const at = (event) => {
      const bounds = svg.getBoundingClientRect();
      return [(event.clientX - bounds.left) * task.width / bounds.width, (event.clientY - bounds.top) * task.height / bounds.height];
    };
    let from = null;
    svg.addEventListener("pointerdown", (event) => {
      const hit = [...svg.children].indexOf(event.target);
      if (hit >= 0) { pick(hit); return; }
      from = at(event);
      svg.setPointerCapture(event.pointerId);
      item.focus();
      event.preventDefault();
    });
    svg.addEventListener("pointerup", (event) => {
      if (!from) return;
      const [x, y] = at(event).map((value, axis) => Math.max(0, Math.min(value, axis ? task.height : task.width)));
      const width = Math.abs(x - from[0]), height = Math.abs(y - from[1]);
      if (width > 2 && height > 2) {
        made.push(fit({ x: Math.min(x, from[0]), y: Math.min(y, from[1]), width, height, label: last }));
        picked = made.length - 1;
        render();
        say(`${form.dataset.tBox} ${words(made[picked])}`);
      }
      from = null;
    });
    onGiven((answer) => { made = answer.map((one) => ({ ...one })); picked = -1; render(); });
    render();
    item.focus();
  }

  function onGiven(take) {
    document.querySelectorAll("[data-given]").forEach((one) => one.addEventListener("click", () => { take(task.given[one.dataset.given]); item.focus(); }));
  }

  ({ choice: choices, spans, boxes })[task.kind]();
})();
