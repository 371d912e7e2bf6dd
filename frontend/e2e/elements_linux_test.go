package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/demo/server"
	"github.com/jellybind/jellybind/backend/jellyfin"
	"github.com/jellybind/jellybind/backend/roster"
	"github.com/jellybind/jellybind/backend/ssoplugin"
)

// TestElements uses the controls that other tests do not, on one server: what each control of the roster, the providers, the
// self-service and the settings does, and what each button to copy puts on the clipboard.
//
//nolint:tparallel // one page, and one part after the other
func TestElements(t *testing.T) {
	t.Parallel()
	d := world(t)
	answered := announce(t, d)
	a, p := desk(t)
	v := &visit{tab: p, a: a, d: d, clock: &clock{}, as: api.CredentialAdmin}
	if answered {
		p.do("a server that appears by itself", clickAt("the server", fmt.Sprintf(`() => [...document.querySelectorAll('.found')].find(f =>
			f.querySelector('.found-url').textContent === %q)`, d.URL())))
	} else {
		p.try(d.URL())
	}
	p.do("where the sign-in is kept", sees(english.T("connect.how")), until(fmt.Sprintf(`[...document.querySelectorAll('.banner.info')].some(b =>
		b.offsetParent && b.innerText.includes(%q))`, english.T("connect.keyring"))))
	p.do("Quick Connect", clickOn(`input[value=quick]`), clickOn("#sign-in"), until(`document.querySelector('#quick-code output')`))
	code := ask[string](p, `document.querySelector('#quick-code output').textContent`)
	v.copies("quick.code", `.quick-code .icon-button`, strings.ReplaceAll(code, " ", ""))
	approve(t, d, strings.ReplaceAll(code, " ", ""))
	p.do("stored, and said so", until(loaded), sees(english.T("toast.stored")))

	for _, part := range []struct {
		name string
		do   func(*visit)
	}{
		{"columns", (*visit).columns},
		{"filters", (*visit).kinds},
		{"refresh", (*visit).refreshes},
		{"providers", (*visit).providers},
		{"self-service", (*visit).selfService},
		{"copying", (*visit).copying},
		{"theme", (*visit).theme},
		{"browser", (*visit).browserField},
		{"rename", (*visit).renames},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.do(v.in(t)) }) {
			return // the page is where that part left it
		}
	}
}

// announce lets the world answer to Jellyfin's discovery on the loopback, which the window asks as well. It reports false
// where a server has that port already.
func announce(t *testing.T, d *demo.World) bool {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:7359")
	if errors.Is(err, syscall.EADDRINUSE) && os.Getenv("CI") == "" {
		t.Logf("the discovery is not tested: %v", err)
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	d.Server().SetLocalAddress(host(d.URL()))
	done := make(chan error, 1)
	go func() { done <- d.Server().ServeDiscovery(t.Context(), conn) }()
	t.Cleanup(func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return true
}

// truth is the roster as an API key reads it from the server, without the window.
func (v *visit) truth() api.Roster {
	v.t.Helper()
	c, err := jellyfin.New(jellyfin.Options{URL: v.d.URL(), DeviceID: "test", Version: "test"})
	if err != nil {
		v.t.Fatal(err)
	}
	c = c.WithCredential(v.d.APIKey())
	plugin, err := ssoplugin.Detect(v.t.Context(), c, api.CredentialKey, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	snap, err := plugin.Read(v.t.Context())
	if err != nil {
		v.t.Fatal(err)
	}
	users, err := c.Users(v.t.Context(), nil)
	if err != nil {
		v.t.Fatal(err)
	}
	return roster.Build(users, snap.Providers, snap.Links, v.clock.now(), false)
}

// columns sorts by each column in both directions. Identities and activity begin with the most and the latest.
func (v *visit) columns() {
	v.t.Helper()
	index := roster.NewIndex(v.truth(), nil)
	for i, by := range []api.RosterSort{api.SortLinks, api.SortActivity, api.SortName} {
		for _, reverse := range []bool{false, true} {
			page := index.Page(api.RosterQuery{Sort: by, Reverse: reverse, Language: "en"})
			var want []string
			for _, r := range page.Rows[:6] {
				if r.Exists {
					want = append(want, r.Name)
				}
			}
			head := []string{".c-links", ".c-activity", ".c-name"}[i]
			direction := map[bool]string{false: "ascending", true: "descending"}[reverse == (by == api.SortName)]
			v.do("sorting", clickOn(".row-head "+head+" .sort"),
				until(fmt.Sprintf(`document.querySelector('.row-head %s').getAttribute('aria-sort') === %q &&
					document.querySelector('#grid[aria-busy="false"]')`, head, direction)))
			names := fmt.Sprintf(`[...document.querySelectorAll('.rows > .row')].slice(0, 6).map(r => r.querySelector('.account-name').textContent)
				.filter(n => n !== %q)`, english.T("row.deleted"))
			if got := ask[[]string](v.tab, names); !slices.Equal(got, want) {
				v.t.Errorf("by %s, %s: the first are %q, want %q", head, direction, got, want)
			}
		}
	}
	v.do("by name again", clickOn(".row-head .c-name .sort"), until(`document.querySelector('.row-head .c-name').getAttribute('aria-sort') === 'ascending'`))
}

// kinds presses each filter and picks each provider: the count next to it, the rows and the server say the same.
func (v *visit) kinds() {
	v.t.Helper()
	truth := v.truth()
	rows := func(want int) {
		v.t.Helper()
		v.do("the rows", until(fmt.Sprintf(`document.querySelector('#grid[aria-busy="false"]')?.getAttribute('aria-rowcount') === '%d'`, want+1)))
	}
	for _, f := range []struct {
		filter api.RosterFilter
		key    string
	}{
		{api.FilterLinked, "filter.linked"},
		{api.FilterUnlinked, "filter.unlinked"},
		{api.FilterSeveral, "filter.several"},
		{api.FilterOrphan, "filter.orphan"},
		{api.FilterAtRisk, "filter.atRisk"},
		{api.FilterDisabled, "filter.disabled"},
		{api.FilterAdministrator, "filter.administrator"},
	} {
		want := 0
		for i := range truth.Accounts {
			if roster.Matches(&truth.Accounts[i], f.filter) {
				want++
			}
		}
		if want == 0 || want == len(truth.Accounts) {
			v.t.Fatalf("the filter %q finds %d accounts, which tests nothing", f.filter, want)
		}
		button := fmt.Sprintf(`[...document.querySelectorAll('.filter')].find(f => f.innerText.startsWith(%q))`, english.T(f.key))
		v.do("all of them", clickOn(".filter"), until(`document.querySelector('.filter').getAttribute('aria-pressed') === 'true'`)) // filters combine
		v.do(f.key, clickAt(f.key, "() => "+button), until(button+`.getAttribute('aria-pressed') === 'true'`))
		rows(want)
		if n := ask[string](v.tab, button+`.querySelector('.filter-count').textContent`); n != english.Number(want) {
			v.t.Errorf("next to %s is %s, want %d", f.key, n, want)
		}
	}
	v.do("all of them", clickOn(".filter"))
	for _, p := range truth.Providers {
		want := 0
		for _, a := range truth.Accounts {
			if slices.ContainsFunc(a.Identities, func(i api.Identity) bool { return i.Protocol == p.Protocol && i.Provider == p.Name }) {
				want++
			}
		}
		v.do("by provider", choose("by-provider", string(p.Protocol)+"/"+p.Name))
		rows(want)
	}
	v.do("of every provider", choose("by-provider", ""))
	rows(len(truth.Accounts))
}

// refreshes adds an account on the server, which the window shows when it is asked to look again.
func (v *visit) refreshes() {
	v.t.Helper()
	before := len(v.truth().Accounts)
	v.d.Server().AddUser(server.UserSpec{Name: "just.came"})
	v.do("refreshing", click(english.T("roster.refresh")),
		until(fmt.Sprintf(`document.querySelector('#grid[aria-busy="false"]')?.getAttribute('aria-rowcount') === '%d'`, before+2)))
	v.account("just.came")
	v.closeDrawer()
	v.do("everybody", fill("search", ""), until(loaded))
}

// providers compares each provider's addresses with the backend's, and tests one of each protocol.
func (v *visit) providers() {
	v.t.Helper()
	v.screen(english, "providers")
	var details []api.ProviderDetail
	if err := json.Unmarshal([]byte(ask[string](v.tab, `go.main.App.Providers().then(JSON.stringify)`)), &details); err != nil {
		v.t.Fatal(err)
	}
	for _, p := range details {
		card := fmt.Sprintf(`[...document.querySelectorAll('.provider')].find(p => p.querySelector('h2').textContent === %q)`, p.Name)
		v.do("the details of "+p.Name, click(english.T("providers.facts")+": "+p.Name), until(card+`.querySelector('.allow h3')`))
		for title, want := range map[string][]string{"providers.forApp": p.AppRedirects, "providers.forServer": p.ServerRedirects} {
			got := ask[[]string](v.tab, fmt.Sprintf(`[...%s.querySelectorAll('.allow h3')].filter(h => h.textContent === %q).flatMap(h =>
				[...h.parentElement.querySelectorAll('.copy-value')].map(c => c.textContent))`, card, english.T(title)))
			if !slices.Equal(got, want) || len(want) == 0 {
				v.t.Errorf("%s of %s are %q, want %q", title, p.Name, got, want)
			}
		}
		for _, address := range p.ServerRedirects {
			if !strings.HasPrefix(address, v.d.URL()+"/") {
				v.t.Errorf("the server's address for %s is %q", p.Name, address)
			}
		}
	}
	tested := func(test, name, good string) {
		v.t.Helper()
		v.do("testing "+name, click(english.T(test)+": "+name), until(fmt.Sprintf(`[...document.querySelectorAll('.provider')].some(p =>
			p.querySelector('h2').textContent === %q && p.querySelector('.banner.good')?.innerText.includes(%q))`, name, english.T(good))))
	}
	tested("providers.test.oidc", demo.Authelia, "providers.testGood")
	tested("providers.test.saml", demo.ADFS, "providers.testGoodSaml")
	v.copies("allow.oidc.one", `.provider .allow .icon-button`, details[0].AppRedirects[0])
	v.roster()
}

// selfService compares the page's address and the menu's entry with the backend's.
func (v *visit) selfService() {
	v.t.Helper()
	kit, err := ssoplugin.SelfService(v.d.URL(), nil)
	if err != nil {
		v.t.Fatal(err)
	}
	v.screen(english, "own")
	v.do("the kit", until(fmt.Sprintf(`document.querySelector('.copy-value')?.textContent === %q`, kit.PageURL)),
		until(fmt.Sprintf(`document.querySelector('pre.code')?.textContent === %q`, kit.MenuLink)))
	v.copies("self.page", `.copyable .icon-button`, kit.PageURL)
	v.copies("self.copy", `.card .actions .button`, kit.MenuLink)
	v.roster()
}

// copying copies a canonical name that has blanks at its end, and the address to sign in at.
func (v *visit) copying() {
	v.t.Helper()
	names := v.linked("blanks")
	v.account("blanks")
	v.copies("identity.name", `.drawer .identity .icon-button`, names[0].Name)
	v.closeDrawer()
	v.account(demo.TourName)
	v.pick(api.OIDC, demo.Authelia)
	v.do("to sign in", clickOn("#run-link"), until(`document.querySelector('.signin .copy-value')`))
	v.copies("signin.address", `.signin .copyable .icon-button`, ask[string](v.tab, `document.querySelector('.signin .copy-value').textContent`))
	v.do("cancelling", click(english.T("cancel")), until(`document.getElementById('run-link')`))
	v.closeDrawer()
	v.do("everybody", fill("search", ""), until(loaded))
}

// copies presses a button to copy, and reads the clipboard.
func (v *visit) copies(what, button, want string) {
	v.t.Helper()
	v.do("emptying the clipboard", chromedp.Evaluate[chromedp.Void](`runtime.ClipboardSetText('nothing')`, chromedp.EvalAwaitPromise))
	v.do("copying "+what, clickOn(button), until(fmt.Sprintf(`runtime.ClipboardGetText().then(t => t === %q)`, want)), sees(english.T("toast.copied")))
}

// theme chooses each theme: the page has it at once, keeps it, and has its ground.
func (v *visit) theme() {
	v.t.Helper()
	v.screen(english, "settings")
	for _, c := range [][2]string{{"dark", "rgb(20, 24, 27)"}, {"light", "rgb(246, 247, 248)"}} {
		v.do("the theme "+c[0], choose("theme", c[0]), until(fmt.Sprintf(`document.documentElement.dataset.theme === %q &&
			getComputedStyle(document.body).backgroundColor === %q`, c[0], c[1])))
	}
	v.do("the system's", choose("theme", "system"), until(`!['light', 'dark'].includes(document.documentElement.dataset.theme)`))
}

// browserField accepts the name of a browser, but no command.
func (v *visit) browserField() {
	v.t.Helper()
	v.do("no message over the fields", chromedp.Evaluate[chromedp.Void](`document.querySelectorAll('.toast .icon-button').forEach(b => b.click())`),
		until(`!document.querySelector('.toast')`))
	stored := func() string {
		v.t.Helper()
		b, err := os.ReadFile(filepath.Join(v.a.config, "servers.json"))
		if err != nil {
			v.t.Fatal(err)
		}
		return string(b)
	}
	// The page offers no field for a command, and the backend accepts none from it.
	refused := ask[string](v.tab, `go.main.App.SaveSettings({browser: 'sh -c evil'}).then(() => 'taken', String)`)
	if !strings.Contains(refused, "browser-name") || strings.Contains(stored(), "evil") {
		v.t.Errorf("the command: %s", refused)
	}
	v.do("what is chosen next is stored", choose("theme", "dark"), until(`go.main.App.Bootstrap('').then(b => b.settings.theme === 'dark')`))
	v.do("a known one", choose("browser", "chromium"), clickOn("form .button.primary"), sees(english.T("toast.saved")))
	if !strings.Contains(stored(), `"chromium"`) {
		v.t.Error("the browser was not stored")
	}
}

// renames gives the server another name, which the switcher shows and the file keeps.
func (v *visit) renames() {
	v.t.Helper()
	v.do("renaming", clickOn(`.server-row .icon-button[aria-label^="Rename"]`), until(`document.querySelector('dialog[open] input')`))
	field := ask[string](v.tab, `document.querySelector('dialog[open] input').id`)
	v.do("the name", fill(field, "Attic"), click(english.T("rename.yes")), until(`!document.querySelector('dialog[open]') &&
		document.getElementById('servers').innerText.includes('Attic') && document.querySelector('.server-row .found-name').textContent === 'Attic'`))
	b, err := os.ReadFile(filepath.Join(v.a.config, "servers.json"))
	if err != nil || !strings.Contains(string(b), `"Attic"`) {
		v.t.Errorf("the name was not stored: %v", err)
	}
}
