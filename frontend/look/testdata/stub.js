// The backend's place in the look test: bound methods that answer from made-up data, by scenario (?s=…).
(function () {
  'use strict';
  const q = new URLSearchParams(location.search);
  const scenario = new Set((q.get('s') || '').split(','));
  const has = (w) => scenario.has(w);
  const count = Number(q.get('n') || 25);
  const listeners = {};
  const emit = (name, data) => (listeners[name] || []).forEach((f) => f(data));
  const wait = (ms, v) => new Promise((r) => setTimeout(() => r(structuredClone(v)), ms));
  // What the real backend says: the texts for errors and reasons, and the rules for proxies.
  const real = fetch('backend.json').then((r) => r.json());
  // An error as it crosses: the page makes its sentence from code, reason and facts.
  const wrong = (code, why, params) => ({ code, why: why || '', sentence: '', hint: '', params: params || {} });
  const fail = (code, why, params) => Promise.reject(wrong(code, why, params));
  const never = () => new Promise(() => {});
  const yes = { ok: true }, no = (why, params) => ({ ok: false, why, params });
  const names = ['Ada Lovelace', 'Björn Borg', 'carla', 'Dmitri', 'Émilie du Châtelet', 'Farid', 'Grace Hopper', 'hans', 'Ingrid', 'Jürgen', 'Kim', 'Lena',
    'Mohamed', 'Nina', 'Oskar', 'Priya', 'Quentin', 'Rosa', 'Søren', 'Tomás', 'Ulla', 'Vera', 'Wei', 'Yuki', 'Zoë'];
  const long = 'a-very-long-account-name-'.repeat(12), rtl = 'محمد عبد الله الخوارزمي', evil = '<img src=x onerror=alert(1)>\u202Egnp.exe';
  const hour = 3600e3;
  const now = Date.now();
  const users = Array.from({ length: count }, (_, i) => {
    let name = names[i % names.length] + (i >= names.length ? ' ' + Math.floor(i / names.length) : '');
    if (has('long')) name = [long, rtl, evil, 'שרה כהן'][i % 4] + i;
    const ids = [];
    const who = has('long') ? name : name.toLowerCase().replace(/[^a-z0-9]+/g, has('stubborn') ? '/' : '.');
    if (i % 3 === 0) ids.push({ protocol: 'oidc', provider: 'authelia', name: who });
    if (i % 6 === 0) ids.push({ protocol: 'saml', provider: 'keycloak-saml', name: who + '@example.org' });
    if (i % 12 === 0) ids.push({ protocol: 'oidc', provider: 'google', name: '1084' + i + '77123' });
    const orphan = i === 17;
    return { id: (i + 1).toString(16).padStart(32, 'a1'), name: orphan ? '' : name, administrator: i === 0 || i === 6, disabled: i === 10, hasPassword: i % 5 !== 4,
      authProvider: i % 3 ? 'Jellyfin.Server.Implementations.Users.DefaultAuthenticationProvider' : 'Jellyfin.Plugin.SSO_Auth.Api.SSOController',
      lastActivity: i % 7 === 5 ? undefined : new Date(now - ((i % 90) ** 2 + 1) * hour).toISOString(), exists: !orphan,
      unread: has('partial') && i % 4 === 1, identities: orphan ? [{ protocol: 'oidc', provider: 'authelia', name: 'left.behind' }] : ids, atRisk: i === 4 || i === 13, gaps: i === 4 || i === 13 ? [{ protocol: 'saml', provider: 'keycloak-saml', name }] : undefined, changed: i === 3 && has('stored') };
  });
  let changes = [], notes = [];
  const flows = {};
  let flowID = 0;
  const settings = { theme: q.get('theme') || 'system', language: q.get('lang') || 'en', ports: [], noSingleKeys: has('nokeys') };
  const stored = [{ name: 'Living room', url: 'https://jellyfin.home.example', credential: 'api-key', default: true },
    { name: 'Grandma', url: 'http://192.168.1.20:8096/jf', credential: 'user', userName: 'lena', default: false }];
  const boot = { last: has('stored') ? 'Living room' : '', browsers: ['firefox', 'chromium'], version: '0.1.0', os: 'linux', locale: 'en-GB', settings,
    profiles: has('stored') || has('opening') || has('openfail') || has('plain') ? stored : [],
    damaged: has('damaged') ? 'servers.json.damaged-20261124' : '' };
  const all = { readRoster: yes, readOwn: yes, readConfig: yes, nameBeforeWrite: yes, postLink: yes, postLinkOwn: yes, deleteLink: yes, deleteLinkOwn: yes,
    writeConfig: has('stubborn') ? no('config-ignored') : yes, preprovision: has('stubborn') ? yes : no('config-only'), unregister: yes, unregisterDrops: true, unregisterKept: true, stateOnce: false, pendingSeconds: 60 };
  const session = (demo, plain) => ({ profile: { default: !demo, name: demo ? 'demo' : 'Living room', url: 'http://127.0.0.1:41733', credential: plain ? 'user' : 'api-key', demo },
    server: { id: 'abc', name: demo ? 'Demo' : 'Living room', version: '10.11.2', url: 'http://127.0.0.1:41733', wizardCompleted: true },
    capabilities: { flavour: has('stubborn') || has('early') ? 'Flowfin' : '9p4', version: has('early') ? '4.2.1.0' : '4.0', remarks: has('early') ? [{ why: 'version-roster', params: { since: '4.3.0-beta.34' } }, { why: 'version-preprovision', params: { since: '4.3.0-beta.40' } }] : undefined, credential: plain ? 'user' : demo ? 'administrator' : 'api-key', ...all,
      ...(plain ? { readRoster: no('admin-roster'), postLink: no('admin-link'), deleteLink: no('admin-unlink'), writeConfig: no('admin-settings'), unregister: no('admin-unregister') } : {}) },
    user: plain ? users[11] : null, stored: !demo, demoPeople: demo ? ['Ada Lovelace', 'Maria Lindqvist', 'Björn Borg', 'Mallory Moss'] : undefined });
  const fold = (s) => s.normalize('NFD').replace(/[\u0300-\u036f]/g, '').toLowerCase();
  const filters = { '': () => true, linked: (u) => u.identities.length > 0, unlinked: (u) => !u.identities.length, several: (u) => u.identities.length > 1,
    orphan: (u) => !u.exists, 'at-risk': (u) => u.atRisk, disabled: (u) => u.disabled, administrator: (u) => u.administrator, changed: (u) => u.changed };
  const counts = () => { const c = {}; for (const [k, f] of Object.entries(filters)) c[{ '': 'all', 'at-risk': 'atRisk' }[k] || k] = users.filter(f).length;
    c.identities = users.reduce((n, u) => n + u.identities.length, 0); return c; };
  let cached = null, reading = 0;
  const provider = (protocol, name, more) => ({ protocol, name, known: true, enabled: true, newPath: true, autoAdopt: false,
    links: users.reduce((n, u) => n + u.identities.filter((i) => i.provider === name).length, 0),
    settings: { protocol, provider: name, hasSecret: name === 'authelia' && !window.stub.secretGone }, relay: yes,
    appRedirects: ['http://127.0.0.1:8787/sso/' + (protocol === 'oidc' ? 'OID/redirect/' : 'SAML/post/') + name],
    serverRedirects: ['https://jellyfin.home.example/sso/' + (protocol === 'oidc' ? 'OID/redirect/' : 'SAML/post/') + name], ...more });
  const signIn = () => ({ url: 'https://auth.example.org/authorize?client_id=x', host: 'auth.example.org', shortUrl: 'http://127.0.0.1:8787/', deadline: new Date(Date.now() + 272e3).toISOString() });
  const device = () => ({ code: 'WDJB-MJHT', url: 'https://auth.example.org/device', completeUrl: 'https://auth.example.org/device?user_code=WDJB-MJHT', host: 'auth.example.org', deadline: signIn().deadline });
  // The QR code of its completeUrl: a row of 29 modules in each number.
  const qr = '8t5tof 4ivm0x 6h2ct9 6gkfod 6gpz6l 4ik4ld 8tz2pr nv28 8b6fno 6y5e5l 2v6oif 4vf3si 4ahtjf 618lvt 89y0uz 4uy4ui 8bby0b 1elaa5 4ni88j 47qjyi 6hptdc wqaf 8u4acb 4jahax 6gze29 6gjj85 6he14p 4jk32a 8tyrbn'
    .split(' ').map((row) => parseInt(row, 36).toString(2).padStart(29, '0').split('').map((bit) => bit === '1'));
  const user = (id) => users.find((u) => u.id === id);

  window.stub = { emit, users, flows, wrong };
  const App = {
    Bootstrap: () => has('bootfail') ? Promise.reject({ ...wrong('internal'), sentence: 'The settings folder cannot be read.', hint: 'Check its permissions.' }) : real.then((r) => ({ ...boot, language: settings.language, words: r.words[settings.language] || r.words.en })),
    DiscoverServers: () => has('looking') ? never() : wait(30, has('found') ? [{ id: '1', name: 'Living room', url: 'http://192.168.1.10:8096' }, { id: '2', name: long, url: 'http://192.168.1.11:8096' }] : []),
    ProbeServer: (a) => {
      const srv = { id: 'abc', name: 'Living room', version: '10.11.2', url: 'https://' + a, wizardCompleted: true };
      switch (true) {
        case a === 'ftp://nowhere': return fail('address-invalid', 'no-address', { why: 'other-scheme' });
        case a === 'nowhere': return fail('server-unreachable', 'nothing-there', { typed: 'nowhere',
          list: ['https://nowhere', 'https://nowhere:8920', 'http://nowhere:8096', 'http://nowhere'].map((a, i) => a + (i ? ' connection-refused' : ' no-tls')).join('\n') });
        case a === 'hang': emit('progress', { step: 'waiting-for-server' }); return never();
        case a === 'huge': return fail('server-answer', 'odd-answer', { host: 'huge', why: 'web-page' });
        case a === 'cert': return wait(5, { server: { ...srv, id: '' }, certificate: { sha256: Array(32).fill('A7').join(':'), subject: 'CN=jellyfin.lan', issuer: 'CN=jellyfin.lan', notBefore: '2025-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00Z' } });
        case a === 'changed': return wait(5, { server: { ...srv, id: '' }, pinned: Array(32).fill('0B').join(':'), certificate: { sha256: Array(32).fill('A7').join(':'), subject: 'CN=jellyfin.lan', issuer: 'CN=jellyfin.lan', notBefore: '2025-01-01T00:00:00Z', notAfter: '2027-01-01T00:00:00Z' } });
        case a === 'starting': return wait(5, { server: srv, starting: true });
        case a === 'wizard': return wait(5, { server: { ...srv, wizardCompleted: false } });
        case a === 'noplugin': return wait(5, { server: srv, plugin: false });
      }
      return wait(5, { server: srv, plugin: true, flavours: ['9p4', 'K0lin'], quickConnect: true });
    },
    TrustCertificate: (a) => App.ProbeServer('jellyfin.lan'),
    StartDemo: () => has('demofail') ? fail('internal') : wait(100, session(true)),
    ConnectKey: (a, n, k) => k === 'good' ? wait(20, session(false)) : fail('credential-refused'),
    ConnectPassword: () => has('wrong') ? fail('credential-refused') : wait(20, session(false)),
    StartQuickConnect: () => wait(5, { id: 'q1', code: '493 027' }),
    CancelFlow: (id) => { delete flows[id]; return wait(1, null); },
    OpenProfile: () => has('openfail') ? fail('secret-locked') : has('opening') ? never() : wait(20, session(false, has('plain'))),
    SignOut: () => wait(5, null), ForgetProfile: (n) => { boot.profiles = boot.profiles.filter((p) => p.name !== n); return wait(5, null); }, RenameProfile: () => wait(5, null),
    MakeDefault: (n) => { boot.profiles.forEach((p) => { p.default = p.name === n; }); return wait(5, null); },
    RosterPage: (r) => {
      if (has('partial') && !reading++) {
        setTimeout(() => { emit('roster', counts()); emit('progress', { step: 'reading-links', done: 12, total: 24 }); }, 5);
        return never();
      }
      if (has('rosterfail')) return fail('timeout', 'stopped', { host: 'jellyfin.home.example' });
      if (has('loading')) { emit('progress', { step: 'reading-roster', done: 1250 }); return never(); }
      const t0 = performance.now();
      let rows = users;
      if (has('empty')) rows = [];
      const s = fold(r.search);
      rows = rows.filter((u) => (r.filters || []).every((f) => filters[f](u)) && (!r.provider || !r.without === u.identities.some((i) => i.provider === r.provider && i.protocol === r.protocol)) &&
        (!s || fold(u.name).includes(s) || u.identities.some((i) => fold(i.name).includes(s))));
      const by = { name: (a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0, activity: (a, b) => (a.lastActivity || '') > (b.lastActivity || '') ? -1 : 1, links: (a, b) => b.identities.length - a.identities.length };
      if (rows === users && r.sort === 'name' && cached) rows = cached; else rows = rows.slice().sort(by[r.sort]);
      if (rows.length === users.length && r.sort === 'name') cached = rows;
      if (r.reverse) rows = rows.slice().reverse();
      const page = { rows: rows.slice(r.offset, r.offset + r.limit), offset: r.offset, total: rows.length, counts: has('empty') ? { all: 0 } : counts(), taken: new Date(now - 120e3).toISOString() };
      window.stub.backend = performance.now() - t0;
      return Promise.resolve(structuredClone(page));
    },
    RefreshRoster: () => has('down') ? fail('server-unreachable') : wait(200, counts()),
    Account: (id) => wait(5, user(id)),
    Changes: (id) => wait(5, { changes: changes.filter((c) => !id || c.userId === id).map((c) => ({ ...c, undoable: c.state === 'confirmed' && !changes.some((x) => x.undoes === c.id) })) }),
    Providers: () => has('noproviders') ? wait(5, []) : has('providersslow') ? never() : has('providersfail') ? fail('forbidden', 'admin-config') : wait(5, [
      provider('oidc', 'authelia', { endpoint: 'https://auth.example.org', clientId: 'jellyfin', scopes: ['openid', 'profile', 'groups'], nameClaim: 'preferred_username' }),
      provider('oidc', 'google', { known: !has('plain'), endpoint: has('plain') ? '' : 'https://accounts.google.com', enabled: true, relay: no('override-host', { host: 'jellyfin.home.example' }) }),
      provider('saml', 'keycloak-saml', { endpoint: 'https://id.example.org/realms/home/protocol/saml', clientId: 'jellyfin', autoAdopt: true })]),
    TestProvider: (p, n) => n === 'google' ? wait(50, { ok: false, facts: [{ name: 'Asked', value: 'https://accounts.google.com/.well-known/openid-configuration' }], error: wrong('provider-unreachable', 'idp-away', { host: 'accounts.google.com' }) })
      : wait(50, { ok: true, facts: [{ name: 'issuer', value: 'https://auth.example.org' }, { name: 'token endpoint', value: 'https://auth.example.org/token' }] }),
    SaveProviderSettings: () => wait(5, null), SaveProviderSecret: (p, n, secret) => { window.stub.secretGone = !secret; return wait(5, null); },
    PlanLink: (r) => {
      const hidden = { host: '127.0.0.1:18701', server: 'media.example.com', provider: r.provider };
      const u = user(r.userId), o = (strategy, ok, why, params) => ({ strategy, ok, why, params, write: 'post-link' });
      const options = [o('relay', true, 'relay'), o('own-client', false, 'no-client'), ...(has('nodevice') ? [] : [o('device', true, 'device')]), o('subject', true, 'claim', { claim: 'preferred_username' })];
      if (has('noway')) return real.then((b) => ({ account: u, provider: { protocol: r.protocol, name: r.provider, enabled: true, known: true }, ...o('subject', true, 'claim', { claim: 'preferred_username' }), allow: [],
        options: [o('relay', false, 'proxied-closed', hidden), { ...o('plugin-client', false, 'no-secret', { client: 'jellyfin' }), code: 'client-secret-missing' }, { ...o('own-client', false, 'no-client'), code: 'client-missing' }, o('subject', true, 'claim', { claim: 'preferred_username' })],
        noWay: { attempts: [{ strategy: 'relay', code: 'loopback-unreachable', why: 'proxied-closed', params: hidden }], client: 'jellyfin', secret: true, local: true,
          allow: ['http://127.0.0.1:18701/sso/OID/redirect/' + r.provider], rules: b.rules } }));
      const chosen = options.find((x) => x.strategy === r.strategy) || options[0];
      return wait(20, { account: u, provider: { protocol: r.protocol, name: r.provider, nameClaim: 'preferred_username', enabled: true, known: true }, ...chosen,
        allow: ['http://127.0.0.1:8787/sso/OID/redirect/' + r.provider], knownBeforeWrite: true, options, remarks: has('warn') ? [{ why: 'warn-disabled' }] : [] });
    },
    StartLink: (r) => {
      const id = 'f' + (++flowID); flows[id] = r;
      if (r.strategy === 'subject') setTimeout(() => emit('flow', { id, step: 'confirm', confirmation: { account: user(r.userId), identity: { protocol: r.protocol, provider: r.provider, name: r.name }, nameKnown: true } }), 30);
      else if (r.strategy === 'device') setTimeout(() => emit('flow', { id, step: 'device', device: device(), qr }), 1);
      else { setTimeout(() => emit('flow', { id, step: 'sign-in', signIn: signIn() }), 1); }
      return wait(20, id);
    },
    ConfirmFlow: (id, ok) => {
      const r = flows[id];
      if (!ok) setTimeout(() => emit('flow', { id, step: 'failed', error: wrong('cancelled') }), 5);
      else setTimeout(() => {
        const identity = { protocol: r.protocol, provider: r.provider, name: r.name || 'bjorn' };
        user(r.userId).identities.push(identity);
        const change = { id: 'c' + id, time: new Date().toISOString(), server: 'abc', kind: 'link', state: 'confirmed', undoable: true, userId: r.userId, userName: user(r.userId).name, identities: [identity], strategy: r.strategy || 'relay' };
        changes.unshift(change);
        emit('flow', { id, step: 'done', change });
      }, 30);
      return wait(1, null);
    },
    OpenSignIn: () => wait(1, null),
    StartVerify: (p, n) => { const id = 'v' + (++flowID); setTimeout(() => emit('flow', { id, step: 'sign-in', signIn: signIn() }), 10); return wait(2, id); },
    RemoveLinks: async (links) => {
      let error;
      if (has('slow')) {
        emit('progress', { step: 'removing', done: 2, total: links.length });
        await new Promise((stop) => { window.stub.stop = stop; });
        error = wrong('cancelled', 'stopped-between', { done: '2', total: String(links.length) });
        links = links.slice(0, 2);
      }
      const made = links.map((k, i) => { const u = user(k.userId); u.identities = u.identities.filter((x) => !(x.provider === k.provider && x.name === k.name));
        return { id: 'r' + Date.now() + i, time: new Date().toISOString(), server: 'abc', kind: 'unlink', state: 'confirmed', undoable: true, userId: u.id, userName: u.name, identities: [{ protocol: k.protocol, provider: k.provider, name: k.name }] }; });
      changes = made.concat(changes); return wait(20, { changes: made, error });
    },
    StopChanges: () => { window.stub.stop?.(); return wait(1, null); },
    SaveNote: (n) => { notes = notes.filter((x) => x.name !== n.name).concat(n.text ? [n] : []); return wait(5, notes); },
    WatchAccount: (id) => wait(5, user(id)),
    AcceptRisk: (id, on) => { const u = user(id); u.atRisk = !on; u.accepted = on; setTimeout(() => emit('roster', counts()), 5); return wait(5, null); },
    RemoveLinksViaUnregister: (links) => App.RemoveLinks(links),
    PlanUnregister: (id) => wait(5, { account: user(id), providers: [{ id: 'Default', name: 'Default' }, { id: 'LDAP', name: 'LDAP-Authentication' }], links: 2, remarks: [{ why: 'drops-several', params: { n: '2' } }], noPassword: true }),
    Unregister: (id) => wait(5, { id: 'u', kind: 'unregister', state: 'confirmed', undoable: true, userName: user(id).name, time: new Date().toISOString() }),
    UndoChanges: (ids) => wait(10, { changes: ids.map((id) => { const c = changes.find((x) => x.id === id); const u = user(c.userId);
      if (c.kind === 'unlink') u.identities.push(...c.identities); else u.identities = u.identities.filter((x) => !c.identities.some((y) => y.name === x.name && y.provider === x.provider));
      const undo = { ...c, id: c.id + 'u', kind: c.kind === 'link' ? 'unlink' : 'link', undoes: c.id, time: new Date().toISOString() }; changes.unshift(undo); return undo; }) }),
    SelfService: () => wait(5, { pageUrl: 'https://jellyfin.home.example/SSOViews/linking', menuName: 'Linked accounts', menuLink: '{\n  "menuLinks": [\n    {\n      "name": "Linked accounts",\n      "icon": "link",\n      "url": "https://jellyfin.home.example/SSOViews/linking"\n    }\n  ]\n}\n' }),
    SaveSettings: (s) => { window.stub.saved = s; return wait(1, null); }, CheckKeyring: () => wait(has('locked') ? 3000 : 20, has('locked') ? { ok: false, code: 'secret-locked' } : has('nokeyring') ? { ok: false, code: 'secret-unavailable' } : { ok: true }), Quit: () => wait(1, null),
  };
  window.go = { main: { App } };
  window.runtime = { EventsOn: (n, f) => { (listeners[n] = listeners[n] || []).push(f); return () => {}; }, ClipboardSetText: (t) => { window.stub.clipboard = t; return Promise.resolve(true); } };
})();
