// The page's side of the virtual DOM: applies lists of operations (see frontend/dom/diff.go) and reports events.
(function () {
  'use strict';
  const SVG = 'http://www.w3.org/2000/svg';
  const svgTags = new Set(['svg', 'use', 'path', 'g', 'circle', 'rect', 'line']);
  const nodes = new Map();
  const numbers = new WeakMap();
  let report = null;

  const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;

  function keep(id, node) { nodes.set(id, node); numbers.set(node, id); }

  function forget(node) {
    if (node.tagName === 'DIALOG' && node.open) node.close();
    const id = numbers.get(node);
    if (id !== undefined) nodes.delete(id);
    for (let k = node.firstChild; k; k = k.nextSibling) forget(k);
  }

  function setProp(el, name, value, late) {
    if (name.startsWith('style.')) { el.style.setProperty(name.slice(6), value); return; }
    switch (name) {
      case 'value': if (el.value !== value) el.value = value; break;
      case 'checked': el.checked = value === 'true'; break;
      case 'indeterminate': el.indeterminate = value === 'true'; break;
      case 'modal': late.push(el); break;
    }
  }

  function delProp(el, name) {
    if (name.startsWith('style.')) { el.style.removeProperty(name.slice(6)); return; }
    switch (name) {
      case 'value': el.value = ''; break;
      case 'checked': el.checked = false; break;
      case 'indeterminate': el.indeterminate = false; break;
    }
  }

  function apply(json) {
    const o = JSON.parse(json), late = [], focused = document.activeElement;
    for (let i = 0; i < o.length;) {
      const kind = o[i], id = o[i + 1];
      switch (kind) {
        case 0: {
          const tag = o[i + 2];
          keep(id, svgTags.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag));
          i += 3; break;
        }
        case 1: keep(id, document.createTextNode(o[i + 2])); i += 3; break;
        case 2: nodes.get(id).data = o[i + 2]; i += 3; break;
        case 3: nodes.get(id).setAttribute(o[i + 2], o[i + 3]); i += 4; break;
        case 4: nodes.get(id).removeAttribute(o[i + 2]); i += 3; break;
        case 5: setProp(nodes.get(id), o[i + 2], o[i + 3], late); i += 4; break;
        case 6: delProp(nodes.get(id), o[i + 2]); i += 3; break;
        case 7: nodes.get(o[i + 2]).insertBefore(nodes.get(id), o[i + 3] ? nodes.get(o[i + 3]) : null); i += 4; break;
        case 8: { const n = nodes.get(id); forget(n); n.remove(); i += 2; break; }
        default: throw new Error('dom.js: operation ' + kind);
      }
    }
    for (const d of late) if (d.isConnected && !d.open) d.showModal();
    // A moved element loses the focus; give it back.
    if (focused && focused !== document.activeElement && focused.isConnected && !late.length &&
        (document.activeElement === document.body || !document.activeElement)) focused.focus({ preventScroll: true });
  }

  function path(target) {
    const ids = [];
    for (let n = target; n; n = n.parentNode) {
      const id = numbers.get(n);
      if (id !== undefined) ids.push(id);
    }
    return ids.join(',');
  }

  function editable(t) {
    if (!t || !t.tagName) return false;
    if (t.tagName === 'TEXTAREA' || t.tagName === 'SELECT' || t.isContentEditable) return true;
    return t.tagName === 'INPUT' && !['checkbox', 'radio', 'button', 'submit'].includes(t.type);
  }

  // Measuring makes the browser lay the page out at once, so it is done for those alone who ask for it.
  const measured = new Set(['scroll', 'resize']);

  // Where a menu is asked for: at the pointer or, by a key, at the element.
  function menuPlace(e, type) {
    const byKey = type === 'keydown' && (e.key === 'ContextMenu' || e.key === 'F10' && e.shiftKey);
    if (type !== 'contextmenu' && !byKey) return [0, 0];
    const size = rem();
    if (!byKey && (e.clientX || e.clientY)) return [e.clientX / size, e.clientY / size];
    const r = e.target.getBoundingClientRect();
    return [r.left / size + 4, r.top / size + 2];
  }

  function send(e, type, target) {
    const t = target || e.target, r = measured.has(type) && t ? rem() : 0;
    const value = t && 'value' in t && typeof t.value === 'string' ? t.value : '';
    const flags = (t && t.checked ? 1 : 0) | (e.ctrlKey || e.metaKey ? 2 : 0) | (e.shiftKey ? 4 : 0) |
      (e.altKey ? 8 : 0) | (editable(t) ? 16 : 0);
    const at = menuPlace(e, type);
    const stop = report(type, path(t), value, e.key || '', flags, r && t.scrollTop / r,
      r && t.clientHeight / r, t && t.id || '', at[0], at[1]);
    if (stop) e.preventDefault();
  }

  // What is typed into a field is told by the event that follows.
  function typed(e) { return e.key.length === 1 && !e.ctrlKey && !e.metaKey && !e.altKey && editable(e.target); }

  // The arrows move inside a menu; which item has the focus is the page's business alone.
  function arrows(e) {
    const menu = e.target.closest && e.target.closest('[data-arrows]');
    if (!menu) return false;
    const items = [...menu.querySelectorAll('button:not(:disabled)')], at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? items.length - 1 : at - 1, Home: 0, End: items.length - 1 }[e.key];
    if (to === undefined || !items.length) return false;
    items[(to + items.length) % items.length].focus();
    e.preventDefault();
    return true;
  }

  // How many of the widths that its data-rooms name, in rem, an element has.
  function room(el, width) { el.dataset.room = el.dataset.rooms.split(' ').filter((w) => width >= w).length; }

  // What has the focus is scrolled out from under a footer that stays in sight, in any form.
  function uncover(el) {
    const box = el.closest('label') || el, foot = [...document.querySelectorAll('.actions')]
      .find((a) => !a.contains(el) && getComputedStyle(a).position === 'sticky' && a.parentElement.contains(el));
    if (!foot) return;
    const f = foot.getBoundingClientRect(), r = box.getBoundingClientRect(), over = r.bottom + 6 - f.top;
    if (over <= 0 || r.top >= f.bottom) return;
    let scroller = foot.parentElement;
    while (scroller && !/auto|scroll/.test(getComputedStyle(scroller).overflowY)) scroller = scroller.parentElement;
    if (scroller) scroller.scrollTop += over;
  }

  function mount(id, fn) {
    report = fn;
    const root = document.getElementById(id);
    root.textContent = '';
    keep(0, root);
    for (const type of ['click', 'input', 'change', 'submit', 'keydown', 'contextmenu']) {
      document.addEventListener(type, (e) => {
        if (e.isComposing || type === 'keydown' && (typed(e) || arrows(e))) return;
        send(e, type);
      });
    }
    // What may be cut off is told whole to who points at it. Written with the words, it would cost time at every letter of a search.
    document.addEventListener('mousemove', (e) => {
      const el = e.target.closest && e.target.closest('[data-whole]');
      if (el) el.title = [...el.childNodes].map((n) => n.textContent).join(' · ');
    }, { passive: true });
    // After the browser's own scrolling.
    document.addEventListener('focusin', (e) => requestAnimationFrame(() => { if (e.target === document.activeElement) uncover(e.target); }));
    // Escape in a dialog: the state closes it, not the browser.
    document.addEventListener('cancel', (e) => { e.preventDefault(); send(e, 'cancel'); }, true);
    document.addEventListener('scroll', (e) => { if (e.target !== document) send(e, 'scroll'); }, { capture: true, passive: true });
    const watch = new ResizeObserver((list) => {
      for (const x of list) {
        if (x.target.dataset.measure !== undefined) send({ target: x.target }, 'resize', x.target);
        else room(x.target, x.contentRect.width / rem());
      }
    });
    const watched = new WeakSet(); // observing again would report again
    new MutationObserver(() => {
      for (const el of document.querySelectorAll('[data-measure], [data-rooms]')) {
        if (watched.has(el)) continue;
        watched.add(el);
        watch.observe(el);
      }
    }).observe(root, { childList: true, subtree: true });
  }

  function focus(id, from) {
    const el = document.getElementById(id);
    if (!el || from && (!document.activeElement || document.activeElement.id !== from)) return;
    el.focus({ preventScroll: false });
    if (el.tagName === 'INPUT' && el.dataset.select !== undefined) el.select();
  }

  function scroll(id, to) {
    const el = document.getElementById(id);
    if (el) el.scrollTop = to * rem();
  }

  window.jellybindDOM = { mount, apply, focus, scroll };
})();
