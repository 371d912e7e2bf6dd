//go:build !linux || !cgo

package toolkit

// Paint gives the program's windows a ground, on Linux; elsewhere the window has its own from the start.
func Paint(_, _, _ uint8) {}
