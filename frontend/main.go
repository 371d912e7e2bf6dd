//go:build js

// The frontend is the window. It draws the state on the page and passes on what a person does.
package main

import (
	"context"
	"syscall/js"
	"time"

	"github.com/jellybind/jellybind/backend/api"
	"github.com/jellybind/jellybind/frontend/bridge"
	"github.com/jellybind/jellybind/frontend/dom"
	"github.com/jellybind/jellybind/frontend/state"
	"github.com/jellybind/jellybind/frontend/text"
	"github.com/jellybind/jellybind/frontend/views"
)

// window connects state, page and backend. WebAssembly runs one goroutine at a time and switches only where one blocks.
// Nothing here blocks while it uses the state, so it needs no lock.
type window struct {
	state   *state.State
	page    *dom.Page
	app     *bridge.App
	planned bool        // a frame is requested
	after   []state.Cmd // commands that wait for the frame
	frame   js.Func
	doc     document
}

// document holds what was last written outside the tree.
type document struct{ lang, title, theme string }

func main() {
	w := &window{state: state.New(time.Now()), app: bridge.New(bridge.Wails{})}
	w.state.PageLanguage = js.Global().Get("navigator").Get("language").String()
	w.frame = js.FuncOf(func(js.Value, []js.Value) any { w.draw(); return nil })
	w.page = dom.Mount("app", func(m any) { w.send(m) }, func(e dom.Event) (any, bool) {
		return w.state.GlobalKey(e.Key, e.Ctrl, e.Alt, e.Editable)
	})
	bridge.Listen(w.send)
	w.draw()
	w.run(w.state.Start())
	go w.clock()
	select {}
}

// send handles a message of the current epoch: what a person does, or an event.
func (w *window) send(msg state.Msg) { w.answer(w.state.Epoch, msg) }

// answer handles a message that belongs to an epoch of the state, and requests a frame.
func (w *window) answer(epoch int, msg state.Msg) {
	w.state.Now = time.Now()
	w.run(w.state.Answer(epoch, msg))
	switch msg.(type) {
	case state.PageLoaded, state.Edit:
		if !w.state.Roster.Stale() {
			w.planned = true
			w.draw() // now: it was waited for
			return
		}
	}
	w.plan()
}

// plan requests one frame. A hidden window gets none, so a timer backs it up.
func (w *window) plan() {
	if w.planned {
		return
	}
	w.planned = true
	if hold := w.state.Hold(); hold > 0 {
		js.Global().Call("setTimeout", w.frame, hold.Milliseconds())
		return
	}
	js.Global().Call("requestAnimationFrame", w.frame)
	js.Global().Call("setTimeout", w.frame, 200)
}

func (w *window) draw() {
	if !w.planned && w.doc.lang != "" {
		return
	}
	w.planned = false
	w.page.Show(views.Window(w.state))
	w.dress()
	after := w.after
	w.after = nil
	for _, c := range after {
		switch c := c.(type) {
		case state.Focus:
			w.page.Focus(c.ID, c.From)
		case state.ScrollTo:
			w.page.ScrollTo("rows", c.Top)
		}
	}
}

// dress updates language, title and theme of the document.
func (w *window) dress() {
	d := document{lang: w.state.Text().Tag, title: views.Title(w.state), theme: w.state.Boot.Settings.Theme}
	if d == w.doc {
		return
	}
	doc := js.Global().Get("document")
	root := doc.Get("documentElement")
	root.Set("lang", d.lang)
	doc.Set("title", d.title)
	if d.theme == "light" || d.theme == "dark" {
		root.Get("dataset").Set("theme", d.theme)
	} else if w.state.Booted {
		root.Get("dataset").Set("theme", "system")
	}
	if w.state.Booted {
		js.Global().Call("jellybindTheme", d.theme) // for the next start, so that it does not flash
	}
	w.doc = d
}

func (w *window) run(cmds []state.Cmd) {
	for _, c := range cmds {
		switch c := c.(type) {
		case state.Focus, state.ScrollTo:
			w.after = append(w.after, c)
		case state.After:
			time.AfterFunc(c.Delay, func() { w.send(c.Msg) })
		case state.Copy:
			go func() {
				var failed *api.Error
				if err := bridge.CopyText(context.Background(), c.Text); err != nil {
					failed = &api.Error{Code: api.CodeInternal, Why: text.WhyWindow, Sentence: w.state.Text().T("copy.failed"), Err: err}
				}
				w.send(state.Copied{Err: failed})
			}()
		case state.Call:
			epoch := w.state.Epoch
			go func() {
				if msg := c.Do(context.Background(), w.app); msg != nil {
					w.answer(epoch, msg)
				}
			}()
		}
	}
}

// clock ticks once a second while a countdown is visible, and once a minute otherwise.
func (w *window) clock() {
	last := time.Now()
	for now := range time.Tick(time.Second) {
		if w.state.Waiting() || now.Sub(last) >= time.Minute {
			last = now
			w.send(state.Tick{Now: now})
		}
	}
}
