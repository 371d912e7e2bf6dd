package secret_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/backend/secret"
	"github.com/jellybind/jellybind/backend/secret/secrettest"
)

// store is what both kinds of store must do alike.
type store interface {
	Get(ctx context.Context, account string) (secret.Value, error)
	Set(ctx context.Context, account string, v secret.Value) error
	Delete(ctx context.Context, account string) error
}

// wantError checks the kind, the code and that a person reads what to do.
func wantError(t *testing.T, err, kind error, code api.Code) {
	t.Helper()
	if kind != nil && !errors.Is(err, kind) {
		t.Errorf("error is %v (%#v), want %v", err, errors.Unwrap(err), kind)
	}
	e, ok := errors.AsType[*api.Error](err)
	if !ok {
		t.Fatalf("error is %T (%v), want *api.Error", err, err)
	}
	if e.Code != code {
		t.Errorf("code is %q, want %q (cause %v)", e.Code, code, e.Err)
	}
}

func conformance(t *testing.T, s store) {
	t.Helper()
	ctx := t.Context()
	_, err := s.Get(ctx, "nobody")
	wantError(t, err, secret.ErrNotFound, api.CodeSecretNotFound)
	wantError(t, s.Delete(ctx, "nobody"), secret.ErrNotFound, api.CodeSecretNotFound)

	for account, value := range map[string]string{
		"server/1a2b": "token", "odd 'name' \"x\" $(y) ü 漢字": "line\nbreak\ttab ü\x00\xff", strings.Repeat("a", 256): strings.Repeat("v", secret.MaxBytes),
	} {
		if err := s.Set(ctx, account, secret.New("before")); err != nil {
			t.Fatalf("Set(%q): %v", account, err)
		}
		if err := s.Set(ctx, account, secret.New(value)); err != nil {
			t.Fatalf("Set(%q) again: %v", account, err)
		}
		if got, err := s.Get(ctx, account); err != nil || got.Reveal() != value {
			t.Errorf("Get(%q) = %q, %v", account, got.Reveal(), err)
		}
	}
	if err := s.Delete(ctx, "server/1a2b"); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	_, err = s.Get(ctx, "server/1a2b")
	wantError(t, err, secret.ErrNotFound, api.CodeSecretNotFound)

	long := secret.New(strings.Repeat("L", secret.MaxBytes+1))
	err = s.Set(ctx, "long", long)
	wantError(t, err, secret.ErrTooLarge, api.CodeSecretTooLarge)
	if strings.Contains(fmt.Sprintf("%+v %v", err, errors.Unwrap(err)), "LLLL") {
		t.Errorf("the error holds the secret: %v", err)
	}
	wantError(t, s.Set(ctx, "empty", secret.Value{}), nil, api.CodeUsage)
	for _, account := range []string{"", "new\nline", "nul\x00", strings.Repeat("a", 257)} {
		wantError(t, s.Set(ctx, account, secret.New("v")), nil, api.CodeUsage)
		_, err := s.Get(ctx, account)
		wantError(t, err, nil, api.CodeUsage)
		wantError(t, s.Delete(ctx, account), nil, api.CodeUsage)
	}

	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			account, value := fmt.Sprintf("parallel/%d", i), fmt.Sprintf("value %d", i)
			if err := s.Set(ctx, account, secret.New(value)); err != nil {
				t.Errorf("Set(%s): %v", account, err)
			}
			if got, err := s.Get(ctx, account); err != nil || got.Reveal() != value {
				t.Errorf("Get(%s) = %q, %v", account, got.Reveal(), err)
			}
		})
	}
	wg.Wait()
}

func TestMemory(t *testing.T) {
	t.Parallel()
	conformance(t, &secret.Memory{})
}

func TestKeyring(t *testing.T) {
	t.Parallel()
	if !secrettest.Rerun(t, secrettest.Unlocked) {
		return
	}
	k := secret.Open()
	if got := k.Check(t.Context()); got != (api.Keyring{OK: true}) {
		t.Fatalf("Check = %+v", got)
	}
	conformance(t, k)
	if got := k.Check(t.Context()); got != (api.Keyring{OK: true}) {
		t.Errorf("Check at the end = %+v", got)
	}
}

// TestKeyringOutlivesTheProcess shows that the secret is in the keyring, under the service's name, and nowhere in the clear.
func TestKeyringOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	const token = "6d7f0a51c3e84b0e9f1d2c3b4a596877"
	if os.Getenv("JELLYBIND_SECRETTEST") == "" {
		s := secrettest.Start(t, secrettest.Unlocked)
		if _, err := child(t, s, "set"); err != nil {
			t.Fatal(err)
		}
		out, err := child(t, s, "get")
		if err != nil || !strings.Contains(out, "got it") {
			t.Fatalf("%v\n%s", err, out)
		}
		s.Lock()
		out, err = child(t, s, "get")
		if err == nil || !strings.Contains(out, "code is secret-locked") {
			t.Fatalf("after locking: %v\n%s", err, out)
		}
		for _, dir := range s.Env {
			_, path, _ := strings.Cut(dir, "=")
			if strings.HasPrefix(path, "/") {
				searchFor(t, path, token)
			}
		}
		return
	}
	k := secret.Open(secret.WithTimeout(5 * time.Second))
	switch os.Getenv("JELLYBIND_STEP") {
	case "set":
		if err := k.Set(t.Context(), "server/x", secret.New(token)); err != nil {
			t.Fatal(err)
		}
	case "get":
		v, err := k.Get(t.Context(), "server/x")
		if err != nil {
			t.Fatalf("code is %s: %v", api.CodeOf(err), err)
		}
		if v.Reveal() != token {
			t.Fatal("another value")
		}
		t.Log("got it")
	}
}

func TestKeyringLocked(t *testing.T) {
	t.Parallel()
	if !secrettest.Rerun(t, secrettest.Locked) {
		return
	}
	k := secret.Open(secret.WithTimeout(5 * time.Second))
	if got := k.Check(t.Context()); got.OK || got.Code != api.CodeSecretLocked {
		t.Errorf("Check = %+v", got)
	}
	failsWith(t, k, secret.ErrLocked, api.CodeSecretLocked)
}

func TestKeyringWithoutOne(t *testing.T) {
	t.Parallel()
	for _, state := range []secrettest.State{secrettest.NoBus, secrettest.NoService, secrettest.NoKeyring} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			if !secrettest.Rerun(t, state) {
				return
			}
			k := secret.Open(secret.WithTimeout(5 * time.Second))
			start := time.Now()
			if got := k.Check(t.Context()); got.OK || got.Code != api.CodeSecretUnavailable {
				t.Errorf("Check = %+v", got)
			}
			failsWith(t, k, secret.ErrUnavailable, api.CodeSecretUnavailable)
			if d := time.Since(start); d > 4*time.Second {
				t.Errorf("it took %v to find out", d)
			}
		})
	}
}

func failsWith(t *testing.T, k *secret.Keyring, kind error, code api.Code) {
	t.Helper()
	_, err := k.Get(t.Context(), "server/x")
	wantError(t, err, kind, code)
	err = k.Set(t.Context(), "server/x", secret.New(plain))
	wantError(t, err, kind, code)
	leaks(t, "the error", fmt.Sprintf("%+v", errors.Unwrap(err)))
	wantError(t, k.Delete(t.Context(), "server/x"), kind, code)
}
