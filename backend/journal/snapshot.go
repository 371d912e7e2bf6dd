package journal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jellybind/jellybind/backend/api"
)

// MostSnapshots is how many snapshots are kept for each server: older ones are deleted.
const MostSnapshots = 50

// snapshotHead is the first line of a snapshot's file. Each other line is a link.
type snapshotHead struct {
	Version int `json:"version"`
	api.Snapshot
	// Providers are all that the server had, those without a link too.
	Providers []api.ProviderRef `json:"providers"`
}

type snapshotLink struct {
	api.Identity
	UserID   string `json:"userId"`
	UserName string `json:"userName,omitempty"`
}

const snapshotVersion = 1

func (j *Journal) snapshotDir(server string) (string, error) {
	path, err := j.path(server)
	return strings.TrimSuffix(path, ".jsonl") + ".snapshots", err
}

func (j *Journal) snapshotPath(server, id string) (string, error) {
	dir, err := j.snapshotDir(server)
	if err == nil && !plain(id) {
		err = fmt.Errorf("unusable snapshot id %q", id)
	}
	return filepath.Join(dir, id+".jsonl"), err
}

// SaveSnapshot saves the links of a roster, and returns s with its ID, Time and Links set.
func (j *Journal) SaveSnapshot(_ context.Context, s api.Snapshot, r api.Roster) (api.Snapshot, error) {
	random, err := newID()
	if err != nil {
		return s, err
	}
	s.Time = j.now().UTC()
	s.ID = s.Time.Format("20060102150405") + "-" + random[:8]
	var links []snapshotLink
	for i := range r.Accounts {
		a := &r.Accounts[i]
		for _, id := range a.Identities {
			links = append(links, snapshotLink{id, a.ID, a.Name})
		}
	}
	s.Links = len(links)
	head := snapshotHead{Version: snapshotVersion, Snapshot: s, Providers: []api.ProviderRef{}}
	for _, p := range r.Providers {
		head.Providers = append(head.Providers, p.Ref())
	}
	first, err := joined([]snapshotHead{head})
	if err != nil {
		return s, fmt.Errorf("encoding a snapshot: %w", err)
	}
	rest, err := joined(links)
	if err != nil {
		return s, fmt.Errorf("encoding a snapshot: %w", err)
	}
	path, err := j.snapshotPath(s.Server, s.ID)
	if err != nil {
		return s, err
	}
	if err := j.write(path, append(first, rest...)); err != nil {
		return s, unwritable(err)
	}
	return s, j.forget(s.Server)
}

// write writes a whole file.
func (j *Journal) write(path string, data []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.dir == "" {
		j.memory[path] = data
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return replace(path, data)
}

// forget deletes the oldest snapshots, as far as there are too many.
func (j *Journal) forget(server string) error {
	ids, err := j.snapshotIDs(server)
	if err != nil {
		return err
	}
	for len(ids) > MostSnapshots {
		path, err := j.snapshotPath(server, ids[0])
		if err != nil {
			return err
		}
		ids = ids[1:]
		if j.dir == "" {
			j.mu.Lock()
			delete(j.memory, path)
			j.mu.Unlock()
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return unwritable(err)
		}
	}
	return nil
}

// snapshotIDs lists a server's snapshots, oldest first.
func (j *Journal) snapshotIDs(server string) ([]string, error) {
	dir, err := j.snapshotDir(server)
	if err != nil {
		return nil, err
	}
	var paths []string
	if j.dir == "" {
		j.mu.Lock()
		for path := range j.memory {
			if filepath.Dir(path) == dir {
				paths = append(paths, path)
			}
		}
		j.mu.Unlock()
	} else {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("reading the snapshots: %w", err)
		}
		for _, e := range entries {
			paths = append(paths, e.Name())
		}
	}
	var ids []string
	for _, path := range paths {
		if id, ok := strings.CutSuffix(filepath.Base(path), ".jsonl"); ok && plain(id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// Snapshots lists a server's snapshots, newest first. What is no snapshot is left out.
func (j *Journal) Snapshots(_ context.Context, server string) ([]api.Snapshot, error) {
	ids, err := j.snapshotIDs(server)
	if err != nil {
		return nil, err
	}
	list := []api.Snapshot{}
	for _, id := range slices.Backward(ids) {
		if head, _, err := j.readSnapshot(server, id, false); err == nil {
			list = append(list, head.Snapshot)
		}
	}
	return list, nil
}

// Snapshot returns the links of a snapshot, by its id or an unambiguous beginning of it.
//
// Errors: CodeChangeNotFound, CodeJournalDamaged.
func (j *Journal) Snapshot(_ context.Context, server, id string) (api.Snapshot, api.WantedSet, error) {
	ids, err := j.snapshotIDs(server)
	if err != nil {
		return api.Snapshot{}, api.WantedSet{}, err
	}
	var found []string
	for _, known := range ids {
		if known == id {
			found = []string{known}
			break
		}
		if len(id) >= shortestID && strings.HasPrefix(known, id) {
			found = append(found, known)
		}
	}
	if len(found) != 1 {
		e := &api.Error{Code: api.CodeChangeNotFound, Why: "no-snapshot", Params: map[string]string{"id": id}}
		return api.Snapshot{}, api.WantedSet{}, e
	}
	head, links, err := j.readSnapshot(server, found[0], true)
	if err != nil {
		return api.Snapshot{}, api.WantedSet{}, err
	}
	set := api.WantedSet{
		Source: api.SourceSnapshot, Label: head.Time.Format("2006-01-02 15:04:05"), Scope: head.Providers,
		Links: make([]api.WantedLink, len(links)),
	}
	for i, l := range links {
		set.Links[i] = api.WantedLink{Line: i + 1, Identity: l.Identity, UserID: l.UserID, UserName: l.UserName}
	}
	return head.Snapshot, set, nil
}

// readSnapshot reads a snapshot's first line, and its links if wanted.
func (j *Journal) readSnapshot(server, id string, wanted bool) (head snapshotHead, links []snapshotLink, err error) {
	path, err := j.snapshotPath(server, id)
	if err != nil {
		return head, nil, err
	}
	j.mu.Lock()
	f, err := j.open(path)
	j.mu.Unlock()
	if err != nil {
		return head, nil, err
	}
	defer func() { _ = f.Close() }()
	broken := func() error {
		return &api.Error{Code: api.CodeJournalDamaged, Why: "snapshot-damaged", Params: map[string]string{"file": path}}
	}
	lines := bufio.NewReaderSize(io.NewSectionReader(f, 0, f.size), chunk)
	first, err := lines.ReadBytes('\n')
	if err != nil || json.Unmarshal(first, &head) != nil || head.Version != snapshotVersion {
		return head, nil, broken()
	}
	if !wanted {
		return head, nil, nil
	}
	rest, err := io.ReadAll(lines)
	if err != nil {
		return head, nil, fmt.Errorf("reading a snapshot: %w", err)
	}
	for line := range bytes.Lines(rest) {
		var l snapshotLink
		if json.Unmarshal(line, &l) != nil || l.Name == "" {
			return head, nil, broken()
		}
		links = append(links, l)
	}
	if len(links) != head.Links {
		return head, nil, broken()
	}
	return head, links, nil
}
