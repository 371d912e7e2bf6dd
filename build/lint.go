package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"strings"
)

// The versions of the tools that are run straight from their modules.
const (
	gofumpt  = "mvdan.cc/gofumpt@v0.12.0"
	golangci = "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0"
)

// runLint runs the checks that read the source only.
func runLint(ctx context.Context, t *task) error {
	if err := t.install(ctx, true, false); err != nil {
		return err
	}
	return t.lint(ctx)
}

// lint goes on after a failed check, so that one run tells everything.
func (t *task) lint(ctx context.Context) error {
	var errs []error
	for _, c := range lintChecks(runtime.GOOS) {
		if slices.Contains(c.args, "-exec") {
			if _, err := exec.LookPath("env"); err != nil {
				_, _ = fmt.Fprintf(t.out, "- %s: left out, there is no env program here\n", c.name)
				continue
			}
		}
		errs = append(errs, t.program(ctx, c.name, c.program))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.Join(errs...)
}

type check struct {
	name string
	program
}

// lintChecks lists them. The window's own code is behind build tags, and the frontend compiles for WASM alone, so each
// of the three builds is looked at by itself.
func lintChecks(goos string) []check {
	return []check{
		{"gofumpt", program{
			args:  []string{"go", "run", gofumpt, "-l", "main.go", "app.go", "backend", "build", "frontend"},
			check: nothingListed,
		}},
		{"go vet", program{args: []string{"go", "vet", "./..."}}},
		{"go vet (window)", program{args: []string{"go", "vet", "-tags", windowTags(goos), "."}}},
		{"go vet (WASM)", program{args: []string{"go", "vet", "./frontend/..."}, env: wasmEnv}},
		{"golangci-lint", program{
			args: []string{"go", "run", golangci, "run", "--build-tags", windowTags(goos), "./..."},
		}},
		// GOOS is meant for the linter, not for go run, which would build the linter itself for WASM.
		{"golangci-lint (WASM)", program{
			args: []string{"go", "run", "-exec", "env " + strings.Join(wasmEnv, " "), golangci, "run", "./frontend/..."},
		}},
	}
}

// nothingListed refuses gofumpt's list of files that need formatting. Lines of go's own downloads are no files.
func nothingListed(output string) error {
	for line := range strings.Lines(output) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "go: ") {
			return fmt.Errorf("files are not formatted; to format them: go run %s -w FILE", gofumpt)
		}
	}
	return nil
}
