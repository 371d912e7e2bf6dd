package jellyfin

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/jellybind/jellybind/backend/api"
)

// policiesMost bounds how many policies are remembered: a server could have another one for every account.
const policiesMost = 100

// What stays in memory is bounded too: by the number of accounts, about 200 bytes each, and by the size of one.
const (
	usersMost = 500_000
	userMost  = 1 << 20 // bytes
)

// countEvery is after how many accounts their reader hears of them.
const countEvery = 250

// decodeUsers reads GET /Users token by token: of 2 kB a user seven fields are wanted, and passing over the others
// without making Go values of them takes less than half the time that encoding/json needs. Duplicate names are not looked
// for, since that costs as much again; the last one wins, as with encoding/json.
func decodeUsers(r io.Reader, counted func(int)) ([]api.User, error) {
	one := &portion{r: bufio.NewReaderSize(r, 256<<10), left: userMost}
	d := userDecoder{
		// The decoder asks for 4 kB at a time at most; 20 MB in such pieces cost as much as the decoding.
		Decoder: jsontext.NewDecoder(one,
			jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)),
		policies: map[string]wirePolicy{},
	}
	if err := d.open('['); err != nil {
		return nil, err
	}
	users := []api.User{}
	for d.PeekKind() == '{' {
		u, err := d.user()
		if err != nil {
			return nil, err
		}
		if one.left = userMost; len(users) == usersMost {
			return nil, errTooLarge
		}
		if users = append(users, u); counted != nil && len(users)%countEvery == 0 {
			counted(len(users))
		}
	}
	if err := d.open(']'); err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more after the list")
	}
	return users, nil
}

// portion ends with errTooLarge when more than left is read at once: the decoder keeps a value in memory as a whole.
type portion struct {
	r    io.Reader
	left int
}

// Read implements io.Reader.
func (p *portion) Read(b []byte) (int, error) {
	if p.left <= 0 {
		return 0, errTooLarge
	}
	n, err := p.r.Read(b[:min(len(b), p.left)])
	p.left -= n
	return n, err
}

type userDecoder struct {
	*jsontext.Decoder
	policies map[string]wirePolicy // by their JSON
}

// open reads one token of that kind.
func (d *userDecoder) open(kind jsontext.Kind) error {
	t, err := d.ReadToken()
	if err != nil {
		return err
	}
	if t.Kind() != kind {
		return fmt.Errorf("%q instead of %q", t.Kind(), kind)
	}
	return nil
}

// object calls field with each name as it stands in the JSON, quotes included; field reads or skips the value. Making a
// string of every name would be half a million of them for 10,000 accounts. No server escapes letters in these names.
func (d *userDecoder) object(field func(name []byte) error) error {
	if err := d.open('{'); err != nil {
		return err
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadValue()
		if err != nil {
			return err
		}
		key := string(name[1 : len(name)-1]) // name is gone with the next token
		if err := field(name); err != nil {
			if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
				wrong.Field = strings.TrimSuffix(key+"."+wrong.Field, ".")
			}
			return err
		}
	}
	return d.open('}')
}

func (d *userDecoder) user() (api.User, error) {
	var w wireUser
	err := d.object(func(name []byte) (err error) {
		switch string(name) {
		case `"Id"`:
			w.ID, err = d.text()
		case `"Name"`:
			w.Name, err = d.text()
		case `"HasPassword"`:
			w.HasPassword, err = d.yes()
		case `"LastActivityDate"`:
			var s string
			s, err = d.text()
			w.LastActivityDate = parseStamp(s)
		case `"Policy"`:
			w.Policy, err = d.policy()
		default: // passing over it token by token, as SkipValue does, would take longer
			_, err = d.ReadValue()
		}
		return err
	})
	if err == nil && !w.usable() {
		err = errors.New("an account without id or name")
	}
	return w.user(), err
}

// policy reads what the account may do. Most accounts of a server have one of few policies (1 kB each), letter for letter, so
// that each of these is taken apart once.
func (d *userDecoder) policy() (wirePolicy, error) {
	raw, err := d.ReadValue()
	if err != nil {
		return wirePolicy{}, err
	}
	p, known := d.policies[string(raw)]
	if known || raw.Kind() != '{' {
		return p, nil
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, fmt.Errorf("reading a policy: %w", err)
	}
	if len(d.policies) == policiesMost {
		clear(d.policies)
	}
	d.policies[string(raw)] = p
	return p, nil
}

// text reads a string, or passes over null.
func (d *userDecoder) text() (string, error) {
	t, err := d.ReadToken()
	switch {
	case err != nil:
		return "", err
	case t.Kind() == '"':
		return t.String(), nil
	case t.Kind() == 'n':
		return "", nil
	}
	return "", &json.UnmarshalTypeError{Value: t.Kind().String(), Type: reflect.TypeFor[string]()}
}

// yes reads a bool; null is false.
func (d *userDecoder) yes() (bool, error) {
	t, err := d.ReadToken()
	switch {
	case err != nil:
		return false, err
	case t.Kind() == 't':
		return true, nil
	case t.Kind() == 'f' || t.Kind() == 'n':
		return false, nil
	}
	return false, &json.UnmarshalTypeError{Value: t.Kind().String(), Type: reflect.TypeFor[bool]()}
}

// parseStamp reads a point in time as .NET writes it. One that cannot be read is none: no list should fail for it.
func parseStamp(s string) stamp {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.9999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return stamp{t.UTC()}
		}
	}
	return stamp{}
}
