// Package seen stores the state in which a person has last seen a server's accounts, so that the next run can mark what has
// changed. It stores one number for each account, a digest of its state: no name, no identity, no secret.
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

// maxBytes limits a file's size. 100,000 accounts need less.
const maxBytes = 8 << 20

// Store is a folder with one file for each server. A file is replaced as a whole and only compared with, so several
// processes need no lock: the last one to write wins.
type Store struct{ dir string }

// Open returns the store in a folder. The first Save makes the folder. If dir is empty, nothing is stored.
func Open(dir string) *Store { return &Store{dir} }

// content is the content of a file.
type content struct {
	// User is the user who sees no other account; empty for one who sees all.
	User string `json:"user,omitempty"`
	// Accounts are the digests by account id.
	Accounts map[string]uint64 `json:"accounts"`
}

// Load returns the digests that were saved for a server, by account id. It returns nil if there are none, or if they are of
// another user. user is empty for one who sees all accounts.
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
	var c content
	if err := json.NewDecoder(io.LimitReader(f, maxBytes)).Decode(&c); err != nil {
		return nil, fmt.Errorf("reading what was seen: %w", err)
	}
	if c.User != user {
		return nil, nil
	}
	return c.Accounts, nil
}

// Save replaces the digests of a server.
func (s *Store) Save(server, user string, accounts map[string]uint64) error {
	if s.dir == "" {
		return nil
	}
	b, err := json.Marshal(content{user, accounts})
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

// Forget removes the digests of a server.
func (s *Store) Forget(server string) error {
	if s.dir == "" {
		return nil
	}
	if err := os.Remove(s.path(server)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing what was seen: %w", err)
	}
	return nil
}

// path returns the path of a server's file. It is a hash, because the server's id may hold anything: people edit the file it
// is from.
func (s *Store) path(server string) string {
	sum := sha256.Sum256([]byte(server))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:16])+".json")
}
