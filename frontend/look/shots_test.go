//go:build !js

package look_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// shot is one picture: a page and the way there.
type shot struct {
	name  string
	query string
	steps []action
}

func link(more ...action) []action {
	return append(
		append([]action{}, toRoster...),
		append([]action{
			click("Link an identity to Björn Borg"),
			sees("Which provider does the person sign in with?"),
			script(
				`document.querySelector('input[value="oidc/authelia"]').click()`,
			),
			sees("Sign-in through the plugin"),
		}, more...)...)
}

func roster(more ...action) []action {
	return append(append([]action{}, toRoster...), more...)
}

// selected goes on from a selection of the first four accounts that exist.
func selected(more ...action) []action {
	return roster(append([]action{
		script(`document.querySelectorAll('.rows input')[1].click()`),
		script(`document.querySelectorAll('.rows input')[4].dispatchEvent(new MouseEvent('click', {bubbles: true, shiftKey: true}))`),
		sees("4 accounts selected"),
	}, more...)...)
}

// removing goes on from a selection to a removal that is under way.
var removing = []action{
	script(`document.querySelector('.selection .danger').click()`), until(`document.querySelector('dialog[open] #remove-yes')`),
	script(`document.getElementById('remove-yes').click()`), sees("(2 of "),
}

func screen(name string, more ...action) []action {
	return roster(
		append(
			[]action{script(`document.getElementById('nav-` + name + `').click()`), chromedp.Sleep(80 * time.Millisecond)},
			more...)...)
}

func german(name string, more ...action) []action {
	return append([]action{
		click("Demo starten"), sees("24 Konten"), until(`document.getElementById('nav-settings')`),
		script(`document.getElementById('nav-` + name + `').click()`),
		chromedp.Sleep(80 * time.Millisecond),
	}, more...)
}

// toLink goes to the link panel of a stored server, with the backend's own texts.
func toLink(seen, find, finds string, more ...action) []action {
	return append([]action{
		sees(seen), click(find), until(`document.querySelector('input[value="oidc/authelia"]')`),
		script(`document.querySelector('input[value="oidc/authelia"]').click()`), sees(finds),
	}, more...)
}

func english(finds string, more ...action) []action {
	return toLink("24 accounts", "Link an identity to Björn Borg", finds, more...)
}

func inGerman(finds string, more ...action) []action {
	return toLink("24 Konten", "Identität mit Björn Borg verknüpfen", finds, more...)
}

// ruleOpen opens the rule for nginx.
var ruleOpen = script(`(() => { const d = document.querySelector('details.allow'); d.open = true; d.scrollIntoView({block: 'center'}) })()`)

func connect(address string, more ...action) []action {
	way := []action{
		sees("See which identities"),
		chromedp.SendKeys(chromedp.CSS("#address"), address),
		click("Continue"),
		chromedp.Sleep(100 * time.Millisecond),
	}
	return append(way, more...)
}

var byKey = chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
	for _, a := range []action{sees("How should"), script(`document.querySelector('input[value=key]').click()`), until(`document.getElementById('key')`)} {
		if _, err := a(ctx, tab); err != nil {
			return err
		}
	}
	return nil
})

var openAda = []action{
	script(`document.querySelectorAll('.rows > .row')[1].click()`),
	sees("Account ID"),
	chromedp.Sleep(50 * time.Millisecond),
}

var all = []shot{
	{"welcome", "", []action{sees("None found")}},
	{"welcome-german", "lang=de", []action{sees("Keine gefunden")}},
	{"roster-german", "lang=de", []action{click("Demo starten"), sees("24 Konten")}},
	{
		"link-german",
		"lang=de",
		[]action{
			click("Demo starten"),
			sees("24 Konten"),
			click("Identität mit Björn Borg verknüpfen"),
			until(
				`document.querySelector('input[value="oidc/authelia"]')`,
			),
			script(`document.querySelector('input[value="oidc/authelia"]').click()`),
			sees("Anmeldung über das Plugin"),
		},
	},
	{"welcome-found", "s=found,nokeyring", []action{sees("192.168.1.10")}},
	{"welcome-error", "", connect("ftp://nowhere", sees("only http and https lead to a Jellyfin server"))},
	{"connect-nowhere", "", connect("nowhere", sees("No Jellyfin answers at nowhere. Tried: https://nowhere (no TLS there)"))},
	{
		"welcome-damaged",
		"s=damaged,demofail",
		[]action{sees("could not be read"), click(startDemo), sees("Something went wrong inside Jellybind")},
	},
	{"connect-key", "", connect("jellyfin.lan", byKey)},
	{"connect-password", "", connect("jellyfin.lan", sees("Jellyfin user name"))},
	{"connect-locked", "s=locked", connect("jellyfin.lan", sees("Jellyfin user name"), sees("keyring is locked"))},
	{"add", "", link(click("Open browser and sign in"), sees("4:3"), script(`document.getElementById('servers').click()`), click("Add a server"), sees("Server address"))},
	{"add-connect", "", link(click("Open browser and sign in"), sees("4:3"), script(`document.getElementById('servers').click()`), click("Add a server"),
		chromedp.SendKeys(chromedp.CSS("#address"), "jellyfin.lan"), click("Continue"), sees("How should"))},
	{"leave", "", link(click("Open browser and sign in"), sees("4:3"), click("Leave the demo"), sees("Leave Demo server?"))},
	{"link-home", "s=nodevice", link(click("Let the person link at home…"), sees("Send this link"))},
	{"noted", "", roster(script(`document.querySelectorAll('.rows > .row')[1].click()`), sees("Account ID"), script(`document.getElementById('note-2').click()`),
		until(`document.getElementById('note')`), chromedp.SendKeys(chromedp.CSS("#note"), "Ada at work"), click("Save"), until(`document.querySelector('.identity .note')`))},
	{"account-risk", "", roster(chromedp.SendKeys(chromedp.CSS("#search"), "nina"), until(`document.querySelectorAll('.rows > .row').length === 1`), script(`document.getElementById('row-0').click()`), sees("Accept the risk"))},
	{"close-gap", "lang=de", []action{
		click("Demo starten"), sees("24 Konten"),
		chromedp.SendKeys(chromedp.CSS("#search"), "nina"), until(`document.querySelectorAll('.rows > .row').length === 1`), script(`document.getElementById('row-0').click()`), click("Namen bei keycloak-saml verknüpfen…"), sees("Diesen Namen verknüpfen"),
	}},
	{"row-menu", "", roster(script(`document.getElementById('row-2').dispatchEvent(new MouseEvent('contextmenu', {bubbles: true, cancelable: true, clientX: 420, clientY: 420}))`), sees("Copy account ID"))},
	{"palette-found", "", roster(script(`document.querySelector('.nav-foot .nav-item').click()`), until(`document.getElementById('command')`),
		chromedp.SendKeys(chromedp.CSS("#command"), "a"), sees("Open the account Ada Lovelace"))},
	{"link-likely", "", roster(click("Link an identity to Björn Borg"), sees("Sign-in through the plugin"))},
	{"roster-outdated", "s=down", roster(click("Refresh"), sees("could not be read again"))},
	{
		"connect-refused",
		"",
		connect(
			"jellyfin.lan",
			byKey,
			chromedp.SendKeys(chromedp.CSS("#key"), " ba d "),
			click("Connect"),
			sees("does not accept this sign-in"),
		),
	},
	{
		"connect-quick",
		"",
		connect(
			"jellyfin.lan",
			sees("How should"),
			script(`document.querySelector('input[value=quick]').click()`),
			click("Get a code"),
			sees("493 027"),
		),
	},
	{"connect-certificate", "", connect("cert", sees("Is this your server"))},
	{"connect-changed", "", connect("changed", sees("certificate has changed"))},
	{"connect-noplugin", "", connect("noplugin", sees("plugin is missing"))},
	{"connect-wizard", "", connect("wizard", sees("first setup"))},
	{"connect-starting", "", connect("starting", sees("still starting"))},
	{"connect-huge", "", connect("huge", sees("huge answers with a web page instead of Jellyfin’s API"))},
	{"opening", "s=opening", []action{sees("Opening Living room")}},
	{"opening-failed", "s=openfail", []action{sees("keyring is locked")}},
	{"fatal", "s=bootfail", []action{sees("settings folder")}},
	{"roster", "", roster()},
	{"roster-server", "s=stored", []action{sees("24 accounts")}},
	{"roster-loading", "s=loading", []action{click(startDemo), sees("Who can sign in?")}},
	{"roster-error", "s=rosterfail", []action{click(startDemo), sees("jellyfin.home.example began to answer and then stopped")}},
	{"roster-empty", "s=empty", []action{click(startDemo), sees("No accounts yet")}},
	{"roster-nothing", "", roster(chromedp.SendKeys(chromedp.CSS("#search"), "zzz"), sees("Nothing matches"))},
	{
		"roster-selected",
		"",
		selected(script(`document.querySelector('.selection').scrollIntoView({block: 'center'})`)),
	},
	{"roster-long", "s=long", []action{click(startDemo), sees("24 accounts")}},
	{"account", "", roster(openAda...)},
	{"account-long", "s=long", append([]action{click(startDemo), sees("24 accounts")}, openAda...)},
	{"link-choose", "", link()},
	{
		"link-ways",
		"s=stored",
		[]action{
			sees("24 accounts"),
			click("Link an identity to Björn Borg"),
			until(`document.querySelector('input[value="oidc/authelia"]')`),
			script(`document.querySelector('input[value="oidc/authelia"]').click()`),
			click("Other ways"),
			sees("Name typed in"),
		},
	},
	{"link-subject", "", link(click("By name"), sees("preferred_username"))},
	{"link-signin", "", link(click("Open browser and sign in"), sees("4:3"))},
	{"link-device", "", link(click("Sign in on another device"), sees("WDJB-MJHT"))},
	{
		"link-device-german", "lang=de", []action{
			click("Demo starten"), sees("24 Konten"), click("Identität mit Björn Borg verknüpfen"),
			until(`document.querySelector('input[value="oidc/authelia"]')`),
			script(`document.querySelector('input[value="oidc/authelia"]').click()`),
			click("Auf einem anderen Gerät anmelden"), sees("WDJB-MJHT"),
		},
	},
	{
		"link-devices", "", link(
			click("Sign in on another device"), sees("WDJB-MJHT"), script(confirmEvent), sees("Is this right?"), click("Close"),
			click("Link an identity to Farid"),
			until(`document.querySelector('input[value="oidc/authelia"]')`),
			script(`document.querySelector('input[value="oidc/authelia"]').click()`),
			click("Sign in on another device"), sees("WDJB-MJHT"), click("Close"), sees("Waiting for sign-in"),
		),
	},
	{"link-confirm", "", link(click("Open browser and sign in"), sees("4:3"), script(confirmEvent), sees("Is this right?"))},
	{
		"link-done",
		"",
		link(click("Open browser and sign in"), sees("4:3"), script(confirmEvent), click("Link"), sees("now opens")),
	},
	{
		"link-failed",
		"",
		link(
			click("Open browser and sign in"),
			sees("4:3"),
			script(
				`stub.emit('flow', {id: `+lastFlow+`, step: 'failed', error: stub.wrong('sign-in-refused', 'refused-denied', {reason: 'access_denied (The resource owner denied the request.)'})})`,
			),
			sees("The identity provider refused the sign-in: access_denied (The resource"),
		),
	},
	{
		"link-owned",
		"",
		link(
			click("Open browser and sign in"),
			sees("4:3"),
			script(
				`stub.emit('flow', {id: `+lastFlow+`, step: 'failed', error: stub.wrong('link-owned', '', {name: 'ada', provider: 'authelia', owner: 'Ada Lovelace', account: 'Björn Borg'})})`,
			),
			sees("ada at authelia opens Ada Lovelace now, not Björn Borg"), sees("Move it here"),
		),
	},
	{"noway", "s=stored,real,noway", english("Sign in with the plugin’s client")},
	{"noway-rule", "s=stored,real,noway", english("Sign in with the plugin’s client", ruleOpen)},
	{"noway-german", "s=stored,real,noway&lang=de", inGerman("Mit dem Client des Plugins anmelden")},
	{"noway-rule-german", "s=stored,real,noway&lang=de", inGerman("Mit dem Client des Plugins anmelden", ruleOpen)},
	{"version", "s=stored,real,early", []action{
		sees("24 accounts"), script(`document.getElementById('nav-settings').click()`), sees("4.3.0-beta.34"),
	}},
	{"version-german", "s=stored,real,early&lang=de", []action{
		sees("24 Konten"), script(`document.getElementById('nav-settings').click()`), sees("4.3.0-beta.34"),
	}},
	{"roster-partial", "s=stored,real,partial", []action{sees("(12 of 24)")}},
	{"roster-partial-german", "s=stored,real,partial&lang=de", []action{sees("(12 von 24)")}},
	{"demo-people", "", roster(click("Who can sign in?"), sees("Mallory Moss"))},
	{
		"remove-detour",
		"s=stubborn",
		[]action{
			click(startDemo),
			sees("24 accounts"),
			openAda[0],
			click("Remove ada/lovelace at authelia"),
			sees("Remove this way"),
		},
	},
	{"remove-many", "s=stubborn", selected(script(`document.querySelector('.selection .danger').click()`), sees("Remove this way"))},
	{"remove-running", "s=slow", selected(removing...)},
	{"remove-stopped", "s=slow", selected(append(removing, click("Stop"), sees("Stopped: 2 of"), gone("Removing links"))...)},
	{"link-running", "", link(click("Open browser and sign in"), sees("4:3"), click("Close"), sees("Waiting for sign-in"))},
	{"remove", "", roster(append(openAda, click("Remove ada.lovelace at authelia"), sees("Remove this link?"))...)},
	{"unregister", "", roster(append(openAda, click("Return to password sign-in…"), sees("no password"))...)},
	{"providers", "", screen("providers", sees("authelia"))},
	{
		"providers-test",
		"",
		screen(
			"providers",
			click("Test discovery: authelia"),
			click("Test discovery: google"),
			sees("The identity provider at accounts.google.com cannot be reached"),
			click("Settings for Jellybind: authelia"),
			sees("Own client"),
		),
	},
	{
		"providers-empty",
		"s=noproviders",
		[]action{
			click(startDemo),
			sees("24 accounts"),
			script(`document.getElementById('nav-providers').click()`),
			sees("No providers yet"),
		},
	},
	{"providers-loading", "s=providersslow", screen("providers", sees("Reading providers"))},
	{"providers-error", "s=providersfail", screen("providers", sees("Only an administrator may read the providers’ settings"))},
	{"providers-german", "lang=de", german("providers", click("Discovery testen: authelia"), click("Einstellungen für Jellybind: authelia"),
		sees("Eigener Client"))},
	{"secret", "", screen("providers", click("Settings for Jellybind: authelia"), click("Delete the stored secret…"), sees("Nothing changes"))},
	{"account-german", "lang=de", []action{click("Demo starten"), sees("24 Konten"), openAda[0], sees("Konto-ID")}},
	{"settings-german", "s=stored&lang=de", german("settings", sees("Loopback-Ports"))[2:]},
	{"self-service-german", "lang=de", german("own", sees("menuLinks"))},
	{"shortcuts-off", "s=nokeys", roster(script(`document.querySelectorAll('.nav-foot button')[1].click()`), sees("switched off"))},
	{"self-service", "", screen("own", sees("menuLinks"))},
	{"own", "s=plain", []action{sees("The identities that open your account")}},
	{"history-empty", "", screen("history", sees("Nothing changed"))},
	{
		"history",
		"",
		link(
			click("Open browser and sign in"),
			sees("4:3"),
			script(confirmEvent),
			click("Link"),
			sees("now opens"),
			click("Undo"),
			sees("read back"),
			script(`document.getElementById('nav-history').click()`),
			sees("Undone"),
			click("Close"),
		),
	},
	{
		"settings",
		"s=stored",
		[]action{sees("24 accounts"), script(`document.getElementById('nav-settings').click()`), sees("Loopback ports")},
	},
	{"settings-outside", "", []action{sees("None found"), click("Settings"), sees("Loopback ports")}},
	{"forget", "s=stored", []action{
		sees("24 accounts"), script(`document.getElementById('nav-settings').click()`), click("Forget Grandma"),
		sees("Forget Grandma?"),
	}},
	{"rename", "s=stored", []action{
		sees("24 accounts"), script(`document.getElementById('nav-settings').click()`), click("Rename Grandma"),
		sees("Rename server"),
	}},
	{"palette", "", roster(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)), sees("Light theme"))},
	{"shortcuts", "", roster(chromedp.KeyEvent(kb.ArrowDown), focused("row-0"), chromedp.KeyEvent("?"), sees("Anywhere"))},
	{
		"servers-menu",
		"s=stored",
		[]action{sees("24 accounts"), script(`document.getElementById('servers').click()`), sees("Add a server")},
	},
}

// TestShots takes the pictures: every screen light and dark, in a small and a large window, and some of them at twice the
// text size, in German and from right to left.
func TestShots(t *testing.T) {
	if *shots == "" {
		t.Skip("no -shots")
	}
	if err := os.MkdirAll(*shots, 0o755); err != nil {
		t.Fatal(err)
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	sizes := []struct {
		suffix, query string
		w, h          int64
		scale         float64
	}{
		{"light-1024", "&theme=light", 1024, 700, 1},
		{"dark-1440", "&theme=dark", 1440, 900, 1},
		{"dark-1024", "&theme=dark", 1024, 700, 1},
		{"light-1440", "&theme=light", 1440, 900, 1},
	}
	for _, s := range all {
		for _, z := range sizes {
			if !wanted.MatchString(s.name + "-" + z.suffix) {
				continue
			}
			t.Run(s.name+"-"+z.suffix, func(t *testing.T) { picture(t, s, z.suffix, z.query, z.w, z.h, z.scale, "") })
		}
	}
	for _, s := range all {
		switch s.name {
		case "welcome", "roster", "account", "link-choose", "link-confirm", "link-running", "link-device", "link-device-german",
			"link-devices", "providers-test", "connect-key",
			"palette", "settings", "self-service", "secret", "roster-long", "roster-selected", "shortcuts",
			"remove-many", "remove-running", "remove-stopped", "noway", "noway-rule", "noway-german", "noway-rule-german",
			"version", "version-german", "roster-partial":
			if wanted.MatchString(s.name + "-text200") {
				t.Run(s.name+"-200", func(t *testing.T) { picture(t, s, "text200", "&theme=light", 512, 350, 2, "") })
			}
			if wanted.MatchString(s.name + "-rtl") {
				t.Run(s.name+"-rtl", func(t *testing.T) {
					picture(t, s, "rtl", "&theme=light", 1280, 800, 1, `document.documentElement.dir = 'rtl'`)
				})
			}
		}
	}
}

func picture(t *testing.T, s shot, suffix, query string, w, h int64, scale float64, after string) {
	ctx := tab(t)
	do(ctx, t, "open", chromedp.EmulateViewport(w, h, chromedp.EmulateScale(scale)), open(s.query+query))
	do(ctx, t, s.name, s.steps...)
	if after != "" {
		do(ctx, t, s.name, script(after))
	}
	do(ctx, t, "picture", chromedp.Sleep(150*time.Millisecond))
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, s.name+"-"+suffix+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}
