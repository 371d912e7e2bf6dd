package archtest_test

// layer says which of Jellybind's packages a package may import. It also covers the packages below its folder that have no
// rule.
type layer struct {
	dir string // relative to the module's root
	// may lists folders, including the packages below them. The package's own folder is always allowed.
	may    []string
	reason string
}

// Groups for the rules below.
var (
	leaves = []string{"backend/api", "backend/secret", "backend/tlspin"}
	server = []string{"backend/jellyfin", "backend/ssoplugin"}
	flows  = []string{"backend/relayflow", "backend/oidcflow", "backend/samlflow", "backend/samlmsg"}
	edges  = []string{"backend/loopback", "backend/browser"}
	books  = []string{"backend/roster", "backend/journal", "backend/profile"}
)

// layers is the whole layering. Every package needs a rule.
var layers = []layer{
	{"backend/api", nil, "the types that cross to the window are compiled into WebAssembly and known by all: a leaf"},
	{"backend/words", of("backend/api"), "texts for people, below the window and the command line, which choose the language"},
	{"backend/secret", of("backend/api"), "secrets know only the errors that a person reads, so that every layer may hold one"},
	{"backend/tlspin", of("backend/api"), "a certificate is trusted in the same way for the server and for an identity provider"},
	{"backend/qr", nil, "a QR code knows only its text"},
	{"backend/profile", of(leaves), "a file on disk knows nothing of servers, and can hold no credential"},
	{"backend/seen", nil, "numbers in a file know nothing of what they stand for"},
	{"backend/journal", of(leaves), "what was done is written down without knowing how"},
	{"backend/jellyfin", of(leaves), "Jellyfin's HTTP API stands by itself; the plugin builds on it"},
	{"backend/samlmsg", of("backend/api"), "reading a SAML message needs neither server nor key"},
	{"backend/ssoplugin", of(leaves, "backend/jellyfin", "backend/samlmsg"), "the plugin is reached through Jellyfin's client and knows no flow"},
	{"backend/roster", of(leaves, server), "reading who is linked to what never starts a sign-in"},
	{"backend/health", of("backend/api", "backend/roster"), "a check works on what was read, and writes nothing"},
	{"backend/wanted", of("backend/api"), "a source says which links are wanted, and can neither ask a server nor write"},
	{"backend/loopback", of(leaves), "the listener serves every flow, so it knows none"},
	{"backend/browser", of(leaves), "opening an address needs the address only"},
	{"backend/relayflow", of(leaves, server, edges, "backend/samlmsg"), "each flow can be read, tested and removed on its own"},
	{"backend/oidcflow", of(leaves, edges), "the own client talks to the identity provider and never to the server"},
	{"backend/samlflow", of(leaves, edges, "backend/samlmsg"), "the own request talks to the identity provider and never to the server"},
	{"backend/link", of(leaves, server, flows, edges, books), "link joins flows and server, and is below everything a person sees"},
	{"backend/demo", of(leaves), "the simulated server shares no code with the client that it tests"},
	{
		"backend/cli", of(leaves, books, "backend", "backend/browser", "backend/jellyfin", "backend/link", "backend/demo", "backend/qr", "backend/wanted", "backend/health",
			"backend/words"),
		"the command line is a face over backend: it never speaks to the plugin and never runs a flow itself",
	},
	{
		"backend/window", of(leaves, server, "backend", "backend/browser", "backend/demo", "backend/words", "backend/link",
			"backend/loopback", "backend/profile", "backend/qr", "backend/roster", "backend/seen"),
		"the window is a face over backend, like the command line: it runs no flow itself, and writes nothing but through link",
	},
	{"backend/desktop", of("backend/api", "backend/profile"), "the desktop is asked before the window opens, and knows no server"},
	{"backend/process", nil, "signals and consoles are the system's"},
	{"backend/archtest", nil, "the layering is checked from outside"},
	{
		"backend", of(leaves, server, flows, edges, books, "backend/words", "backend/seen", "backend/link", "backend/demo"),
		"the composition root wires everything and knows neither the window nor the command line",
	},
	{"frontend", of("backend/api", "backend/words"), "the page shares the crossing types with the backend and renders its errors; nothing else: it stays small"},
	{"build", nil, "the task runner compiles before anything is downloaded"},
	{
		".", of("backend", "backend/api", "backend/cli", "backend/desktop", "backend/process", "backend/window"),
		"main.go and app.go hold no logic: one call into backend each",
	},
}

// only says which packages may import a library, and why. Tests may import everything.
type only struct {
	imports string // an import path; /... includes the paths below it
	in      []string
	reason  string
}

var onlies = []only{
	{"github.com/zalando/go-keyring/...", of("backend/secret"), "one package talks to the keyring, with a timeout on every call"},
	{"os/exec", of("backend/browser", "build"), "a program is run in one place: without a shell, the address as one argument"},
	{"github.com/cli/browser", of("backend/browser"), "an address is checked before it is opened"},
	{"github.com/wailsapp/wails/v2/...", of("."), "nothing below main.go and app.go knows that there is a window"},
	{"github.com/spf13/cobra/...", of("backend/cli"), "nothing below the command line knows that there is one"},
	{"github.com/clipperhouse/displaywidth", of("backend/cli"), "tables are the command line's"},
	{"syscall/js", of("frontend"), "it exists in the page only"},
	{"github.com/zitadel/oidc/v3/...", of("backend/demo"), "an identity provider is simulated only in the demo world"},
	{"github.com/crewjam/saml/samlidp", of("backend/demo"), "an identity provider is simulated only in the demo world"},
	{"github.com/crewjam/saml/...", of("backend/demo", "backend/samlflow"), "SAML is parsed in one place of the app"},
	{"github.com/coreos/go-oidc/v3/...", of("backend/demo", "backend/oidcflow"), "ID tokens are checked in one place of the app"},
	{"github.com/natefinch/atomic", of("backend/profile", "backend/journal", "backend/seen", "backend/cli"), "a file is there whole or not at all"},
	{"github.com/chromedp/...", nil, "a browser is driven by tests only"},
	{"net/http/httptest", nil, "test servers are for tests; the demo world listens by itself"},
	{"testing", nil, "what ships carries no test code"},
	{"unsafe", nil, "nothing here needs to go around Go's types"},
	{"plugin", nil, "no code is loaded at run time"},
}

// topLevel lists what may be at the repository's top, apart from files that begin with a dot.
var topLevel = []string{
	"LICENSE", "README.md", "app.go", "backend", "build", "frontend", "go.mod", "go.sum", "main.go", "wails.json",
}

// of joins folders and groups of them.
func of(parts ...any) []string {
	var all []string
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			all = append(all, p)
		case []string:
			all = append(all, p...)
		}
	}
	return all
}
