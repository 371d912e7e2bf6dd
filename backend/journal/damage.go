package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"

	"github.com/jellybind/jellybind/backend/api"
)

// Lines that are no change are moved from a server's file to another one beside it, so that nothing is lost, the journal can be
// written on, and a person is told as long as that file is there.

// longestLine bounds a torn line; a change of a few thousand identities is about as long.
const longestLine = 1 << 20

// content is what a file holds.
type content struct {
	entries []entry
	good    [][]byte // the lines of entries
	damaged [][]byte
}

func parse(data []byte) content {
	var c content
	for line := range bytes.Lines(data) {
		trimmed := bytes.TrimSpace(line)
		e, ok := decode(trimmed)
		switch {
		case ok:
			c.entries, c.good = append(c.entries, e), append(c.good, trimmed)
		case len(trimmed) == 0, !bytes.HasSuffix(line, []byte("\n")) && torn(line):
		default:
			c.damaged = append(c.damaged, trimmed)
		}
	}
	return c
}

// read reads one of a server's files, and sets damaged lines aside.
func (j *Journal) read(server, path string) ([]entry, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	data, err := j.readAll(path)
	if err != nil {
		return nil, err
	}
	c := parse(data)
	if len(c.damaged) == 0 {
		return c.entries, nil
	}
	main, err := j.path(server)
	if err != nil {
		return nil, err
	}
	j.left[server] = 0
	if err := j.setAside(main, path); err != nil { // such as in a folder that cannot be written: the lines stay where they are
		j.left[server] = len(c.damaged)
	}
	return c.entries, nil
}

func (j *Journal) readMain(server string) ([]entry, error) {
	path, err := j.path(server)
	if err != nil {
		return nil, err
	}
	return j.read(server, path)
}

// readRun reads the changes of a run as they ended, whatever has become of them since.
func (j *Journal) readRun(server, run string) ([]api.Change, error) {
	path, err := j.runPath(server, run)
	if err != nil {
		return nil, err
	}
	lines, err := j.read(server, path)
	return runLines(lines), err
}

func empty(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }

// torn reports whether an unfinished line is the beginning of a change, as a crash leaves it.
func torn(line []byte) bool {
	const begin = `{"id":"`
	start := line[:min(len(line), len(begin))]
	return len(line) < longestLine && strings.HasPrefix(begin, string(start)) &&
		!bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' })
}

// endLine prepares a file for the next line, and returns its new end: a torn line is cut off, and any other is ended.
func endLine(f *os.File, end int64) (int64, error) {
	tail := make([]byte, min(end, longestLine))
	if _, err := f.ReadAt(tail, end-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return end, err
	}
	last := tail[bytes.LastIndexByte(tail, '\n')+1:]
	switch {
	case len(last) == 0:
		return end, nil
	case torn(last) && !json.Valid(last):
		end -= int64(len(last))
		if err := f.Truncate(end); err != nil {
			return end, err
		}
		return f.Seek(end, io.SeekStart)
	}
	n, err := f.WriteString("\n")
	return end + int64(n), err
}

// setAside moves the damaged lines of a server's file to the one for them. main is the server's main file. j.mu is held.
func (j *Journal) setAside(main, path string) error {
	if j.dir == "" {
		c := parse(j.memory[path])
		j.memory[asidePath(main)] = append(j.memory[asidePath(main)], ended(c.damaged)...)
		j.memory[path] = ended(c.good)
		return nil
	}
	lock := flock.New(main + ".lock")
	ctx, cancel := context.WithTimeout(context.Background(), lockTimeout)
	defer cancel()
	if _, err := lock.TryLockContext(ctx, lockPace); err != nil {
		return fmt.Errorf("locking: %w", err)
	}
	defer func() { _ = lock.Unlock() }()
	data, err := j.readAll(path) // again: another process may have done it
	c := parse(data)
	if err != nil || len(c.damaged) == 0 {
		return err
	}
	aside, err := os.OpenFile(asidePath(main), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = aside.Write(ended(c.damaged))
	if err = errors.Join(err, aside.Sync(), aside.Close()); err != nil {
		return err
	}
	return replace(path, ended(c.good))
}

func asidePath(path string) string { return strings.TrimSuffix(path, ".jsonl") + ".damaged" }

// ended is one line after the other, each with its end.
func ended(lines [][]byte) []byte {
	var b bytes.Buffer
	for _, line := range lines {
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// replace writes a file anew, so that there is the old or the new one at any time.
func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Damaged tells how many lines of a server's journal could not be read, and where they are kept; nil if there are none. Call it
// after Changes. It goes on until the file with them is deleted.
func (j *Journal) Damaged(server string) *api.Error {
	j.mu.Lock()
	defer j.mu.Unlock()
	path, err := j.path(server)
	if err != nil || j.dir == "" {
		return nil
	}
	if n := j.left[server]; n > 0 {
		return damaged("journal-left", n, path)
	}
	data, err := os.ReadFile(asidePath(path))
	if err != nil || len(data) == 0 {
		return nil
	}
	return damaged("journal-kept", bytes.Count(data, []byte("\n")), asidePath(path))
}

func damaged(why api.Why, lines int, file string) *api.Error {
	return &api.Error{
		Code: api.CodeJournalDamaged, Why: why, Params: map[string]string{"n": strconv.Itoa(lines), "file": file},
	}
}
