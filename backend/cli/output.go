package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cli/go-gh/v2/pkg/tableprinter"
	"golang.org/x/term"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/browser"
	"github.com/jellybind/jellybind/backend/secret"
)

// The rules of output. Answers go to standard output, everything else (questions, progress, warnings, errors) to standard
// error. With --json the answer is one JSON document with the fields of package api. Tables fit the terminal's width, or
// COLUMNS; piped without COLUMNS they are tab-separated and without a header, so that cut and awk can read them. Colour is used on terminals only, never with NO_COLOR or
// TERM=dumb. Whatever came from a server is shown through api.Printable, except in JSON.

// printer writes to one stream.
type printer struct {
	w       io.Writer
	aligned bool // tables are aligned, not tab-separated
	width   int
	colour  bool
}

func newPrinter(w io.Writer) *printer {
	p := &printer{w: w}
	terminal := false
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		terminal, p.aligned, p.width = true, true, 80
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			p.width = width
		}
	}
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns >= 20 {
		p.aligned, p.width = true, columns
	}
	p.colour = terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return p
}

// line writes a line. A failed write (a closed pipe) cannot be reported anywhere better.
func (p *printer) line(s string) { _, _ = fmt.Fprintln(p.w, s) }

func (p *printer) bold(s string) string { return p.style("1", s) }
func (p *printer) warn(s string) string { return p.style("33", s) }

func (p *printer) style(code, s string) string {
	if !p.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p *printer) json(v any) error {
	enc := json.NewEncoder(p.w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// table writes rows under a header. Cells are made printable here, once for all tables.
func (p *printer) table(header []string, rows [][]string) error {
	w := bufio.NewWriter(p.w) // the library writes cell by cell
	t := tableprinter.New(w, p.aligned, p.width)
	t.AddHeader(header, tableprinter.WithColor(p.bold))
	for _, row := range rows {
		for _, cell := range row {
			t.AddField(api.Printable(cell))
		}
		t.EndRow()
	}
	if err := errors.Join(t.Render(), w.Flush()); err != nil {
		return fmt.Errorf("writing a table: %w", err)
	}
	return nil
}

// facts writes names and values below each other.
func (p *printer) facts(facts ...string) {
	width := 0
	for i := 0; i < len(facts); i += 2 {
		width = max(width, len(facts[i]))
	}
	for i := 0; i < len(facts); i += 2 {
		if facts[i+1] != "" {
			p.line(fmt.Sprintf("%-*s  %s", width+1, facts[i]+":", api.Printable(facts[i+1])))
		}
	}
}

// progress returns a function that takes reports of what is going on, and one that ends them. A step is shown once, on
// standard error, when it has taken a second.
func (a *app) progress() (func(api.Progress), func()) {
	var (
		mu    sync.Mutex
		timer *time.Timer
		step  string
	)
	stop := func() {
		mu.Lock()
		defer mu.Unlock()
		if timer != nil {
			timer.Stop()
		}
	}
	return func(p api.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if p.Step == step || a.json {
			return
		}
		step = p.Step
		if timer != nil {
			timer.Stop()
		}
		timer = time.AfterFunc(time.Second, func() {
			text := p.Text
			if p.Total > 0 {
				text = fmt.Sprintf("%s %d of %d", text, p.Done, p.Total)
			}
			a.err.line(text)
		})
	}, stop
}

// ask asks a question that is answered with y or n, and returns CodeCancelled for anything but yes.
func (a *app) ask(ctx context.Context, question string) error {
	if a.yes {
		return nil
	}
	answer, err := a.prompt(ctx, question+" [y/N] ")
	if err != nil {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes", "j", "ja":
		return nil
	}
	return &api.Error{Code: api.CodeCancelled, Sentence: "Cancelled: nothing was changed."}
}

// prompt asks for a line. A read that the person does not answer ends with the context.
func (a *app) prompt(ctx context.Context, text string) (string, error) {
	if a.credentialStdin {
		return "", &api.Error{
			Code: api.CodeUsage, Sentence: "With --credential-stdin nothing can be asked on standard input.",
			Hint: "Add --yes, or give the credential by --credential-fd.",
		}
	}
	_, _ = fmt.Fprint(a.err.w, text)
	type result struct {
		line string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		line, err := readLine(a.in)
		done <- result{line, err}
	}()
	select {
	case r := <-done:
		if r.err != nil && r.line == "" {
			a.err.line("")
			return "", &api.Error{
				Code: api.CodeCancelled, Sentence: "Cancelled: there was no answer on standard input.",
				Hint: "Add --yes to run without questions.", Err: r.err,
			}
		}
		return r.line, nil
	case <-ctx.Done():
		a.err.line("")
		return "", &api.Error{Code: api.CodeCancelled, Sentence: "Cancelled: nothing was changed.", Err: ctx.Err()}
	}
}

// promptSecret asks for a secret without showing it; where standard input is no terminal, it takes a line from there.
func (a *app) promptSecret(ctx context.Context, text string) (secret.Value, error) {
	f, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return readSecret(a.in, "standard input")
	}
	_, _ = fmt.Fprint(a.err.w, text)
	state, err := term.GetState(int(f.Fd()))
	if err != nil {
		return secret.Value{}, fmt.Errorf("reading the terminal's state: %w", err)
	}
	type result struct {
		b   []byte
		err error
	}
	done := make(chan result, 1)
	go func() {
		b, err := term.ReadPassword(int(f.Fd()))
		done <- result{b, err}
	}()
	defer a.err.line("")
	select {
	case r := <-done:
		if r.err != nil {
			return secret.Value{}, fmt.Errorf("reading a secret: %w", r.err)
		}
		return secret.New(strings.TrimSpace(string(r.b))), nil
	case <-ctx.Done():
		// The terminal would stay without echo.
		_ = term.Restore(int(f.Fd()), state)
		return secret.Value{}, &api.Error{Code: api.CodeCancelled, Sentence: "Cancelled.", Err: ctx.Err()}
	}
}

// person is who sits at the terminal; it implements link.Person.
type person struct {
	*app
	report    func(api.Progress)
	noBrowser bool
	command   string // opens an address; empty is the system's browser
}

// SignIn shows the address of the sign-in by its host, and opens it unless that is not wanted.
func (p *person) SignIn(ctx context.Context, s api.SignIn) error {
	minutes := int(time.Until(s.Deadline).Round(time.Minute).Minutes())
	if p.noBrowser {
		p.err.line(fmt.Sprintf("Sign in at %s within %d minutes. Open this address in a browser on this computer:", s.Host, minutes))
		p.err.line("  " + s.URL)
		if s.ShortURL != "" {
			p.err.line("or, shorter:")
			p.err.line("  " + s.ShortURL)
		}
		return nil
	}
	p.err.line(fmt.Sprintf("Your browser opens %s. Sign in there within %d minutes; Ctrl-C cancels.", s.Host, minutes))
	if s.ShortURL != "" {
		p.err.line("If it does not open, go to " + s.ShortURL)
	}
	if err := browser.Open(ctx, s.URL, p.command); err != nil {
		p.err.line(p.err.warn("No browser could be opened: " + err.Error()))
		p.err.line("Open this address yourself, on this computer:")
		p.err.line("  " + s.URL)
	}
	return nil
}

// Confirm shows who signed in and whose that identity is, and asks.
func (p *person) Confirm(ctx context.Context, c api.Confirmation) error {
	account := api.Printable(c.Account.Name)
	if !c.NameKnown {
		p.err.line("Somebody signed in. This flavour of the plugin tells who it was only after the link is written.")
		return p.ask(ctx, fmt.Sprintf("Link that identity of %s to the account %s?", api.Printable(c.Identity.Provider), account))
	}
	p.err.facts(
		"Signed in as", c.Identity.Name, "Name", c.DisplayName, "Email", c.Email, "Provider",
		fmt.Sprintf("%s (%s)", c.Identity.Provider, c.Identity.Protocol), "Opens now", ownerName(c.Owner), "Account", c.Account.Name,
	)
	if c.Moves {
		return p.ask(ctx, fmt.Sprintf("Take it from %s and link it to %s?", ownerName(c.Owner), account))
	}
	return p.ask(ctx, fmt.Sprintf("Link it to the account %s?", account))
}

// Progress reports what is going on.
func (p *person) Progress(r api.Progress) { p.report(r) }

func ownerName(u *api.User) string {
	switch {
	case u == nil:
		return "nothing"
	case u.Name == "":
		return "a deleted account (" + u.ID + ")"
	}
	return api.Printable(u.Name)
}
