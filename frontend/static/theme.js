// Runs before anything is painted: the theme that was chosen last, so that no start flashes in the wrong colour.
(function () {
  'use strict';
  const root = document.documentElement;
  try {
    const theme = localStorage.getItem('theme');
    if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
  } catch { /* a window without storage follows the system */ }
  window.jellybindTheme = (theme) => {
    try { localStorage.setItem('theme', theme || 'system'); } catch { /* the same */ }
  };
})();
