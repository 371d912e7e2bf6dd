//go:build !windows

package process

// AttachConsole does nothing: outside Windows a program always has the terminal that it was started from.
func AttachConsole() {}
