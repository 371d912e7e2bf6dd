//go:build darwin || windows

package browser

import (
	"io"
	"sync"

	clibrowser "github.com/cli/browser"
)

var quiet = sync.OnceFunc(func() {
	// What a browser prints would end up in the middle of our own output.
	clibrowser.Stdout, clibrowser.Stderr = io.Discard, io.Discard
})

// openDefault asks the system, which starts the browser as a program of its own.
func openDefault(address string) (<-chan error, error) {
	quiet()
	ended := make(chan error, 1)
	go func() { ended <- clibrowser.OpenURL(address) }()
	return ended, nil
}
