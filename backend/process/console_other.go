//go:build !windows

package process

// AttachConsole does nothing: everywhere but on Windows a program has the terminal that it was started from.
func AttachConsole() {}
