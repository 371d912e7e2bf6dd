package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// A server's files. With the main one goes a folder with a file for each run, and one with a file for each snapshot. One lock
// guards them all.

func (j *Journal) path(server string) (string, error) {
	if !plain(server) {
		return "", fmt.Errorf("unusable server id %q", server)
	}
	return filepath.Join(j.dir, server+".jsonl"), nil
}

func (j *Journal) runPath(server, run string) (string, error) {
	path, err := j.path(server)
	if err != nil {
		return "", err
	}
	if !plain(run) {
		return "", fmt.Errorf("unusable run id %q", run)
	}
	return filepath.Join(strings.TrimSuffix(path, ".jsonl")+".runs", run+".jsonl"), nil
}

// plain reports whether an id can be a file's name.
func plain(id string) bool {
	for _, r := range id {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' {
			return false
		}
	}
	return id != ""
}

// readAll returns a file's content, or nothing where there is no such file. j.mu is held.
func (j *Journal) readAll(path string) ([]byte, error) {
	if j.dir == "" {
		return j.memory[path], nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	return data, nil
}

// file is an open file, to be read from any place.
type file struct {
	io.ReaderAt
	io.Closer
	size int64
}

// open opens a file for reading. Where there is none, it is empty. j.mu is held.
func (j *Journal) open(path string) (file, error) {
	none := file{ReaderAt: bytes.NewReader(nil), Closer: io.NopCloser(nil)}
	if j.dir == "" {
		data := j.memory[path]
		return file{bytes.NewReader(data), io.NopCloser(nil), int64(len(data))}, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("reading the journal: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return none, errors.Join(fmt.Errorf("reading the journal: %w", err), f.Close())
	}
	return file{f, f, info.Size()}, nil
}

// appendTo appends whole lines to a file of a server, and syncs it.
func (j *Journal) appendTo(ctx context.Context, server, path string, lines []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.dir == "" {
		j.memory[path] = append(j.memory[path], lines...)
		return nil
	}
	main, err := j.path(server)
	if err != nil {
		return err
	}
	if err := appendLines(ctx, main+".lock", path, lines); err != nil {
		return unwritable(err)
	}
	return nil
}

func appendLines(ctx context.Context, lockPath, path string, lines []byte) error {
	for _, p := range []string{lockPath, path} {
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			return err
		}
	}
	lock := flock.New(lockPath)
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, lockPace); err != nil {
		return fmt.Errorf("locking: %w", err)
	}
	defer func() { _ = lock.Unlock() }()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if end, err = endLine(f, end); err != nil {
		return err
	}
	if _, err := f.Write(lines); err != nil {
		return errors.Join(err, f.Truncate(end))
	}
	return f.Sync()
}
