package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
)

// devServer is where the development build serves the page, for a browser's own tools.
const devServer = "127.0.0.1:34115"

// runDev starts a build whose page can be opened in a browser, with the real backend behind it.
func runDev(ctx context.Context, t *task) error {
	if err := t.install(ctx, true, false); err != nil {
		return err
	}
	if err := t.frontend(ctx); err != nil {
		return err
	}
	if err := t.devBinary(ctx); err != nil {
		return err
	}
	if !hasDisplay(runtime.GOOS, os.Getenv) {
		stop, err := t.virtualDisplay(ctx)
		if err != nil {
			return err
		}
		defer stop()
	}
	args := t.args
	if !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(strings.TrimLeft(a, "-"), "devserver") }) {
		args = append([]string{"-devserver", devServer}, args...)
		_, _ = fmt.Fprintf(t.out, "The page is at http://%s\n", devServer)
	}
	return t.attach(ctx, executable("jellybind-dev", runtime.GOOS), args)
}
