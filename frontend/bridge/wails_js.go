//go:build js

package bridge

import (
	"context"
	"errors"
	"syscall/js"

	"github.com/jellybind/jellybind/frontend/state"
	"github.com/jellybind/jellybind/frontend/wire"
)

// Wails calls the methods that Wails binds at window.go.main.App.
type Wails struct{}

// Call calls a bound method and waits for its promise. The promise's callbacks only hand over, so they never block.
func (Wails) Call(ctx context.Context, method string, args ...any) ([]byte, error) {
	app := js.Global().Get("go")
	for _, step := range []string{"main", "App", method} {
		if app.Type() != js.TypeObject {
			return nil, errors.New("this window has no backend")
		}
		app = app.Get(step)
	}
	if app.Type() != js.TypeFunction {
		return nil, errors.New("the backend has no method " + method)
	}
	write := js.Global().Get("JSON").Get("stringify")
	values := make([]any, len(args))
	for i, a := range args {
		var err error
		if values[i], err = wire.Value(a); err != nil {
			return nil, err
		}
	}
	type settled struct {
		text string
		bad  bool
	}
	done := make(chan settled, 1)
	var yes, no js.Func
	yes = js.FuncOf(func(_ js.Value, v []js.Value) any {
		s := settled{}
		if len(v) > 0 && !v[0].IsUndefined() {
			s.text = write.Invoke(v[0]).String()
		}
		done <- s
		return nil
	})
	no = js.FuncOf(func(_ js.Value, v []js.Value) any {
		s := settled{bad: true}
		if len(v) > 0 {
			s.text = reason(v[0], write)
		}
		done <- s
		return nil
	})
	app.Invoke(values...).Call("then", yes, no)
	select {
	case s := <-done:
		yes.Release()
		no.Release()
		if s.bad {
			return nil, &Rejection{Reason: s.text}
		}
		return []byte(s.text), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// AtHand gets one of the app's own files synchronously. The backend answers only what it has in memory.
func (Wails) AtHand(file string, query any) (answer []byte) {
	defer func() { _ = recover() }() // send throws where the app does not answer
	value, err := wire.Value(query)
	if err != nil {
		return nil
	}
	question := js.Global().Get("JSON").Call("stringify", value)
	request := js.Global().Get("XMLHttpRequest").New()
	request.Call("open", "GET", file+"?"+js.Global().Call("encodeURIComponent", question).String(), false)
	request.Call("send")
	if request.Get("status").Int() != 200 {
		return nil
	}
	return []byte(request.Get("responseText").String())
}

// reason returns why a promise was rejected. Wails passes a string or an object; the runtime may throw an Error.
func reason(v, write js.Value) string {
	switch kind := v.Type(); {
	case kind == js.TypeString:
		return v.String()
	case kind != js.TypeObject:
		return js.Global().Get("String").Invoke(v).String()
	case v.InstanceOf(js.Global().Get("Error")):
		return v.Get("message").String()
	}
	return write.Invoke(v).String()
}

// Listen sends the backend's events as messages.
func Listen(send func(state.Msg)) {
	rt := js.Global().Get("runtime")
	if rt.Type() != js.TypeObject {
		return
	}
	write := js.Global().Get("JSON").Get("stringify")
	for _, name := range Events {
		rt.Call("EventsOn", name, js.FuncOf(func(_ js.Value, v []js.Value) any {
			if len(v) > 0 {
				if msg := Event(name, []byte(write.Invoke(v[0]).String())); msg != nil {
					send(msg)
				}
			}
			return nil
		}))
	}
}

// CopyText copies a text to the clipboard.
func CopyText(ctx context.Context, text string) error {
	target, method := js.Global().Get("runtime"), "ClipboardSetText"
	if target.Type() != js.TypeObject || target.Get(method).Type() != js.TypeFunction {
		target, method = js.Global().Get("navigator").Get("clipboard"), "writeText"
	}
	if target.Type() != js.TypeObject {
		return errors.New("this window has no clipboard")
	}
	done := make(chan bool, 1)
	yes := js.FuncOf(func(_ js.Value, v []js.Value) any {
		done <- len(v) == 0 || v[0].Type() != js.TypeBoolean || v[0].Bool()
		return nil
	})
	no := js.FuncOf(func(js.Value, []js.Value) any { done <- false; return nil })
	target.Call(method, text).Call("then", yes, no)
	select {
	case ok := <-done:
		yes.Release()
		no.Release()
		if !ok {
			return errors.New("the clipboard could not be written")
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
