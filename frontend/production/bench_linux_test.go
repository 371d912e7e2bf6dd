package production_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/jellybind/jellybind/backend/demo"
	"github.com/jellybind/jellybind/backend/secret/secrettest"
)

// Where the search field, under one line of filters or two, and the roster's names stand in a window as large as the screen.
var (
	field = image.Rect(290, 122, 700, 186)
	names = image.Rect(300, 250, 480, height-20)
)

// sizes are the accounts of the servers that the benchmarks look at.
var sizes = []int{24, 1_000, 10_000}

// BenchmarkStart measures in the program that people get, from the process' start to the accounts' names on the screen, for
// a server that was added before and whose key is in the keyring; and the memory of all its processes then.
func BenchmarkStart(b *testing.B) {
	for _, users := range sizes {
		b.Run(strconv.Itoa(users), func(b *testing.B) {
			d := rosterDesk(b, users)
			d.start(production(b))
			want := d.settled(names)
			s := d.screen()
			var all []time.Duration
			var memory float64
			for b.Loop() {
				for range 5 { // one would be chance
					_ = d.app.Process.Kill()
					<-d.ended
					d.settled(image.Rectangle{})
					begun := time.Now()
					d.start(production(b))
					for now := []byte(nil); !alike(now, want); now = s.look(names, now) {
						if time.Since(begun) > patience {
							b.Fatal("the accounts do not come")
						}
						time.Sleep(time.Millisecond)
					}
					all = append(all, time.Since(begun))
					memory = max(memory, d.memory())
				}
			}
			report(b, all, "start")
			b.ReportMetric(memory, "MB")
		})
	}
}

// BenchmarkKeystroke measures in the program that people get, from the press of a key in the search to the last change on the
// screen that comes of it, be it of the field or of the accounts: X server, browser engine, page, backend and back. Names are
// typed and taken back, a letter at a time. The second figure is of those keys alone that change which accounts are shown, and
// the third of letters in a name that nobody has: the least that a key takes here.
func BenchmarkKeystroke(b *testing.B) {
	for _, users := range sizes {
		b.Run(strconv.Itoa(users), func(b *testing.B) {
			d := rosterDesk(b, users)
			d.start(production(b))
			d.settled(names)
			keys := d.keyboard()
			var all, rows []time.Duration
			round := func() {
				for _, word := range []string{"maria", "martin", "hansen", "elif"} {
					for at := range 2 * len(word) {
						key := "BackSpace"
						if at < len(word) {
							key = word[at : at+1]
						}
						echo, last := d.time(func() { keys.press(key) }, field, names)
						all = append(all, max(echo, last))
						if last > 0 {
							rows = append(rows, last)
						}
					}
				}
			}
			round()
			round() // the engine compiles the page's program meanwhile
			all, rows = nil, nil
			for b.Loop() {
				round()
			}
			report(b, all, "key")
			report(b, rows, "rows")

			for range 4 { // no account has such a name, so that one letter more changes none
				d.time(func() { keys.press("q") }, field, field)
			}
			var alone []time.Duration
			for range 12 {
				for _, key := range []string{"q", "BackSpace"} {
					echo, _ := d.time(func() { keys.press(key) }, field, field)
					alone = append(alone, echo)
				}
			}
			report(b, alone, "alone")
		})
	}
}

// BenchmarkPicture measures what the kernel alone takes for a frame of a search: the browser engine paints each into shared
// memory that nothing has touched before, as large as the accounts' part of the screen.
func BenchmarkPicture(b *testing.B) {
	part := image.Rect(264, 77, 1176, height)
	var all []time.Duration
	for b.Loop() {
		f, err := os.CreateTemp("/dev/shm", "jellybind")
		if err != nil {
			b.Fatal(err)
		}
		size := 4 * part.Dx() * part.Dy()
		if err := errors.Join(os.Remove(f.Name()), f.Truncate(int64(size))); err != nil {
			b.Fatal(err)
		}
		begun := time.Now()
		memory, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
		if err != nil {
			b.Fatal(err)
		}
		for at := 0; at < size; at += os.Getpagesize() {
			memory[at] = 1
		}
		all = append(all, time.Since(begun))
		if err := errors.Join(syscall.Munmap(memory), f.Close()); err != nil {
			b.Fatal(err)
		}
	}
	report(b, all, "picture")
}

// alike compares pictures but for what nobody sees: where the engine draws in other pieces, edges come out a little otherwise.
func alike(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if max(a[i], b[i])-min(a[i], b[i]) > 16 {
			return false
		}
	}
	return true
}

// report gives the median and the 95th percentile.
func report(b *testing.B, all []time.Duration, what string) {
	b.Helper()
	slices.Sort(all)
	for name, at := range map[string]int{"ms/" + what: len(all) / 2, "ms/" + what + "-p95": len(all) * 95 / 100} {
		b.ReportMetric(all[at].Seconds()*1000, name)
	}
}

// rosterDesk is a desk with a keyring, where the server of a demo world has been added and its key stored.
func rosterDesk(b *testing.B, users int) *desk {
	b.Helper()
	keyring := secrettest.Start(b, secrettest.Unlocked)
	d := newDesk(b, keyring.Address)
	d.xdotool("mousemove", "700", "50") // over nothing that changes under it
	world, err := demo.Start(b.Context(), demo.Options{Users: users})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = world.Close() })
	// A caret that blinks would be a change on the screen.
	folder := filepath.Join(d.dir, ".config", "gtk-3.0")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "settings.ini"), []byte("[Settings]\ngtk-cursor-blink=0\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, args := range [][]string{{"server", "add", fromMemory(b, world.URL()), "--name", "bench"}, {"auth", "login", "--api-key"}} {
		cmd := d.command(production(b), args...)
		cmd.Stdin = strings.NewReader(world.APIKey().Reveal())
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	return d
}

// fromMemory serves what a server answers, and what it has answered once from memory: people's servers are other machines, and
// the work of one here would take the window's processors. It returns the address.
func fromMemory(b *testing.B, address string) string {
	b.Helper()
	to, err := url.Parse(address)
	if err != nil {
		b.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Transport: &http.Transport{}, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}}
	var kept sync.Map
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			proxy.ServeHTTP(w, r)
			return
		}
		key := r.URL.String() + "\n" + r.Header.Get("Authorization")
		known, ok := kept.Load(key)
		if !ok {
			first := httptest.NewRecorder()
			proxy.ServeHTTP(first, r)
			if known = first; first.Code < http.StatusInternalServerError { // else its client has been killed
				kept.Store(key, first)
			}
		}
		answer := known.(*httptest.ResponseRecorder)
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	b.Cleanup(s.Close)
	return s.URL
}

// memory is what the window's process and those that it started take, in MB; what they share counts once.
func (d *desk) memory() float64 {
	d.t.Helper()
	todo, kilobytes := []string{strconv.Itoa(d.app.Process.Pid)}, 0
	for len(todo) > 0 {
		proc := filepath.Join("/proc", todo[0])
		children, _ := filepath.Glob(filepath.Join(proc, "task", "*", "children"))
		todo = todo[1:]
		for _, c := range children {
			list, _ := os.ReadFile(c)
			todo = append(todo, strings.Fields(string(list))...)
		}
		usage, err := os.ReadFile(filepath.Join(proc, "smaps_rollup"))
		if err != nil {
			continue // it ended
		}
		_, rest, _ := strings.Cut(string(usage), "\nPss:")
		n, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			d.t.Fatal(err)
		}
		kilobytes += n
	}
	return float64(kilobytes) / 1024
}

// keyboard is one xdotool that takes commands as they come; starting one for each key would be in the figures.
type keyboard struct {
	t  testing.TB
	in io.Writer
}

func (d *desk) keyboard() keyboard {
	d.t.Helper()
	cmd := d.command("xdotool", "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	return keyboard{d.t, in}
}

func (k keyboard) press(key string) {
	k.t.Helper()
	if _, err := fmt.Fprintf(k.in, "key --delay 0 %s\n", key); err != nil {
		k.t.Fatal(err)
	}
}

// screen is Xvfb's memory: what it shows, as it changes. The file is an XWD (X11's XWDFile.h).
type screen struct {
	data          []byte
	start, stride int
}

func (d *desk) screen() screen {
	d.t.Helper()
	f, err := os.Open(filepath.Join(d.dir, "Xvfb_screen0"))
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		d.t.Fatal(err)
	}
	data, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = syscall.Munmap(data) })
	const headerSize, bytesPerLine, colours, colourSize = 0, 12, 19, 12
	word := func(i int) int { return int(binary.BigEndian.Uint32(data[4*i:])) }
	return screen{data: data, start: word(headerSize) + word(colours)*colourSize, stride: word(bytesPerLine)}
}

// look copies every eighth line of a part of the screen: looking must not take a core from what is looked at.
func (s screen) look(part image.Rectangle, into []byte) []byte {
	into = into[:0]
	for y := part.Min.Y; y < part.Max.Y; y += 8 {
		line := s.data[s.start+y*s.stride:]
		into = append(into, line[4*part.Min.X:4*part.Max.X]...)
	}
	return into
}

// settled waits until a part of the screen shows something and stays as it is for a second, and returns what it shows.
func (d *desk) settled(part image.Rectangle) []byte {
	d.t.Helper()
	s := d.screen()
	var last, now []byte
	since, deadline := time.Now(), time.Now().Add(patience)
	for time.Now().Before(deadline) {
		now = s.look(part, now)
		blank := len(now) > 0 && bytes.Count(now, now[:4]) == len(now)/4
		if blank || !bytes.Equal(now, last) {
			last, since = append(last[:0], now...), time.Now()
		}
		if time.Since(since) > time.Second {
			return last
		}
		time.Sleep(10 * time.Millisecond)
	}
	d.t.Fatal("the window does not come to rest")
	return nil
}

// time does something and returns how long it takes until one part of the screen has changed first, and until another has
// changed last, which is 0 when that does not change at all.
func (d *desk) time(do func(), one, other image.Rectangle) (first, last time.Duration) {
	d.t.Helper()
	s := d.screen()
	before, shown := s.look(one, nil), s.look(other, nil)
	var now []byte
	begun := time.Now()
	do()
	for {
		passed := time.Since(begun)
		if now = s.look(one, now); first == 0 && !bytes.Equal(now, before) {
			first = passed
		}
		if now = s.look(other, now); !bytes.Equal(now, shown) {
			last, shown = passed, append(shown[:0], now...)
		}
		switch {
		case first > 0 && passed > max(first, last)+200*time.Millisecond:
			return first, last
		case passed > patience:
			d.t.Fatal("nothing changes on the screen")
		}
		// Go's own timer rounds up to a millisecond, which would be in the figures. And a call that Go's scheduler knows of makes
		// it look every fifty microseconds whether that lasts, which would take a tenth of a core from what is measured.
		_, _, _ = syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&syscall.Timespec{Nsec: 200_000})), 0, 0)
	}
}
