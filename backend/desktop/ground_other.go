//go:build !linux || !cgo

package desktop

// Paint does nothing: outside Linux the window has its background colour from the start.
func Paint(_, _, _ uint8) {}
