package secret_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/secret/secrettest"
)

// lateService is a Secret Service with one collection, whose next write can be held back.
type lateService struct {
	mu    sync.Mutex
	items map[dbus.ObjectPath]string
	hold  chan struct{} // the next write waits for its end; nil: none does
	wrote chan struct{} // closed when the write that was held is done
	conn  *dbus.Conn

	refused bool // the person does not unlock the collection
	asked   int  // how often he was to unlock it
}

// item is one entry of a lateService.
type item struct {
	s    *lateService
	path dbus.ObjectPath
}

type dbusSecret struct {
	Session     dbus.ObjectPath
	Parameters  []byte
	Value       []byte
	ContentType string
}

const noPrompt = dbus.ObjectPath("/")

func (s *lateService) Get(iface, name string) (dbus.Variant, *dbus.Error) {
	return slowService{tells: true}.Get(iface, name)
}

func (s *lateService) Unlock(paths []dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.refused {
		paths = nil
	}
	return paths, noPrompt, nil
}

func (s *lateService) OpenSession(string, dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	return dbus.MakeVariant(""), "/session", nil
}

func (s *lateService) Close() *dbus.Error { return nil }

func pathOf(attributes map[string]string) dbus.ObjectPath {
	return dbus.ObjectPath(fmt.Sprintf("/item/%x", attributes["username"]))
}

func (s *lateService) SearchItems(attributes map[string]string) ([]dbus.ObjectPath, *dbus.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.items[pathOf(attributes)]; !ok {
		return []dbus.ObjectPath{}, nil
	}
	return []dbus.ObjectPath{pathOf(attributes)}, nil
}

func (s *lateService) CreateItem(
	properties map[string]dbus.Variant, v dbusSecret, _ bool,
) (dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	s.mu.Lock()
	hold := s.hold
	s.hold = nil
	s.mu.Unlock()
	if hold != nil {
		<-hold
		defer close(s.wrote)
	}
	attributes, _ := properties["org.freedesktop.Secret.Item.Attributes"].Value().(map[string]string)
	path := pathOf(attributes)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items[path] = string(v.Value)
	if err := s.conn.Export(item{s, path}, path, "org.freedesktop.Secret.Item"); err != nil {
		return "", "", dbus.MakeFailedError(err)
	}
	return path, noPrompt, nil
}

func (i item) GetSecret(session dbus.ObjectPath) (dbusSecret, *dbus.Error) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	return dbusSecret{Session: session, Value: []byte(i.s.items[i.path])}, nil
}

func (i item) Delete() (dbus.ObjectPath, *dbus.Error) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	delete(i.s.items, i.path)
	return noPrompt, nil
}

func serveLate(t *testing.T) *lateService {
	t.Helper()
	s := &lateService{items: map[dbus.ObjectPath]string{}}
	s.conn = serve(t, s)
	for path, iface := range map[dbus.ObjectPath]string{
		"/org/freedesktop/secrets/collection/login": "org.freedesktop.Secret.Collection",
		"/session": "org.freedesktop.Secret.Session",
	} {
		if err := s.conn.Export(s, path, iface); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestKeyringAsksOnce: who does not unlock the keyring for a write is not asked again for the same one.
func TestKeyringAsksOnce(t *testing.T) {
	t.Parallel()
	if !secrettest.Rerun(t, secrettest.NoService) {
		return
	}
	s := serveLate(t)
	s.refused = true
	if err := secret.Open().Set(t.Context(), "client:x", secret.New(plain)); !errors.Is(err, secret.ErrUnavailable) {
		t.Errorf("stored in a keyring that stayed locked: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked != 1 {
		t.Errorf("asked %d times", s.asked)
	}
}

// TestKeyringThatAnswersLate: what was told to have failed leaves nothing behind, and takes nothing away.
func TestKeyringThatAnswersLate(t *testing.T) {
	t.Parallel()
	if !secrettest.Rerun(t, secrettest.NoService) {
		return
	}
	s := serveLate(t)
	for name, c := range map[string]struct {
		before string                              // what the account held
		since  func(*secret.Keyring, string) error // what is done before the late write ends
		want   string
	}{
		"nothing before": {},
		"one before":     {before: "first", want: "first"},
		"another since": {before: "first", want: "third", since: func(k *secret.Keyring, account string) error {
			return k.Set(t.Context(), account, secret.New("third"))
		}},
		"removed since": {before: "first", since: func(k *secret.Keyring, account string) error {
			return k.Delete(t.Context(), account)
		}},
	} {
		account := "credential:" + name
		patient := secret.Open()
		if c.before != "" {
			if err := patient.Set(t.Context(), account, secret.New(c.before)); err != nil {
				t.Fatal(err)
			}
		}
		k := secret.Open(secret.WithTimeout(500 * time.Millisecond))
		hold, wrote := make(chan struct{}), make(chan struct{})
		for waits := true; waits; { // on a busy machine, the limit may pass before the write
			s.mu.Lock()
			s.hold, s.wrote = hold, wrote
			s.mu.Unlock()
			if err := k.Set(t.Context(), account, secret.New("late")); !api.IsCode(err, api.CodeSecretUnavailable) {
				t.Fatalf("%s: %v", name, err)
			}
			s.mu.Lock()
			waits = s.hold != nil
			s.mu.Unlock()
		}
		if c.since != nil {
			err := errors.New("not tried")
			for n := 0; err != nil && n < 20; n++ {
				err = c.since(k, account)
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		close(hold)
		<-wrote
		var got secret.Value
		var err error
		settled := func() bool {
			got, err = patient.Get(t.Context(), account)
			return got.Reveal() == c.want && (c.want == "") == errors.Is(err, secret.ErrNotFound)
		}
		for deadline := time.Now().Add(20 * time.Second); !settled(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("%s: the account holds %q, want %q (%v)", name, got.Reveal(), c.want, err)
				break
			}
		}
	}
}
