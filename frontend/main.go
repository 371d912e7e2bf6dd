//go:build js

// Command frontend is the page in Jellybind's window, compiled to WebAssembly.
package main

import "syscall/js"

func main() {
	document := js.Global().Get("document")
	root := document.Call("getElementById", "app")
	root.Set("textContent", "…")
	select {}
}
