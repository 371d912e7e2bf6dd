// Starts the WebAssembly file, and says so in words when that cannot be.
(function () {
  'use strict';
  const german = (navigator.language || '').toLowerCase().startsWith('de');
  const words = german
    ? { none: 'Dieses Fenster kann kein WebAssembly.', hint: 'WebKitGTK oder WebView2 aktualisieren, dann Jellybind neu starten.',
        broken: 'Jellybind konnte nicht starten.', ended: 'Jellybind wurde unerwartet beendet.', again: 'Jellybind neu starten. Bleibt es dabei, hilft eine Neuinstallation.' }
    : { none: 'This window cannot run WebAssembly.', hint: 'Update WebKitGTK or WebView2, then start Jellybind again.',
        broken: 'Jellybind could not start.', ended: 'Jellybind ended unexpectedly.', again: 'Start Jellybind again. If it stays like this, reinstall it.' };

  function fail(text, detail) {
    const app = document.getElementById('app');
    app.textContent = '';
    const box = document.createElement('div');
    box.className = 'boot boot-failed';
    box.setAttribute('role', 'alert');
    for (const [cls, t] of [['boot-title', text], ['boot-detail', detail]]) {
      const p = document.createElement('p');
      p.className = cls;
      p.textContent = t;
      box.append(p);
    }
    app.append(box);
  }

  async function icons() {
    try {
      const svg = await (await fetch('icons.svg')).text();
      const doc = new DOMParser().parseFromString(svg, 'image/svg+xml');
      document.getElementById('icons').append(document.importNode(doc.documentElement, true));
    } catch { /* the window works without icons */ }
  }

  async function start() {
    if (typeof WebAssembly !== 'object' || typeof Go !== 'function') { fail(words.none, words.hint); return; }
    const go = new Go();
    let program;
    try {
      const loading = fetch('app.wasm');
      try {
        program = await WebAssembly.instantiateStreaming(loading, go.importObject);
      } catch (e) {
        // Some servers send the file without its media type.
        const bytes = await (await fetch('app.wasm')).arrayBuffer();
        program = await WebAssembly.instantiate(bytes, go.importObject);
      }
    } catch (e) {
      fail(words.broken, words.again);
      return;
    }
    go.run(program.instance).then(() => fail(words.ended, words.again), () => fail(words.ended, words.again));
  }

  icons();
  start();
})();
