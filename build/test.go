package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// unitTimeout ends a package's tests that hang.
const unitTimeout = "20m"

// runTests runs everything that must hold before a change is taken. It goes on after a failed step, so that one run
// tells everything.
func runTests(ctx context.Context, t *task) error {
	if err := t.install(ctx, true, true); err != nil {
		return err
	}
	if err := t.unpackProxies(ctx); err != nil {
		return err
	}
	stop, err := t.virtualDisplay(ctx)
	if err != nil {
		return err
	}
	defer stop()
	// The tests that open the window use these.
	if err := t.frontend(ctx); err != nil {
		return err
	}
	var errs []error
	errs = append(errs, t.binary(ctx), t.devBinary(ctx))
	var results testCounter
	if len(t.args) > 0 {
		errs = append(errs, t.unit(ctx, &results, t.args))
	} else {
		errs = append(
			errs,
			t.lint(ctx),
			t.unit(ctx, &results, []string{"./..."}),
			t.frontendTests(ctx, &results),
			t.cross(ctx),
		)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	results.flush()
	_, _ = fmt.Fprintf(t.out, "\nsteps that failed: %d\n%s\n", len(t.failures), results.summary())
	return errors.Join(errs...)
}

// unit runs the packages' tests with the race detector, which needs a C compiler.
func (t *task) unit(ctx context.Context, results *testCounter, packages []string) error {
	args := []string{"go", "test", "-timeout", unitTimeout}
	if t.canRace(ctx) {
		args = append(args, "-race")
	} else {
		_, _ = fmt.Fprintln(t.out, "  no C compiler: without the race detector")
	}
	return t.program(ctx, "unit tests", program{args: append(args, packages...), show: true, tee: results})
}

func (t *task) canRace(ctx context.Context) bool {
	for _, compiler := range []string{"gcc", "clang"} {
		if _, err := exec.LookPath(compiler); err == nil {
			enabled, err := t.output(ctx, "go", "env", "CGO_ENABLED")
			return err == nil && enabled == "1" && runtime.GOARCH != "386"
		}
	}
	return false
}

// frontendTests runs the frontend's tests where the frontend runs: as WASM, in Node.js.
func (t *task) frontendTests(ctx context.Context, results *testCounter) error {
	const name = "frontend tests (WASM, Node.js)"
	node, _ := exec.LookPath("node")
	if node == "" {
		_, _ = fmt.Fprintf(t.out, "- %s: left out, Node.js is not installed\n", name)
		return nil
	}
	goroot, err := t.output(ctx, "go", "env", "GOROOT")
	if err != nil {
		return err
	}
	loader := filepath.Join(goroot, "lib", "wasm", "wasm_exec_node.js")
	runner := goField(node) + " --stack-size=8192 " + goField(loader)
	return t.program(ctx, name, program{
		args:  []string{"go", "test", "-timeout", unitTimeout, "-exec", runner, "./frontend/..."},
		env:   wasmEnv,
		clean: true,
		show:  true,
		tee:   results,
	})
}

// goField quotes one word of go's -exec flag.
func goField(s string) string {
	if strings.ContainsAny(s, " \t") {
		return `"` + s + `"`
	}
	return s
}
