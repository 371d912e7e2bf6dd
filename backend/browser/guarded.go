//go:build linux || windows

package browser

// guarded is whether an address on the loopback may stand on the browser's command line: on Linux the loopback listener knows
// whose a connection is, and on Windows other users cannot read the arguments.
const guarded = true
