// Starts the WebAssembly program. A file of its own: the content security policy allows no inline script.
(async function () {
  'use strict';
  const go = new Go();
  try {
    const { instance } = await WebAssembly.instantiateStreaming(fetch('app.wasm'), go.importObject);
    await go.run(instance);
  } catch (err) {
    const box = document.getElementById('app');
    box.setAttribute('role', 'alert');
    box.textContent = 'Jellybind could not start its window: ' + err;
  }
})();
