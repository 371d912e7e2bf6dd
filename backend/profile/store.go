package profile

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/natefinch/atomic"

	"github.com/jellybind/jellybind/backend/api"
)

const (
	fileName = "servers.json"
	lockName = "servers.json.lock"
	// maxBytes limits the file's size. 10,000 servers need less.
	maxBytes = 8 << 20
	// retry is the pause before a held lock is tried again.
	retry = 20 * time.Millisecond
)

// DirEnv is the environment variable that overrides the folder of the file.
const DirEnv = "JELLYBIND_CONFIG_DIR"

// Dir returns the folder of the file: the value of DirEnv, or else jellybind in the user's configuration folder.
func Dir() (string, error) {
	if dir := os.Getenv(DirEnv); dir != "" {
		return dir, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", &api.Error{
			Code: api.CodeProfileUnwritable, Why: "no-config-folder", Err: fmt.Errorf("finding the configuration folder: %w", err),
		}
	}
	return filepath.Join(dir, "jellybind"), nil
}

// Store is the file in one folder. It is safe for concurrent use by several goroutines and processes: readers and writers
// lock a second file next to it, and the file is replaced as a whole.
type Store struct {
	dir     string
	now     func() time.Time
	random  io.Reader
	timeout time.Duration
}

// An Option changes how a Store works.
type Option func(*Store)

// WithClock sets the clock. A damaged file is named after the time.
func WithClock(now func() time.Time) Option { return func(s *Store) { s.now = now } }

// WithRandom sets the source of device ids.
func WithRandom(r io.Reader) Option { return func(s *Store) { s.random = r } }

// WithLockTimeout sets how long to wait for another writer; the default is 5 s.
func WithLockTimeout(d time.Duration) Option { return func(s *Store) { s.timeout = d } }

// Open returns the store of a folder. The first Update makes the folder.
func Open(dir string, options ...Option) *Store {
	s := &Store{dir: dir, now: time.Now, random: rand.Reader, timeout: 5 * time.Second}
	for _, o := range options {
		o(s)
	}
	return s
}

// Path returns the path of the file.
func (s *Store) Path() string { return filepath.Join(s.dir, fileName) }

// Empty returns the content before anything was stored.
func Empty() Data {
	return Data{Version: Version, Profiles: []Entry{}, Settings: api.Settings{Theme: "system", Language: "system"}}
}

// Load reads the file. If there is none, the content is Empty. A file that cannot be understood is renamed to
// servers.json.damaged-TIME; the error is CodeProfileDamaged with the new name in Params["file"], and the content is Empty.
// A file of a later version stays where it is; the error is CodeProfileNewer.
func (s *Store) Load(ctx context.Context) (Data, error) {
	unlock, err := s.lock(ctx, false)
	if err != nil {
		return Empty(), err
	}
	d, err := s.read()
	unlock()
	if errors.Is(err, ErrDamaged) {
		// Only a writer may rename it, and another process may have done so already.
		unlock, lockErr := s.lock(ctx, true)
		if lockErr != nil {
			return Empty(), s.damaged(err, "")
		}
		defer unlock()
		d, err = s.readOrSetAside()
	}
	return d, err
}

// Update locks the file, reads it, calls change, and writes it as a whole. If change returns an error, nothing is written
// and Update returns that error. Update makes missing device ids, and exactly one profile the default. A damaged file is
// renamed and reported as by Load, and nothing is written; the next call starts with an empty file. Errors: CodeProfileBusy
// if another process holds the lock too long, CodeProfileUnwritable, CodeProfileDamaged, CodeProfileNewer, and those of the
// rules for Data.
func (s *Store) Update(ctx context.Context, change func(*Data) error) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return s.unwritable(fmt.Errorf("making the folder: %w", err))
	}
	unlock, err := s.lock(ctx, true)
	if err != nil {
		return err
	}
	defer unlock()
	d, err := s.readOrSetAside()
	if err != nil {
		return err
	}
	if err := change(&d); err != nil {
		return err
	}
	if err := d.check(); err != nil {
		return err
	}
	d.settleDefault()
	for i := range d.Profiles {
		if d.Profiles[i].DeviceID == "" {
			var b [16]byte
			if _, err := io.ReadFull(s.random, b[:]); err != nil {
				return fmt.Errorf("making a device id: %w", err)
			}
			d.Profiles[i].DeviceID = hex.EncodeToString(b[:])
		}
	}
	return s.write(d)
}

func (s *Store) write(d Data) error {
	b, err := encode(d)
	if err != nil {
		return fmt.Errorf("encoding the profile file: %w", err)
	}
	if len(b) > maxBytes {
		return s.unwritable(fmt.Errorf("%d bytes are more than %d", len(b), maxBytes))
	}
	// The file may be a link into a folder under version control. The link must stay.
	path := s.Path()
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if err := atomic.WriteFile(path, bytes.NewReader(b)); err != nil {
		return s.unwritable(fmt.Errorf("writing the profile file: %w", err))
	}
	// atomic.WriteFile keeps the mode of the file that it replaces.
	if info, err := os.Stat(path); err == nil && info.Mode().Perm() != 0o600 {
		if err := os.Chmod(path, 0o600); err != nil {
			return s.unwritable(fmt.Errorf("restricting the profile file: %w", err))
		}
	}
	return nil
}

// read returns the content. The error wraps ErrDamaged if the file cannot be understood.
func (s *Store) read() (Data, error) {
	f, err := os.Open(s.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return Empty(), nil
	}
	if err != nil {
		return Empty(), s.unreadable(err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return Empty(), s.unreadable(err)
	}
	if len(b) > maxBytes {
		return Empty(), fmt.Errorf("%w: more than %d bytes", ErrDamaged, maxBytes)
	}
	d, err := decode(b)
	switch {
	case errors.Is(err, ErrNewer):
		return Empty(), &api.Error{Code: api.CodeProfileNewer, Params: map[string]string{"file": fileName}, Err: err}
	case err != nil:
		return Empty(), err
	}
	return d, nil
}

// readOrSetAside reads the file and renames a damaged one. It needs the writer's lock.
func (s *Store) readOrSetAside() (Data, error) {
	d, err := s.read()
	if !errors.Is(err, ErrDamaged) {
		return d, err
	}
	base := fileName + ".damaged-" + s.now().UTC().Format("20060102T150405Z")
	name := base
	for i := 2; ; i++ {
		if _, statErr := os.Lstat(filepath.Join(s.dir, name)); errors.Is(statErr, fs.ErrNotExist) {
			break
		}
		name = fmt.Sprintf("%s-%d", base, i)
	}
	if renameErr := os.Rename(s.Path(), filepath.Join(s.dir, name)); renameErr != nil {
		return Empty(), s.damaged(errors.Join(err, renameErr), "")
	}
	return Empty(), s.damaged(err, name)
}

// lock takes the lock; readers share it. A reader needs no lock if the folder does not exist or is not writable, because
// then there is no writer.
func (s *Store) lock(ctx context.Context, exclusive bool) (unlock func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, errBusy)
	defer cancel()
	l := flock.New(filepath.Join(s.dir, lockName))
	if exclusive {
		_, err = l.TryLockContext(ctx, retry)
	} else {
		_, err = l.TryRLockContext(ctx, retry)
	}
	switch {
	case err == nil:
		return func() { _ = l.Close() }, nil
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), errBusy):
		return nil, &api.Error{Code: api.CodeProfileBusy, Err: errBusy}
	case ctx.Err() != nil:
		return nil, &api.Error{Code: api.CodeCancelled, Err: context.Cause(ctx)}
	case !exclusive:
		return func() {}, nil
	default:
		return nil, s.unwritable(fmt.Errorf("locking the profile file: %w", err))
	}
}

// errBusy is the cause of CodeProfileBusy.
var errBusy = errors.New("profile file is locked")

func (s *Store) damaged(err error, keptAs string) error {
	e := &api.Error{
		Code: api.CodeProfileDamaged, Why: "profile-kept", Err: err, Params: map[string]string{"file": keptAs, "folder": s.dir},
	}
	if keptAs == "" {
		e.Why, e.Params = "profile-not-kept", map[string]string{"path": s.Path()}
	}
	return e
}

func (s *Store) unwritable(err error) error {
	return &api.Error{
		Code: api.CodeProfileUnwritable, Why: "profile-folder", Err: err,
		Params: map[string]string{"folder": s.dir},
	}
}

func (s *Store) unreadable(err error) error {
	return &api.Error{
		Code: api.CodeProfileUnwritable, Why: "profile-closed",
		Params: map[string]string{"file": s.Path(), "folder": s.dir}, Err: fmt.Errorf("reading the profile file: %w", err),
	}
}
