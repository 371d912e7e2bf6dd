//go:build !linux && !windows

package browser

// guarded is whether an address on the loopback may stand on the browser's command line. Here everybody can read the arguments.
const guarded = false
