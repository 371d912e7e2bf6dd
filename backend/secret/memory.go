package secret

import (
	"context"
	"sync"
)

// Memory holds secrets for as long as the process runs, for the demo world and for a run without a keyring
// (--credential-stdin). It has the methods and the errors of Keyring. The zero value is ready, and safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	secrets map[string]Value
}

// Get returns the secret of an account. Errors: ErrNotFound.
func (m *Memory) Get(_ context.Context, account string) (Value, error) {
	if err := checkAccount(account); err != nil {
		return Value{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.secrets[account]
	if !ok {
		return Value{}, explain(ErrNotFound)
	}
	return v, nil
}

// Set holds the secret of an account, and replaces the one that was there. Errors: ErrTooLarge.
func (m *Memory) Set(_ context.Context, account string, v Value) error {
	if err := check(account, v); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.secrets == nil {
		m.secrets = map[string]Value{}
	}
	m.secrets[account] = v
	return nil
}

// Delete drops the secret of an account. Errors: ErrNotFound.
func (m *Memory) Delete(_ context.Context, account string) error {
	if err := checkAccount(account); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.secrets[account]; !ok {
		return explain(ErrNotFound)
	}
	delete(m.secrets, account)
	return nil
}
