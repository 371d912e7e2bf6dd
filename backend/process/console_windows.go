package process

import (
	"os"

	"golang.org/x/sys/windows"
)

// attachParentProcess is ATTACH_PARENT_PROCESS of Windows' AttachConsole.
const attachParentProcess = ^uintptr(0)

// AttachConsole lets a program of the window subsystem write to the terminal that it was started from. Windows gives such a
// program no console, so that its window opens without one. Redirected streams stay as they are.
func AttachConsole() {
	proc := windows.NewLazySystemDLL("kernel32.dll").NewProc("AttachConsole")
	if ok, _, _ := proc.Call(attachParentProcess); ok == 0 {
		return // no terminal to attach to, or one is attached already
	}
	for _, stream := range []struct {
		file *(*os.File)
		id   uint32
		name string
		flag int
	}{
		{&os.Stdin, windows.STD_INPUT_HANDLE, "CONIN$", os.O_RDWR},
		{&os.Stdout, windows.STD_OUTPUT_HANDLE, "CONOUT$", os.O_RDWR},
		{&os.Stderr, windows.STD_ERROR_HANDLE, "CONOUT$", os.O_RDWR},
	} {
		if h, err := windows.GetStdHandle(stream.id); err == nil && h != 0 && h != windows.InvalidHandle {
			if kind, err := windows.GetFileType(h); err == nil && kind != windows.FILE_TYPE_UNKNOWN {
				continue // redirected to a file or a pipe
			}
		}
		if f, err := os.OpenFile(stream.name, stream.flag, 0); err == nil {
			*stream.file = f
		}
	}
}
