package main

import (
	"context"
	"errors"
	"runtime"
)

// runCross checks the systems that this one is not.
func runCross(ctx context.Context, t *task) error {
	if err := t.frontend(ctx); err != nil {
		return err
	}
	return t.cross(ctx)
}

// cross builds for Windows, which needs no cgo, and type-checks what needs a Mac to be linked.
func (t *task) cross(ctx context.Context) error {
	windows := []string{"GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0"}
	mac := []string{"GOOS=darwin", "GOARCH=arm64", "CGO_ENABLED=0"}
	linux := []string{"GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0"}
	var errs []error
	if runtime.GOOS != "windows" {
		errs = append(errs,
			t.program(ctx, "Windows: binary", program{args: binaryArgs("windows", t.version(ctx)), env: windows}),
			t.program(ctx, "Windows: go vet", program{args: []string{"go", "vet", "./..."}, env: windows}),
		)
	}
	if runtime.GOOS != "darwin" {
		errs = append(errs, t.program(ctx, "macOS: go vet", program{args: []string{"go", "vet", "./..."}, env: mac}))
	}
	if runtime.GOOS != "linux" {
		errs = append(errs, t.program(ctx, "Linux: go vet", program{args: []string{"go", "vet", "./..."}, env: linux}))
	}
	return errors.Join(errs...)
}
