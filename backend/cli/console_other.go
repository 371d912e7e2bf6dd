//go:build !windows

package cli

// AttachConsole does nothing: everywhere but on Windows a program has the terminal that it was started from.
func AttachConsole() {}
