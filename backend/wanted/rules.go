package wanted

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/jellybind/jellybind/backend/api"
)

// mostName bounds a name that a rule makes, in bytes: a template could go on for ever.
const mostName = 1 << 10

// ruleFacts is what a rule's template knows of an account.
type ruleFacts struct {
	Account string
	ID      string
}

var ruleFunctions = template.FuncMap{
	"lower": strings.ToLower, "upper": strings.ToUpper, "trim": strings.TrimSpace,
	"replace": func(from, to, s string) string { return strings.ReplaceAll(s, from, to) },
}

// Rule wants a link at a provider for each account, with the name that a template (text/template) makes of {{.Account}} and
// {{.ID}}. lower, upper, trim and replace "from" "to" work on texts.
//
// Errors: CodeUsage for a template that cannot be used.
func Rule(text string, at api.ProviderRef, accounts []api.Account) (api.WantedSet, error) {
	set := api.WantedSet{Source: api.SourceRule, Label: text, Scope: []api.ProviderRef{at}}
	t, err := template.New("").Option("missingkey=error").Funcs(ruleFunctions).Parse(text)
	if err != nil {
		return set, wrong("rule-unreadable", 0, map[string]string{"rule": text, "reason": plainReason(err)})
	}
	for _, a := range accounts {
		if !a.Exists {
			continue
		}
		out := bounded{most: mostName}
		if err := t.Execute(&out, ruleFacts{Account: a.Name, ID: a.ID}); err != nil {
			if errors.Is(err, io.ErrShortWrite) {
				return set, wrong("rule-long", 0, map[string]string{"rule": text, "account": a.Name})
			}
			return set, wrong("rule-unreadable", 0, map[string]string{"rule": text, "reason": plainReason(err)})
		}
		set.Links = append(set.Links, api.WantedLink{
			Line: len(set.Links) + 1, Identity: api.Identity{Protocol: at.Protocol, Provider: at.Provider, Name: out.String()},
			UserID: a.ID, UserName: a.Name,
		})
	}
	return set, nil
}

// plainReason is a template's complaint without the package's prefix.
func plainReason(err error) string {
	_, after, found := strings.Cut(err.Error(), ":1: ")
	if !found {
		_, after, found = strings.Cut(err.Error(), ">: ")
	}
	if !found {
		return api.Short(err.Error())
	}
	return api.Short(after)
}

// bounded is a buffer that takes no more than most bytes.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, io.ErrShortWrite
	}
	return b.Buffer.Write(p)
}

// Map wants the links of one provider at another one, with the same names for the same accounts. keep leaves the links at the
// first provider; otherwise they go.
func Map(r api.Roster, from, to api.ProviderRef, keep bool) api.WantedSet {
	set := api.WantedSet{Source: api.SourceMapping, Label: from.Provider + " → " + to.Provider, Scope: []api.ProviderRef{to}}
	line := 0
	each(r, from, func(a api.Account, id api.Identity) {
		line++
		set.Links = append(set.Links, api.WantedLink{
			Line: line, Identity: api.Identity{Protocol: to.Protocol, Provider: to.Provider, Name: id.Name},
			UserID: a.ID, UserName: a.Name,
		})
		if !keep && from != to {
			set.Links = append(set.Links, api.WantedLink{Line: line, Identity: id, UserID: a.ID, UserName: a.Name, Gone: true})
		}
	})
	return set
}

// each calls f for each link at a provider.
func each(r api.Roster, at api.ProviderRef, f func(api.Account, api.Identity)) {
	for _, a := range r.Accounts {
		for _, id := range a.Identities {
			if id.Ref() == at {
				f(a, id)
			}
		}
	}
}

// Rename wants new names for the links at a provider, by a table of old and new names (columns old and new). keep leaves the
// links with the old names.
//
// Errors: CodeUsage with the line.
func Rename(in io.Reader, label string, r api.Roster, at api.ProviderRef, keep bool) (api.WantedSet, error) {
	links, err := rename(in, label, r, at, keep)
	if err != nil {
		return api.WantedSet{}, named(label, err)
	}
	return api.WantedSet{
		Source: api.SourceMapping, Label: label, Format: FormatTable, Scope: []api.ProviderRef{at}, Links: links,
	}, nil
}

func rename(in io.Reader, label string, r api.Roster, at api.ProviderRef, keep bool) (links []api.WantedLink, err error) {
	text, err := readText(in, label)
	if err != nil {
		return nil, err
	}
	t, err := openTable(text)
	if err == nil {
		err = t.pair()
	}
	if err != nil {
		return nil, err
	}
	owners := map[string]api.Account{}
	each(r, at, func(a api.Account, id api.Identity) { owners[id.Name] = a })
	for {
		if err := t.next(); errors.Is(err, io.EOF) {
			return links, nil
		} else if err != nil {
			return nil, err
		}
		if len(links) >= MaxLinks {
			return nil, wrong("file-long", t.line, map[string]string{"most": strconv.Itoa(MaxLinks)})
		}
		links = append(links, renamed(t, owners, at, keep)...)
	}
}

// columnOld and columnNew are the columns of a table of names.
const (
	columnOld Column = "old"
	columnNew Column = "new"
)

// pair finds the columns of old and new names.
func (t *table) pair() error {
	t.columns = map[Column]int{}
	for i, title := range t.titles {
		var column Column
		switch plainTitle(title) {
		case "old", "from", "alt", "von":
			column = columnOld
		case "new", "to", "neu", "nach":
			column = columnNew
		default:
			continue
		}
		if t.has(column) {
			return wrong("file-two-columns", 0, map[string]string{"column": title, "columns": strings.Join(t.titles, ", ")})
		}
		t.columns[column] = i
	}
	if len(t.columns) < 2 {
		return wrong("file-pair", 0, map[string]string{"columns": strings.Join(t.titles, ", ")})
	}
	return nil
}

func renamed(t *table, owners map[string]api.Account, at api.ProviderRef, keep bool) []api.WantedLink {
	before := api.Identity{Protocol: at.Protocol, Provider: at.Provider, Name: unguarded(t.cell(columnOld))}
	after := before
	after.Name = unguarded(t.cell(columnNew))
	a, linked := owners[before.Name]
	if !linked {
		return []api.WantedLink{{
			Line: t.line, Identity: after, Why: "rename-unknown", Params: map[string]string{"name": before.Name, "provider": at.Provider},
		}}
	}
	links := []api.WantedLink{{Line: t.line, Identity: after, UserID: a.ID, UserName: a.Name}}
	if !keep && after != before {
		links = append(links, api.WantedLink{Line: t.line, Identity: before, UserID: a.ID, UserName: a.Name, Gone: true})
	}
	return links
}

// FromServer wants another server's links here, by the accounts' names: ids differ from server to server.
func FromServer(r api.Roster, label string, of []api.ProviderRef) api.WantedSet {
	set := api.WantedSet{Source: api.SourceServer, Label: label}
	for i, l := range NewDocument(r, label, of).Links {
		w := api.WantedLink{
			Line: i + 1, Identity: api.Identity{Protocol: l.Protocol, Provider: l.Provider, Name: l.Name}, UserName: l.UserName,
		}
		if l.UserName == "" {
			w.Why, w.Params = "server-orphan", map[string]string{"name": l.Name}
		}
		set.Links = append(set.Links, w)
		if ref := w.Ref(); !slices.Contains(set.Scope, ref) {
			set.Scope = append(set.Scope, ref)
		}
	}
	return set
}
