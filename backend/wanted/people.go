package wanted

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// The formats of lists of people.
const (
	FormatKeycloak  api.FileFormat = "keycloak"  // kcadm get users, or a realm's export with its users
	FormatAuthentik api.FileFormat = "authentik" // the users of its API
	FormatZitadel   api.FileFormat = "zitadel"   // the users of its API
	FormatPeople    api.FileFormat = "people"    // any other list
)

// MaxPeople bounds a list of people.
const MaxPeople = 200_000

// Person is one entry of an identity provider's list.
type Person struct {
	// Line is the line of a table, or the place in a JSON list, from 1.
	Line int
	// Fields are its texts, numbers and switches. A field inside another is called outer.inner; of a list of one, it is the entry.
	Fields map[string]string
}

// People is what an identity provider knows of its people.
type People struct {
	Label  string
	Format api.FileFormat
	People []Person
	// Account, Subject and Email are the fields with the user name, with what the provider sends as "sub", and with the e-mail
	// address. Each is empty where the list does not say.
	Account, Subject, Email string
}

// PeopleOptions say what a list does not.
type PeopleOptions struct {
	Account string // the field with the user name
	Subject string // the field with what the provider sends as "sub"
}

// shape is how a format is recognised by the fields of its people, and which of them count.
type shape struct {
	format           api.FileFormat
	has              []string
	account, subject string
}

// A list of a format that is not here needs fields that say what they are: "sub" is never guessed from "id".
var shapes = []shape{
	{FormatAuthentik, []string{"pk", "uid", "username"}, "username", "uid"},
	{FormatKeycloak, []string{"id", "username", "createdTimestamp"}, "username", "id"},
	{FormatZitadel, []string{"userId", "preferredLoginName"}, "username", "userId"},
}

// ReadPeople reads a list of people whole: a JSON list, a JSON object with such a list, or a table. label is its name for people.
//
// Errors: CodeUsage, with the line where there is one.
func ReadPeople(r io.Reader, label string, o PeopleOptions) (People, error) {
	p, err := readPeople(r, label)
	if err == nil {
		err = p.name(o)
	}
	if err != nil {
		return People{}, named(label, err)
	}
	p.Label = label
	return p, nil
}

func readPeople(r io.Reader, label string) (People, error) {
	text, err := readText(r, label)
	if err != nil {
		return People{}, err
	}
	if start := bytes.TrimLeft(text, " \t\r\n"); len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		return peopleOfJSON(text)
	}
	return peopleOfTable(text)
}

func peopleOfTable(text []byte) (p People, err error) {
	t, err := openTable(text)
	if err != nil {
		return p, err
	}
	for {
		if err := t.next(); errors.Is(err, io.EOF) {
			return p.counted()
		} else if err != nil {
			return p, err
		}
		if len(p.People) == MaxPeople {
			return p, wrong("people-long", 0, map[string]string{"most": strconv.Itoa(MaxPeople)})
		}
		fields := map[string]string{}
		for i, cell := range t.row {
			if i < len(t.titles) {
				fields[strings.TrimSpace(t.titles[i])] = unguarded(cell)
			}
		}
		p.People = append(p.People, Person{Line: t.line, Fields: fields})
	}
}

func peopleOfJSON(text []byte) (p People, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // an id may be longer than a float64 holds
	var value any
	if err := d.Decode(&value); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return p, wrong("file-cut", 0, nil)
		}
		return p, wrong("people-other", 0, nil)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return p, wrong("people-other", 0, nil)
	}
	list := listIn(value)
	if len(list) > MaxPeople {
		return p, wrong("people-long", 0, map[string]string{"most": strconv.Itoa(MaxPeople)})
	}
	for i, entry := range list {
		object, ok := entry.(map[string]any)
		if !ok {
			return p, wrong("people-other", 0, nil)
		}
		fields := map[string]string{}
		flatten(fields, "", object, 0)
		p.People = append(p.People, Person{Line: i + 1, Fields: fields})
	}
	return p.counted()
}

func (p People) counted() (People, error) {
	if len(p.People) == 0 {
		return p, wrong("people-other", 0, nil)
	}
	return p, nil
}

// lists are what formats call their list; a realm's export has many other ones.
var lists = []string{"users", "results", "result", "data"}

// listIn finds the list of people. It is nil where there is none, or where two could be it.
func listIn(value any) []any {
	if list, ok := value.([]any); ok {
		return list
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	for _, name := range lists {
		switch inner := object[name].(type) {
		case []any:
			return inner
		case map[string]any:
			return listIn(inner)
		}
	}
	var found []any
	for _, inner := range object {
		list, ok := inner.([]any)
		switch {
		case !ok:
		case found != nil:
			return nil
		default:
			found = list
		}
	}
	return found
}

// mostDepth bounds how deep fields lie in each other.
const mostDepth = 4

func flatten(into map[string]string, name string, value any, depth int) {
	switch v := value.(type) {
	case string:
		into[name] = v
	case json.Number:
		into[name] = v.String()
	case bool:
		into[name] = strconv.FormatBool(v)
	case []any:
		if len(v) == 1 && depth < mostDepth {
			flatten(into, name, v[0], depth+1)
		}
	case map[string]any:
		if depth == mostDepth {
			return
		}
		for key, inner := range v {
			if name != "" {
				key = name + "." + key
			}
			flatten(into, key, inner, depth+1)
		}
	}
}

// name finds the fields that count, the person's choice first.
func (p *People) name(o PeopleOptions) error {
	p.Format = FormatPeople
	for _, s := range shapes {
		if !slices.ContainsFunc(s.has, func(field string) bool { return !p.has(field) }) {
			p.Format, p.Account, p.Subject = s.format, s.account, s.subject
			break
		}
	}
	if p.Format == FormatPeople {
		p.Account, p.Subject = p.first("username", "userName", "account", "attrs.name"), p.first("sub", "subject")
	}
	p.Email = p.first("email", "mail", "human.email.email", "attrs.mail")
	for _, c := range []struct {
		chosen string
		field  *string
	}{{o.Account, &p.Account}, {o.Subject, &p.Subject}} {
		if c.chosen == "" {
			continue
		}
		if !p.has(c.chosen) {
			return wrong("people-no-field", 0, map[string]string{"field": c.chosen, "fields": p.fields()})
		}
		*c.field = c.chosen
	}
	if p.Account == "" {
		return wrong("people-no-account", 0, map[string]string{"fields": p.fields()})
	}
	return nil
}

// has reports whether anybody has a field.
func (p *People) has(field string) bool {
	return slices.ContainsFunc(p.People, func(x Person) bool { _, ok := x.Fields[field]; return ok })
}

func (p *People) first(of ...string) string {
	if i := slices.IndexFunc(of, p.has); i >= 0 {
		return of[i]
	}
	return ""
}

// fields lists the first person's fields.
func (p *People) fields() string {
	return api.Short(strings.Join(slices.Sorted(maps.Keys(p.People[0].Fields)), ", "))
}
