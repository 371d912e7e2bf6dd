// Package browser opens an identity provider's address in the person's browser. It refuses every address that is not plainly
// the address of a web page: the address comes from a server, and opening it must start nothing but a browser.
package browser

import (
	"context"
	"errors"
	"html"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"github.com/jellybind/jellybind/backend/api"
)

// maxAddress bounds an address; an AuthnRequest with a signature takes 3 kB, and Windows takes no more than 32 kB.
const maxAddress = 16 << 10

// settle is how long a browser may take to fail. If it still runs then, it has opened the address.
const settle = 2 * time.Second

// shells read their arguments as a program, so an address could become a command.
var shells = []string{"cmd", "command", "powershell", "pwsh", "sh", "bash", "dash", "ash", "zsh", "ksh", "fish"}

// defaultBrowser stands for the command in an error.
const defaultBrowser = "the default browser"

// Check returns the host to show to the person before the address is opened, with its port where it has one. A host of
// another script is returned in its ASCII form (xn--…, RFC 5891), so that it cannot look like a familiar one.
//
// The error is api.CodeAddressRefused for everything that is not an absolute http or https address, for an address with a
// user name in it (https://bank.example@evil.example), and for an address with characters that no address has (RFC 3986)
// and that programs treat differently: blanks, control characters, quotes, angle brackets, backslashes.
func Check(address string) (string, error) {
	if len(address) > maxAddress {
		return "", refused("too-long", "")
	}
	if strings.ContainsFunc(address, forbidden) {
		return "", refused("odd-characters", "")
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", refused("malformed", "") // err would repeat the query
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return "", refused("", u.Scheme)
	}
	if u.User != nil {
		return "", refused("user-name", "")
	}
	host, err := displayHost(u)
	if err != nil {
		return "", refused("malformed-host", "")
	}
	return host, nil
}

func forbidden(r rune) bool {
	return r <= ' ' || r == 0x7f || strings.ContainsRune("\"<>\\^`{|}", r) || api.Printable(string(r)) != string(r)
}

// hostProfile is how browsers look a host up (UTS 46), underscores allowed as they are in home networks.
var hostProfile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false))

func displayHost(u *url.URL) (string, error) {
	name := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		if a, err := netip.ParseAddr(name); err != nil || !a.Is6() {
			return "", errors.New("not an IPv6 address")
		}
		return u.Host, nil
	}
	ascii, err := hostProfile.ToASCII(name)
	if err != nil || ascii == "" || strings.ContainsFunc(ascii, notInHost) {
		return "", errors.New("not a host")
	}
	if port := u.Port(); port != "" {
		return ascii + ":" + port, nil
	}
	if strings.HasSuffix(u.Host, ":") {
		return "", errors.New("an empty port")
	}
	return ascii, nil
}

func notInHost(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_')
}

func refused(why, scheme string) error {
	e := &api.Error{Code: api.CodeAddressRefused, Why: "address", Params: map[string]string{"why": why}}
	if scheme != "" {
		e.Why, e.Params = "address-scheme", map[string]string{"scheme": scheme}
	}
	return e
}

// Open opens an address in a browser and returns without waiting for it to be closed. The empty command means the one of the
// environment's BROWSER, or else the system's default browser; otherwise it is a program with arguments, split as Split says and
// started without a shell, with the address in the place of %s or as one more argument at its end.
//
// The error is api.CodeAddressRefused where Check refuses the address, api.CodeUsage for a command that cannot be split or
// is a shell, and api.CodeBrowserFailed when the browser could not be started or failed at once.
func Open(ctx context.Context, address, command string) error {
	if _, err := Check(address); err != nil {
		return err
	}
	return open(ctx, address, command)
}

// Launch opens an address that other users of this computer must not learn, as Open does. They can read the arguments of a
// program, so the browser gets one of short's addresses, which lead to it and may lead to a newer one of the same sign-in. Where
// the system neither tells whose a connection is nor hides the arguments of other users' programs, that address is in a file
// which only this user can read; it is deleted when ctx ends. short may be nil.
func Launch(ctx context.Context, address string, short func() string, command string) error {
	if _, err := Check(address); err != nil {
		return err
	}
	if short == nil {
		return open(ctx, address, command)
	}
	shown, err := argument(ctx, short(), guarded)
	if err != nil {
		return err
	}
	return open(ctx, shown, command)
}

// argument returns what leads to an address and may stand on a command line: the address itself where that is guarded, else a
// file.
func argument(ctx context.Context, address string, guarded bool) (string, error) {
	if _, err := Check(address); err != nil || guarded {
		return address, err
	}
	page, err := writePage(ctx, address)
	if err != nil {
		return "", failed(defaultBrowser, err)
	}
	return page, nil
}

// writePage writes a page that leads to an address into a file for this user alone, and returns the file's URL.
func writePage(ctx context.Context, address string) (string, error) {
	dir, err := os.MkdirTemp("", "jellybind-*") // for this user alone
	if err != nil {
		return "", err
	}
	context.AfterFunc(ctx, func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "sign-in.html")
	quoted := html.EscapeString(address)
	page := "<!doctype html>\n<meta charset=\"utf-8\">\n<meta name=\"referrer\" content=\"no-referrer\">\n" +
		"<meta http-equiv=\"refresh\" content=\"0;url=" + quoted + "\">\n<a href=\"" + quoted + "\">Sign in</a>\n"
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		return "", err
	}
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String(), nil
}

func open(ctx context.Context, address, command string) error {
	if err := ctx.Err(); err != nil {
		return &api.Error{Code: api.CodeCancelled, Err: err}
	}
	if strings.TrimSpace(command) == "" {
		if command = fromEnvironment(); command == "" {
			ended, err := openDefault(address)
			return await(ctx, defaultBrowser, ended, err)
		}
	}
	words, err := Split(command)
	if err != nil {
		return err
	}
	program, err := lookUp(words[0])
	if err != nil {
		return failed(words[0], err)
	}
	if isShell(program) || isShell(words[0]) {
		return &api.Error{Code: api.CodeUsage, Why: "browser-shell", Params: map[string]string{"command": words[0]}}
	}
	ended, err := start(program, withAddress(words[1:], address)...)
	return await(ctx, words[0], ended, err)
}

// withAddress puts an address in the place of %s, as the commands of BROWSER may have it, or at the end.
func withAddress(args []string, address string) []string {
	args, placed := slices.Clone(args), false
	for i, arg := range args {
		if strings.Contains(arg, "%s") {
			args[i], placed = strings.ReplaceAll(arg, "%s", address), true
		}
	}
	if placed {
		return args
	}
	return append(args, address)
}

// browserEnv is the variable that names the person's browser, as for other programs: commands with the system's list separator
// between.
const browserEnv = "BROWSER"

// fromEnvironment returns the first command of BROWSER whose program is installed and no shell; empty for none.
func fromEnvironment() string {
	for _, command := range filepath.SplitList(os.Getenv(browserEnv)) {
		words, err := Split(command)
		if err != nil || len(words) == 0 {
			continue
		}
		if program, err := lookUp(words[0]); err == nil && !isShell(program) && !isShell(words[0]) {
			return command
		}
	}
	return ""
}

// lookUp returns the absolute path of a program. It looks in the absolute folders of PATH only: with “.” there, anybody who
// can write to the folder that Jellybind was started in could put a browser of their own in it.
func lookUp(name string) (string, error) {
	if filepath.Base(name) != name { // a path
		program, err := exec.LookPath(name)
		if err != nil {
			return "", err
		}
		return filepath.Abs(program) // start changes the folder
	}
	for _, dir := range pathFolders() {
		if program, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return program, nil
		}
	}
	return "", &exec.Error{Name: name, Err: exec.ErrNotFound}
}

// pathFolders are the absolute folders of PATH.
func pathFolders() []string {
	return slices.DeleteFunc(filepath.SplitList(os.Getenv("PATH")), func(dir string) bool { return !filepath.IsAbs(dir) })
}

// start starts a program that outlives Jellybind. It has no input, and its output is discarded. It runs in the home folder,
// and with the absolute folders of PATH only: an opener such as xdg-open looks for programs by itself.
func start(program string, args ...string) (<-chan error, error) {
	cmd := exec.Command(program, args...) //nolint:gosec,noctx // the person's own choice, and it outlives every context
	cmd.SysProcAttr = detached()
	cmd.Env = append(os.Environ(), "PATH="+strings.Join(pathFolders(), string(os.PathListSeparator)))
	cmd.Dir = homeFolder()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return ended, nil
}

// homeFolder is where the browser runs: a folder that nobody else writes to.
func homeFolder() string {
	home, err := os.UserHomeDir()
	if err == nil && filepath.IsAbs(home) {
		if info, err := os.Stat(home); err == nil && info.IsDir() {
			return home
		}
	}
	return filepath.VolumeName(os.TempDir()) + string(filepath.Separator) // the account has none, such as a service's
}

// await waits until a started browser has failed or has had the time to. err is the error of starting it.
func await(ctx context.Context, program string, ended <-chan error, err error) error {
	if err != nil {
		return failed(program, err)
	}
	timer := time.NewTimer(settle)
	defer timer.Stop()
	select {
	case err := <-ended:
		if err != nil {
			return failed(program, err)
		}
		return nil
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return &api.Error{Code: api.CodeCancelled, Err: ctx.Err()}
	}
}

func failed(program string, cause error) error {
	program = api.Printable(program)
	why := api.Why("browser-failed")
	if errors.Is(cause, exec.ErrNotFound) {
		why = "browser-missing"
	}
	return &api.Error{
		Code:   api.CodeBrowserFailed,
		Why:    why,
		Params: map[string]string{"command": program},
		Err:    cause,
	}
}

func isShell(program string) bool {
	name := strings.ToLower(program[strings.LastIndexAny(program, `/\`)+1:])
	extension := filepath.Ext(name)
	return extension == ".bat" || extension == ".cmd" || extension == ".ps1" ||
		slices.Contains(shells, strings.TrimSuffix(name, ".exe"))
}

// Split splits a command into the program and its arguments. If the whole command is the path of a program, it is that
// program, even with blanks in it. Otherwise blanks separate words, and single or double quotes keep a word together, also
// in its middle; everything between quotes is taken literally. There are no other special characters: a backslash is a
// backslash, since Windows paths have them, and variables, wildcards and redirections are not expanded.
//
// The error is api.CodeUsage for an unclosed quote and for an empty command.
func Split(command string) ([]string, error) {
	command = strings.TrimSpace(command)
	if strings.ContainsAny(command, `/\`) {
		if _, err := exec.LookPath(command); err == nil {
			return []string{command}, nil
		}
	}
	var words []string
	var word strings.Builder
	var quote rune
	inside := false
	for _, r := range command {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, inside = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n' || r == '\r'):
			if inside {
				words = append(words, word.String())
				word.Reset()
				inside = false
			}
		default:
			word.WriteRune(r)
			inside = true
		}
	}
	if inside {
		words = append(words, word.String())
	}
	if quote != 0 || len(words) == 0 || words[0] == "" {
		return nil, &api.Error{Code: api.CodeUsage, Why: "browser-command"}
	}
	return words, nil
}
