//go:build js

package dom

import (
	"strconv"
	"strings"
	"syscall/js"
)

// Page shows a tree on a real page, with static/dom.js.
type Page struct {
	tree  *Tree
	apply js.Value
	buf   []byte
	send  func(msg any)
	other func(Event) (msg any, ok bool)
}

// Mount takes over the element with the given id. Messages of handlers go to send. Key presses without a handler go to
// other, which returns false if it has no message for them.
func Mount(id string, send func(any), other func(Event) (any, bool)) *Page {
	api := js.Global().Get("jellybindDOM")
	p := &Page{tree: NewTree(), apply: api.Get("apply"), send: send, other: other}
	api.Call("mount", id, js.FuncOf(p.event))
	return p
}

// Show makes the page show the tree.
func (p *Page) Show(n *Node) {
	ops := p.tree.Replace(n)
	if len(ops) == 0 {
		return
	}
	p.buf = Encode(p.buf[:0], ops)
	p.apply.Invoke(string(p.buf))
}

// Focus moves the keyboard focus to the element with the id attribute. Unless from is empty, it does so only if the element
// with that id has the focus.
func (p *Page) Focus(id, from string) { js.Global().Get("jellybindDOM").Call("focus", id, from) }

// ScrollTo scrolls the element with the id attribute to a position in rem.
func (p *Page) ScrollTo(id string, rem float64) {
	js.Global().Get("jellybindDOM").Call("scroll", id, rem)
}

// event is called by dom.js with the type of the event, the numbers of the elements from the target outwards, and the
// fields of Event. The browser waits for it, so it must not block. It returns true to prevent the default action.
func (p *Page) event(_ js.Value, args []js.Value) any {
	e := Event{
		Type:      args[0].String(),
		Value:     args[2].String(),
		Key:       args[3].String(),
		ScrollTop: args[5].Float(),
		Height:    args[6].Float(),
		Target:    args[7].String(),
		X:         args[8].Float(),
		Y:         args[9].Float(),
	}
	flags := args[4].Int()
	e.Checked, e.Ctrl, e.Shift = flags&1 != 0, flags&2 != 0, flags&4 != 0
	e.Alt, e.Editable = flags&8 != 0, flags&16 != 0
	for step := range strings.SplitSeq(args[1].String(), ",") {
		id, err := strconv.Atoi(step)
		if err != nil { // the path is empty
			continue
		}
		for _, h := range p.tree.Handlers(id, e.Type) {
			msg := h.Msg
			if h.Make != nil {
				msg = h.Make(e)
			}
			if msg == nil {
				continue
			}
			p.send(msg)
			return h.Prevent || e.Type == "keydown"
		}
	}
	if e.Type == "keydown" {
		if msg, ok := p.other(e); ok {
			p.send(msg)
			return true
		}
	}
	return false
}
