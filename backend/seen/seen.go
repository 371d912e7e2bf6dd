// Package seen remembers what a person has seen of a server's accounts, from one run to the next, so that what has changed
// since can be marked. It keeps one number an account, a digest of its state: no name, no identity, no secret.
package seen

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/natefinch/atomic"
)

// maxBytes bounds a file: 100,000 accounts are less.
const maxBytes = 8 << 20

// Store is the files in one folder, one a server. Each is replaced as a whole, and only ever read to compare, so that
// two processes need no lock: the later look counts.
type Store struct{ dir string }

// Open returns the store in a folder, which is made at the first Save. One without a folder remembers nothing.
func Open(dir string) *Store { return &Store{dir} }

// look is the content of a file.
type look struct {
	// User is whose own account alone was seen, or empty: then all were.
	User string `json:"user,omitempty"`
	// Accounts are the digests by account id.
	Accounts map[string]uint64 `json:"accounts"`
}

// Load returns the digests of the last look at a server by account id. It returns nil when there was none, or not by
// that user; user is empty for whoever sees all accounts.
func (s *Store) Load(server, user string) (map[string]uint64, error) {
	if s.dir == "" {
		return nil, nil
	}
	f, err := os.Open(s.path(server))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening what was seen: %w", err)
	}
	defer func() { _ = f.Close() }()
	var l look
	if err := json.NewDecoder(io.LimitReader(f, maxBytes)).Decode(&l); err != nil {
		return nil, fmt.Errorf("reading what was seen: %w", err)
	}
	if l.User != user {
		return nil, nil
	}
	return l.Accounts, nil
}

// Save remembers a look at a server, in place of the one before.
func (s *Store) Save(server, user string, accounts map[string]uint64) error {
	if s.dir == "" {
		return nil
	}
	b, err := json.Marshal(look{user, accounts})
	if err != nil {
		return fmt.Errorf("encoding what was seen: %w", err)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("making the folder of what was seen: %w", err)
	}
	if err := atomic.WriteFile(s.path(server), bytes.NewReader(b)); err != nil {
		return fmt.Errorf("writing what was seen: %w", err)
	}
	return nil
}

// Forget removes what was seen of a server.
func (s *Store) Forget(server string) error {
	if s.dir == "" {
		return nil
	}
	if err := os.Remove(s.path(server)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing what was seen: %w", err)
	}
	return nil
}

// path names a file by a hash: what names the server stands in a file that people edit.
func (s *Store) path(server string) string {
	sum := sha256.Sum256([]byte(server))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:16])+".json")
}
