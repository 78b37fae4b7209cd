// Resumable uploads by tus 1.0.0, in parts, for the deposit form. What broke off goes on by itself after a while, and
// after the page was left, when the same file is chosen again.
(() => {
  const box = document.getElementById("deposit");
  if (!box) return;
  const PART = 8 << 20;
  const list = box.querySelector("ul");
  const tus = { "Tus-Resumable": "1.0.0" };
  const encoded = text => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  const sleep = seconds => new Promise(done => setTimeout(done, seconds * 1000));
  let running = 0;

  class Refused extends Error {}

  async function begun(file, key) {
    const kept = localStorage.getItem(key);
    if (kept) {
      const told = await fetch(kept, { method: "HEAD", headers: tus });
      if (told.ok) return { where: kept, offset: Number(told.headers.get("Upload-Offset")) };
      localStorage.removeItem(key);
    }
    const metadata = `filename ${encoded(file.name)},filetype ${encoded(file.type)}`;
    const told = await fetch(box.dataset.uploads, {
      method: "POST", headers: { ...tus, "Upload-Length": file.size, "Upload-Metadata": metadata },
    });
    if (told.status !== 201) throw new Refused(await told.text());
    const where = new URL(told.headers.get("Location")).pathname;
    if (file.size) localStorage.setItem(key, where);
    return { where, offset: 0 };
  }

  function sent(where, offset, part, tell) {
    return new Promise((done, fail) => {
      const request = new XMLHttpRequest();
      request.open("PATCH", where);
      request.setRequestHeader("Tus-Resumable", "1.0.0");
      request.setRequestHeader("Upload-Offset", offset);
      request.setRequestHeader("Content-Type", "application/offset+octet-stream");
      request.upload.onprogress = event => tell(offset + event.loaded);
      request.onerror = () => fail(new Error("network"));
      request.onload = () => {
        if (request.status === 204) done(Number(request.getResponseHeader("Upload-Offset")));
        else if ([409, 423, 460].includes(request.status) || request.status >= 500) fail(new Error(request.status));
        else fail(new Refused(request.responseText));
      };
      request.send(part);
    });
  }

  async function upload(file) {
    const row = list.appendChild(document.createElement("li"));
    row.append(document.createTextNode(`${file.name} `));
    const bar = row.appendChild(document.createElement("progress"));
    const said = row.appendChild(document.createElement("span"));
    said.setAttribute("role", "status");
    bar.max = file.size || 1;
    const tell = offset => { bar.value = offset; said.textContent = ` ${Math.floor(100 * offset / (file.size || 1))} %`; };
    const key = `upload:${box.dataset.uploads}:${file.name}:${file.size}:${file.lastModified}`;
    for (let tries = 0; ; tries++) {
      try {
        let { where, offset } = await begun(file, key);
        tell(offset);
        while (offset < file.size) {
          offset = await sent(where, offset, file.slice(offset, offset + PART), tell);
          tries = 0;
          tell(offset);
        }
        localStorage.removeItem(key);
        bar.value = bar.max;
        said.textContent = ` ${box.dataset.done}`;
        return true;
      } catch (error) {
        if (error instanceof Refused) {
          localStorage.removeItem(key);
          said.setAttribute("role", "alert");
          said.textContent = ` ${box.dataset.refused} ${error.message}`;
          return false;
        }
        said.textContent = ` ${box.dataset.paused}`;
        await sleep(Math.min(30, 2 ** tries));
      }
    }
  }

  window.addEventListener("beforeunload", event => { if (running) event.preventDefault(); });
  document.getElementById("files").addEventListener("change", async event => {
    running++;
    let fine = true;
    for (const file of [...event.target.files]) fine = await upload(file) && fine;
    running--;
    if (!running && fine) location.reload();
  });
})();
