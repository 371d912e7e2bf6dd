package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/clipperhouse/displaywidth"
	"golang.org/x/term"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/browser"
	"github.com/jellybind/jellybind/backend/secret"
)

// The rules of output. Answers go to standard output, everything else (questions, progress, warnings, errors) to standard
// error. With --json the answer is one JSON document; jellybind help json lists the fields. Tables and sentences fit the
// terminal's width, or COLUMNS; piped without COLUMNS, tables are tab-separated and without a header, so that cut and awk
// can read them, and sentences stay on one line. Colour is used on terminals only, and not where the environment asks for
// none.
// Whatever came from a server is shown through api.Printable, except in JSON.

// printer writes to one stream.
type printer struct {
	w       io.Writer
	aligned bool // tables are aligned, not tab-separated
	width   int  // of a line, in columns; 0 where lines may be of any length
	colour  bool

	headless bool                            // tables have no header
	paint    func(i int, cell string) string // colours a cell of the column i; nil for none
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

// text writes sentences behind a lead (a label, a bullet), wrapped to the width, with the further lines below the first
// one's text.
func (p *printer) text(lead, s string) {
	indent := displaywidth.String(lead)
	width := p.width
	if width > 0 {
		width = max(width-indent, leastWidth)
	}
	for i, line := range wrap(s, width) {
		if i > 0 {
			lead = strings.Repeat(" ", indent)
		}
		p.line(lead + line)
	}
}

// wrap breaks sentences into lines of at most width columns, where they have any. What is to be copied stays in one
// piece, even where it is longer than a line: a quoted command, and a command at the end of a sentence.
func wrap(s string, width int) []string {
	if width < leastWidth {
		return []string{s}
	}
	var pieces []string
	for word := range strings.SplitSeq(s, " ") {
		last := len(pieces) - 1
		if last >= 0 && (quoting(pieces[last]) || strings.HasPrefix(pieces[last], "jellybind ")) {
			pieces[last] += " " + word
			continue
		}
		if last > 0 && pieces[last] == "jellybind" && strings.HasSuffix(pieces[last-1], ":") {
			pieces[last] += " " + word
			continue
		}
		pieces = append(pieces, word)
	}
	var lines []string
	line, used := "", 0
	for _, piece := range pieces {
		w := displaywidth.String(piece)
		if line != "" && used+1+w > width {
			lines, line, used = append(lines, line), "", 0
		}
		if line != "" {
			line, used = line+" ", used+1
		}
		line, used = line+piece, used+w
	}
	return append(lines, line)
}

// leastWidth is the narrowest line that sentences are wrapped to.
const leastWidth = 12

// quoting reports whether a text ends within a quoted command: “jellybind auth login” or „jellybind auth login“.
func quoting(s string) bool {
	var closing rune
	command := false
	for i, r := range s {
		switch {
		case r == closing:
			closing = 0
		case closing == 0 && (r == '„' || r == '“'):
			closing = '”'
			if r == '„' {
				closing = '“'
			}
			command = strings.HasPrefix(s[i:], string(r)+"jellybind")
		}
	}
	return closing != 0 && command
}

// plain reports whether a text is ASCII without control characters, as nearly all cells of a long table are. It saves the
// costly question of what to show.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func printable(s string) string {
	if plain(s) {
		return s
	}
	return api.Printable(s)
}

// gap is between the columns of a table.
const gap = "  "

// table writes rows under a header. Cells are made printable here, once for all tables. The columns that are named as short
// hold words of Jellybind's own, and are cut last.
func (p *printer) table(header []string, rows [][]string, short ...string) error {
	w := bufio.NewWriter(p.w)
	if p.aligned {
		p.align(w, header, rows, short)
	} else {
		for _, row := range rows {
			for i, cell := range row {
				if i > 0 {
					_ = w.WriteByte('\t')
				}
				_, _ = w.WriteString(printable(cell))
			}
			_ = w.WriteByte('\n')
		}
	}
	if err := w.Flush(); err != nil { // a failed write of before is told here too
		return fmt.Errorf("writing a table: %w", err)
	}
	return nil
}

// align writes a table in columns that fit the width. The widest columns give way first, so that one name of 300 letters
// leaves room for the others. Before them gives way the id of a deleted account, in the first column: its beginning is
// enough to name it.
func (p *printer) align(w *bufio.Writer, header []string, rows [][]string, short []string) {
	cells := make([][]string, 0, len(rows))
	natural := make([]int, len(header))
	for i, h := range header {
		natural[i] = displaywidth.String(h)
	}
	width := p.width
	if width == 0 {
		width = math.MaxInt32
	}
	ids, room := 0, width-len(gap)*(len(header)-1)
	for _, row := range rows {
		shown := make([]string, len(row))
		for i, cell := range row {
			shown[i] = api.ShowEnds(printable(cell))
			if i == 0 && isID(cell) {
				ids = len(cell)
				continue
			}
			natural[i] = max(natural[i], displaywidth.String(shown[i]))
		}
		cells = append(cells, shown)
	}
	if natural[0] < ids && sum(natural)-natural[0]+ids > room {
		for _, row := range cells {
			if isID(row[0]) {
				row[0] = shortID(row[0])
				ids = displaywidth.String(row[0])
			}
		}
	}
	natural[0] = max(natural[0], ids)
	widths := fit(natural, room, func(i int) bool { return slices.Contains(short, header[i]) })
	write := func(row []string, style func(int, string) string) {
		last := len(row) - 1
		for last >= 0 && row[last] == "" {
			last-- // no blanks at the end of a line
		}
		for i, cell := range row[:last+1] {
			cell = truncate(cell, widths[i])
			_, _ = w.WriteString(style(i, cell))
			if i < last {
				_, _ = w.WriteString(strings.Repeat(" ", widths[i]-displaywidth.String(cell)) + gap)
			}
		}
		_ = w.WriteByte('\n')
	}
	if !p.headless {
		write(header, func(_ int, s string) string { return p.bold(s) })
	}
	paint := p.paint
	if paint == nil {
		paint = func(_ int, s string) string { return s }
	}
	for _, row := range cells {
		write(row, paint)
	}
}

// isID reports whether a text is an id of Jellyfin's.
func isID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// shortID is the beginning of an id, which is enough to name it.
func shortID(s string) string { return s[:min(len(s), 8)] + "…" }

// fit narrows the widest columns until all fit into the room. Short columns stay as they are while the others are wide
// enough to tell something; no column gets narrower than 5.
func fit(natural []int, room int, short func(i int) bool) []int {
	const least, enough = 5, 8
	widths := slices.Clone(natural)
	narrow := func(least func(i int) int) {
		for sum(widths) > room {
			widest := -1
			for i, w := range widths {
				if w > least(i) && (widest < 0 || w > widths[widest]) {
					widest = i
				}
			}
			if widest < 0 {
				return
			}
			widths[widest]--
		}
	}
	narrow(func(i int) int {
		if short(i) {
			return natural[i]
		}
		return enough
	})
	narrow(func(int) int { return least })
	return widths
}

func sum(numbers []int) int {
	n := 0
	for _, x := range numbers {
		n += x
	}
	return n
}

// truncate cuts a cell to a width in columns and ends it with an ellipsis. It never splits a letter from its marks, or an
// emoji.
func truncate(s string, width int) string {
	if displaywidth.String(s) <= width { // the quick answer for ASCII
		return s
	}
	return displaywidth.TruncateString(s, width, "…")
}

// facts writes names and values below each other. Empty values are left out.
func (p *printer) facts(facts ...string) {
	width := 0
	for fact := range slices.Chunk(facts, 2) {
		if fact[1] != "" {
			width = max(width, displaywidth.String(printable(fact[0])))
		}
	}
	for fact := range slices.Chunk(facts, 2) {
		if fact[1] != "" {
			name := printable(fact[0]) + ":"
			p.text(name+strings.Repeat(" ", width+1-displaywidth.String(name))+gap, printable(fact[1]))
		}
	}
}

// shellWord writes a word so that a shell takes it as one, for commands that a person copies.
func shellWord(s string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:/@+,", r) ||
			r > 0x7f
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !safe(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// steps shows what is going on: a step is shown once, on standard error, when it has taken a second. While a question waits
// for its answer nothing is shown, for it would stand behind the question, or in the answer.
type steps struct {
	mu     sync.Mutex
	timer  *time.Timer
	step   string
	asking bool
}

// report takes a report of what is going on; show writes its text.
func (s *steps) report(p api.Progress, text string, show func(string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Step == s.step {
		return
	}
	s.end()
	s.step = p.Step
	s.timer = time.AfterFunc(time.Second, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.step != p.Step || s.asking { // it has ended while this waited
			return
		}
		if p.Total > 0 {
			text = fmt.Sprintf("%s %d/%d", text, p.Done, p.Total)
		}
		show(text)
	})
}

// end ends the step that was reported last; the caller holds the lock.
func (s *steps) end() {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.timer, s.step = nil, ""
}

// stop ends the step that was reported last.
func (s *steps) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
}

// ask ends the step that was reported last, and shows no other one until the function that it returns is called.
func (s *steps) ask() (answered func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
	s.asking = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asking = false
	}
}

// progress returns a function that takes reports of what is going on, and one that ends them.
func (a *app) progress() (func(api.Progress), func()) {
	return func(p api.Progress) {
		if a.json {
			return
		}
		if why := a.words.Why(p.Why, p.Params); why != "" {
			a.err.text("", why)
			p.Why = ""
		}
		a.steps.report(p, a.words.Step(p), a.err.line)
	}, a.steps.stop
}

// ask asks a question that is answered with y or n, and returns CodeCancelled for anything but yes.
func (a *app) ask(ctx context.Context, question string) error {
	if a.yes {
		return nil
	}
	answer, err := a.prompt(ctx, question+a.t(" [y/N] "), "yes")
	if err != nil {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes", "j", "ja":
		return nil
	}
	return cancelled(nil)
}

// prompt asks for a line; next is the hint how to do without the question. A read that the person does not answer ends with
// the context.
func (a *app) prompt(ctx context.Context, question, next string) (string, error) {
	if a.credentialStdin && !a.typed() {
		return "", usage("stdin-taken")
	}
	defer a.steps.ask()()
	_, _ = fmt.Fprint(a.err.w, question)
	line, err := readLine(ctx, a.in)
	switch {
	case ctx.Err() != nil:
		a.err.line("")
		return "", cancelled(ctx.Err())
	case err != nil && line == "":
		a.err.line("")
		return "", &api.Error{Code: api.CodeCancelled, Why: "no-answer", Params: map[string]string{"next": next}, Err: err}
	}
	return line, nil
}

// typed reports whether standard input is a terminal, where a person answers.
func (a *app) typed() bool {
	f, ok := a.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// promptSecret asks for a secret without showing it; where standard input is no terminal, it takes a line from there.
func (a *app) promptSecret(ctx context.Context, question string, k kind) (secret.Value, error) {
	if !a.typed() {
		return readSecret(ctx, a.in, usage("no-secret-on-stdin"), k)
	}
	f, _ := a.in.(*os.File)
	defer a.steps.ask()()
	_, _ = fmt.Fprint(a.err.w, question)
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
		v := k.value(string(r.b))
		if v.IsZero() && k == pasted {
			return v, &api.Error{Code: api.CodeCancelled, Why: "nothing-typed"}
		}
		return v, nil
	case <-ctx.Done():
		// The terminal would stay without echo.
		_ = term.Restore(int(f.Fd()), state)
		return secret.Value{}, cancelled(ctx.Err())
	}
}

// person is who sits at the terminal; it implements link.Person.
type person struct {
	*app
	report    func(api.Progress)
	noBrowser bool
	command   string // opens an address; empty is the system's browser
	named     bool   // the identity was named, and nobody signs in
	confirmed bool   // from here on something may have been written
	otherName bool   // another account may have the name of the person who signs in
	keep      bool   // what the sign-in tells of the person is remembered

	seen api.Confirmation // what was confirmed last
}

// SignIn shows the address of the sign-in by its host, and opens it unless that is not wanted.
func (p *person) SignIn(ctx context.Context, s api.SignIn) error {
	within := p.count(int(time.Until(s.Deadline).Round(time.Minute).Minutes()), "1 minute", "{n} minutes")
	kept := func() {
		if s.KeptSeconds > 0 {
			p.err.text("", p.t("Sign in within {time}. After that, another person's sign-in cancels yours.",
				"time", p.count(s.KeptSeconds, "1 second", "{n} seconds")))
		}
	}
	if p.noBrowser {
		p.err.text("", p.t("Sign in at {host} within {time}. Open this address in a browser on this computer:",
			"host", s.Host, "time", within))
		p.err.line("  " + s.URL)
		if s.ShortURL != "" {
			p.err.line(p.t("or, shorter:"))
			p.err.line("  " + s.ShortURL)
		}
		kept()
		p.err.line(p.t("Ctrl-C cancels."))
		return nil
	}
	p.err.text("", p.t("Your browser opens {host}. Sign in there within {time}; Ctrl-C cancels.",
		"host", s.Host, "time", within))
	kept()
	if s.ShortURL != "" {
		p.err.line(p.t("If it does not open, go to {url}", "url", s.ShortURL))
	}
	if err := browser.Launch(ctx, s.URL, s.Launch, p.command); err != nil {
		if api.IsCode(err, api.CodeUsage) || api.IsCode(err, api.CodeCancelled) || api.IsCode(err, api.CodeAddressRefused) {
			return err // waiting for it would be in vain
		}
		p.err.text("", p.err.warn(p.told(err).Sentence))
		p.err.line(p.t("Open this address yourself, on this computer:"))
		p.err.line("  " + s.URL)
	}
	return nil
}

// Confirm shows who signed in and whose that identity is, and asks.
func (p *person) Confirm(ctx context.Context, c api.Confirmation) error {
	err := p.notNamesake(ctx, c)
	if err == nil {
		err = p.confirm(ctx, c)
	}
	p.confirmed = err == nil
	if c.NameKnown {
		p.seen = c
	}
	return err
}

// notNamesake asks whether the right person signed in where another account has that person's name. --yes does not answer that.
func (p *person) notNamesake(ctx context.Context, c api.Confirmation) error {
	if c.Namesake == nil || p.named && c.Moves {
		return nil
	}
	params := map[string]string{"name": c.Identity.Name, "namesake": c.Namesake.Name, "account": c.Account.Name}
	if !p.otherName && p.yes {
		return &api.Error{Code: api.CodeUsage, Why: "other-name", Params: params}
	}
	p.err.text("", p.err.warn(p.t("{name} may be the person of another account: there is an account {namesake}. "+
		"The link is for {account}.",
		"name", c.Identity.Name, "namesake", c.Namesake.Name, "account", c.Account.Name)))
	if p.otherName {
		return nil
	}
	return p.ask(ctx, p.t("Is this the right person for {account} all the same?", "account", c.Account.Name))
}

// reassure adds to the error of a flow that was cancelled before the write that nothing was written.
func (p *person) reassure(err error) error {
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.Code != api.CodeCancelled || p.confirmed || e.Why != "" {
		return err
	}
	return cancelled(e)
}

func (p *person) confirm(ctx context.Context, c api.Confirmation) error {
	if len(c.Effects) > 0 {
		return p.agree(ctx, c)
	}
	if c.Written {
		p.err.text("", p.t("{name} at {provider} signed in, and opens {account} now.",
			"name", c.Identity.Name, "provider", c.Identity.Provider, "account", c.Account.Name))
		if c.Moves {
			p.err.text("", p.t("Until now it opened {owner}.", "owner", p.ownerName(c.Owner)))
		}
		return p.ask(ctx, p.t("Keep it? If not, it is taken back."))
	}
	if !c.NameKnown {
		p.err.text("", p.t("Somebody signed in. With this flavour and credential, who it was is known only after the link is written."))
		if c.MayMove {
			taken := &api.Error{Code: api.CodeLinkOwned, Why: "may-move"}
			if p.yes {
				return taken
			}
			p.err.text("", p.told(taken).Sentence)
		}
		if !p.yes {
			p.err.text("", p.t("You are asked then whether to keep the link or to take it back."))
		}
		return p.ask(ctx, p.t("Link that identity at {provider} to the account {account}?",
			"provider", c.Identity.Provider, "account", c.Account.Name))
	}
	who := p.t("Signed in as")
	if p.named {
		who = p.t("Identity")
	}
	p.err.facts(
		who, c.Identity.Name, p.t("Name"), c.DisplayName, p.t("Email"), c.Email, p.t("Provider"),
		fmt.Sprintf("%s (%s)", c.Identity.Provider, c.Identity.Protocol), p.t("Opens now"), p.ownerName(c.Owner),
		p.t("Account"), c.Account.Name,
	)
	for _, r := range c.Remarks {
		p.err.text(p.t("Note: "), p.words.Why(r.Why, r.Params))
	}
	if c.Moves {
		return p.ask(ctx, p.t("Take it from {owner} and link it to {account}?",
			"owner", p.ownerName(c.Owner), "account", c.Account.Name))
	}
	return p.ask(ctx, p.t("Link it to the account {account}?", "account", c.Account.Name))
}

// agree asks whether the server may sign in though that changes the account. Where nobody can be asked, it may not.
func (p *person) agree(ctx context.Context, c api.Confirmation) error {
	p.err.text("", p.t("{name} at {provider} opens {account}.", "name", c.Identity.Name, "provider", c.Identity.Provider,
		"account", c.Account.Name))
	p.err.text("", p.t("Signing in to Jellyfin now changes that account:"))
	for _, r := range c.Effects {
		p.err.text("• ", p.words.Why(r.Why, r.Params))
	}
	if p.json && !p.yes {
		return cancelled(nil)
	}
	err := p.ask(ctx, p.t("Sign in anyway?"))
	if err != nil && ctx.Err() == nil {
		return cancelled(err)
	}
	return err
}

// UseLocal asks whether the sign-in may run over an address that Jellybind found. --yes does not answer that.
func (p *person) UseLocal(ctx context.Context, address string) (api.Consent, error) {
	if p.yes {
		p.err.text(p.t("Note: "), p.t("Jellybind found this server at {address} in your network. --yes does not allow the sign-in "+
			"to run over it; jellybind server set --local-address {address} does.", "address", address))
		return api.ConsentOpen, nil
	}
	p.err.text("", p.t("A proxy hides the server's own sign-in. Jellybind found this server at {address} in your network.",
		"address", address))
	if strings.HasPrefix(address, "http:") {
		p.err.text("", p.t("The connection is not encrypted.")+" "+p.t("No token or key goes there."))
	}
	err := p.ask(ctx, p.t("May the sign-in run over this address?"))
	e, ok := errors.AsType[*api.Error](err)
	switch {
	case err == nil:
		return api.ConsentYes, nil
	case ctx.Err() != nil || !ok || e.Code != api.CodeCancelled && e.Code != api.CodeUsage:
		return "", err
	case e.Why == "cancelled-unchanged":
		return api.ConsentNo, nil
	}
	return api.ConsentOpen, nil // nobody answers
}

// Progress reports what is going on.
func (p *person) Progress(r api.Progress) { p.report(r) }

func (a *app) ownerName(u *api.User) string {
	switch {
	case u == nil:
		return a.t("nothing")
	case u.Name == "":
		return a.t("a deleted account ({id})", "id", u.ID)
	}
	return u.Name
}
