package secret

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/zalando/go-keyring"

	"github.com/jellybind/jellybind/backend/api"
)

// Service is the name under which the keyring files everything of Jellybind's.
const Service = "jellybind"

// MaxBytes is the longest secret that the keyring takes. Windows' credential manager holds 2,560 bytes; the same bound
// holds everywhere, so that what was stored on one system can be stored on the next.
const MaxBytes = 2560

// MaxAccount is the longest name of an account, in bytes: macOS' security tool takes one command line of 4,096 bytes for both.
const MaxAccount = 256

// The reasons why a keyring call failed. Each comes wrapped in an *api.Error.
var (
	ErrNotFound    = errors.New("secret not found")
	ErrLocked      = errors.New("keyring locked")
	ErrUnavailable = errors.New("keyring unavailable")
	ErrTooLarge    = errors.New("secret too large for the keyring")
)

// Keyring is the operating system's keyring: Secret Service on Linux, Keychain on macOS, Credential Manager on Windows.
// There is no fallback: where there is no keyring, nothing is stored. It is safe for concurrent use.
//
// Every call has a time limit. The libraries below take no context, so a call runs in a goroutine of its own, and an
// answer that comes after the limit is dropped; what a write does after it is mended (settle). Calls run one at a time, for a
// keyring that asks the person to unlock it would otherwise ask once a call.
type Keyring struct {
	timeout time.Duration
	turn    chan struct{}

	mu      sync.Mutex
	writes  int              // how many were begun
	written map[string]write // the last one that succeeded, by its account
}

// write is what a Set or Delete left: an empty value is none.
type write struct {
	number int
	value  string
}

// An Option changes how a Keyring works.
type Option func(*Keyring)

// WithTimeout sets the time limit of each call; the default is 10 s.
func WithTimeout(d time.Duration) Option { return func(k *Keyring) { k.timeout = d } }

// Open returns the keyring. It asks nothing yet; see Check.
func Open(options ...Option) *Keyring {
	k := &Keyring{timeout: 10 * time.Second, turn: make(chan struct{}, 1), written: map[string]write{}}
	for _, o := range options {
		o(k)
	}
	return k
}

// Get returns the secret of an account. A locked keyring may ask the person to unlock it. Errors: ErrNotFound, ErrLocked,
// ErrUnavailable.
func (k *Keyring) Get(ctx context.Context, account string) (Value, error) {
	if err := checkAccount(account); err != nil {
		return Value{}, err
	}
	s, err := k.call(ctx, func(context.Context) (string, error) { return keyring.Get(Service, account) }, nil)
	if err != nil {
		return Value{}, err
	}
	return New(s), nil
}

// Set stores the secret of an account, and replaces the one that was there. It reads the secret back, since not every
// system's keyring says so when it stored nothing. Errors: ErrTooLarge, ErrLocked, ErrUnavailable.
func (k *Keyring) Set(ctx context.Context, account string, v Value) error {
	if err := check(account, v); err != nil {
		return err
	}
	w := k.begin(v.Reveal())
	var before string
	_, err := k.call(ctx, func(ctx context.Context) (string, error) {
		var err error
		switch before, err = keyring.Get(Service, account); {
		case ctx.Err() != nil:
			return "", ctx.Err() // nobody waits any more
		case err != nil && !errors.Is(err, keyring.ErrNotFound):
			return "", err // it could not be read back either
		}
		if err := keyring.Set(Service, account, v.Reveal()); err != nil {
			return "", err
		}
		stored, err := keyring.Get(Service, account)
		if err == nil && stored != v.Reveal() {
			err = errors.New("the keyring gave back another secret than it was given")
		}
		if err != nil {
			return "", fmt.Errorf("reading back: %w", notStored{err})
		}
		return "", nil
	}, func() { k.settle(account, w, before) })
	if err == nil {
		k.done(account, w)
	}
	return err
}

// Delete removes the secret of an account. Errors: ErrNotFound, ErrLocked, ErrUnavailable.
func (k *Keyring) Delete(ctx context.Context, account string) error {
	if err := checkAccount(account); err != nil {
		return err
	}
	w := k.begin("")
	_, err := k.call(ctx, func(context.Context) (string, error) {
		return "", keyring.Delete(Service, account)
	}, func() { k.settle(account, w, "") })
	if err == nil {
		k.done(account, w)
	}
	return err
}

func (k *Keyring) begin(value string) write {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writes++
	return write{k.writes, value}
}

// done notes a write that succeeded in time.
func (k *Keyring) done(account string, w write) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if w.number > k.written[account].number {
		k.written[account] = w
	}
}

// settle mends what a write did after its time limit: its caller was told that it failed, and may have ended the token at the
// server since, or stored another one. The account gets what was written later, or else what it held before.
func (k *Keyring) settle(account string, late write, before string) {
	_, err := k.call(context.Background(), func(context.Context) (string, error) {
		k.mu.Lock()
		if last := k.written[account]; last.number > late.number {
			before = last.value
		}
		k.mu.Unlock()
		now, err := keyring.Get(Service, account)
		switch {
		case err != nil && !errors.Is(err, keyring.ErrNotFound):
			return "", err
		case now != late.value || now == before: // somebody else has written since, or nothing is left to do
			return "", nil
		case before == "":
			return "", keyring.Delete(Service, account)
		}
		return "", keyring.Set(Service, account, before)
	}, nil)
	if err != nil {
		slog.Warn("mending a keyring entry that was written too late", "error", err)
	}
}

// Check tells whether the keyring can be used. It never asks the person to unlock it where the system tells without
// asking whether it is locked (Linux).
func (k *Keyring) Check(ctx context.Context) api.Keyring {
	asking, cancel := context.WithTimeout(ctx, k.timeout)
	defer cancel()
	err := preflight(asking, true)
	switch {
	case err == nil:
		// Only an account that nobody has can tell a working keyring from a broken one without touching a secret.
		_, err = k.call(ctx, func(context.Context) (string, error) { return keyring.Get(Service, "probe") }, nil)
	case ctx.Err() != nil:
		err = k.late(ctx, err)
	default:
		err = explain(err)
	}
	if err == nil || errors.Is(err, ErrNotFound) {
		return api.Keyring{OK: true}
	}
	state := api.Keyring{Code: api.CodeInternal}
	if e, ok := errors.AsType[*api.Error](err); ok {
		state.Code, state.Why = e.Code, e.Why
	}
	return state
}

// notStored hides a "not found" of the read-back: to the caller of Set that is a keyring which does not work.
type notStored struct{ error }

// call runs f when it is this call's turn. The time limit covers the waiting too. Where f ends after that, late is called, if
// it is not nil.
func (k *Keyring) call(ctx context.Context, f func(context.Context) (string, error), late func()) (string, error) {
	parent := ctx
	ctx, cancel := context.WithTimeout(ctx, k.timeout)
	defer cancel()
	select {
	case k.turn <- struct{}{}:
	case <-ctx.Done():
		return "", k.late(parent, nil)
	}
	// A call that never comes back gives its turn away too: one that hangs must not block the rest for good.
	defer func() { <-k.turn }()

	if err := preflight(ctx, false); err != nil {
		if ctx.Err() != nil {
			return "", k.late(parent, err)
		}
		return "", explain(err)
	}
	type answer struct {
		s   string
		err error
	}
	done := make(chan answer)
	go func() {
		s, err := f(ctx)
		select {
		case done <- answer{s, err}:
		case <-ctx.Done():
			if late != nil {
				late()
			}
		}
	}()
	select {
	case a := <-done:
		switch {
		case a.err == nil:
			return a.s, nil
		case ctx.Err() != nil:
			return "", k.late(parent, nil)
		}
		return "", explain(classify(ctx, a.err))
	case <-ctx.Done():
		return "", k.late(parent, nil)
	}
}

// late says why there was no answer: the caller's context ended, or the limit passed; then a locked keyring is the
// likeliest reason, and the system is asked once more.
func (k *Keyring) late(parent context.Context, err error) error {
	if cause := context.Cause(parent); cause != nil {
		if errors.Is(cause, context.DeadlineExceeded) {
			return &api.Error{Code: api.CodeTimeout, Why: "keyring-silent", Err: cause}
		}
		return &api.Error{Code: api.CodeCancelled, Err: cause}
	}
	if err != nil && (errors.Is(err, ErrLocked) || errors.Is(err, ErrUnavailable)) {
		return explain(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(parent), min(k.timeout, time.Second))
	defer cancel()
	if err := preflight(ctx, true); err != nil && errors.Is(err, ErrLocked) {
		return explain(err)
	}
	return explain(fmt.Errorf("no answer within %v: %w", k.timeout, ErrUnavailable))
}

// classify turns what go-keyring returned into one of this package's errors. It types only "not found" and "too big";
// everything else means that the keyring cannot be used, and the system tells whether that is because it is locked.
func classify(ctx context.Context, err error) error {
	if _, ok := errors.AsType[notStored](err); ok {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	switch {
	case errors.Is(err, keyring.ErrNotFound):
		return ErrNotFound
	case errors.Is(err, keyring.ErrSetDataTooBig):
		return ErrTooLarge
	}
	if state := preflight(ctx, true); state != nil {
		return fmt.Errorf("%w: %w", state, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// check refuses what no keyring could hold.
func check(account string, v Value) error {
	if err := checkAccount(account); err != nil {
		return err
	}
	if v.IsZero() {
		return &api.Error{Code: api.CodeUsage, Why: "secret-empty"}
	}
	if n := len(v.Reveal()); n > MaxBytes {
		return explain(fmt.Errorf("%d bytes: %w", n, ErrTooLarge))
	}
	return nil
}

// checkAccount refuses names that the systems' tools would misread: macOS' takes one command a line.
func checkAccount(account string) error {
	if account == "" || len(account) > MaxAccount || strings.ContainsFunc(account, unicode.IsControl) {
		return &api.Error{Code: api.CodeUsage, Why: "secret-name"}
	}
	return nil
}

// explain wraps an error of this package in what a person reads.
func explain(err error) error {
	e := &api.Error{Err: err}
	switch {
	case errors.Is(err, ErrNotFound):
		e.Code = api.CodeSecretNotFound
	case errors.Is(err, ErrTooLarge):
		e.Code = api.CodeSecretTooLarge
	case errors.Is(err, ErrLocked):
		e.Code, e.Why = api.CodeSecretLocked, lockedWhy
	default:
		e.Code, e.Why = api.CodeSecretUnavailable, unavailableWhy
		if errors.Is(err, errNoCollection) {
			e.Why = "keyring-empty"
		}
	}
	return e
}

// errNoCollection is an ErrUnavailable: the service runs, but has no default collection.
var errNoCollection = fmt.Errorf("no default collection: %w", ErrUnavailable)
