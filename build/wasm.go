package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// wasmEnv selects the frontend's platform.
var wasmEnv = []string{"GOOS=js", "GOARCH=wasm"}

// runWASM builds the frontend into frontend/dist: static files, Go's loader and the program itself.
func runWASM(ctx context.Context, t *task) error { return t.frontend(ctx) }

func (t *task) frontend(ctx context.Context) error {
	// Everything is made aside and moved, so that a failed build leaves the last good one.
	made, err := os.MkdirTemp(filepath.Join(t.root, "build"), "dist-*")
	if err != nil {
		return fmt.Errorf("building the frontend: %w", err)
	}
	defer os.RemoveAll(made)

	wasm := filepath.Join(made, "app.wasm")
	compile := program{
		args: []string{"go", "build", "-trimpath", "-ldflags=-s -w", "-o", wasm, "./frontend"},
		env:  wasmEnv,
	}
	err = t.step(ctx, "frontend (WASM)", "go run ./build wasm", func(ctx context.Context) error {
		if err := t.start(ctx, compile); err != nil {
			return err
		}
		goroot, err := t.output(ctx, "go", "env", "GOROOT")
		if err != nil {
			return err
		}
		loader := filepath.Join(goroot, "lib", "wasm", "wasm_exec.js")
		if err := copyFile(loader, filepath.Join(made, "wasm_exec.js")); err != nil {
			return err
		}
		if err := copyTree(filepath.Join(t.root, "frontend", "static"), made); err != nil {
			return err
		}
		return replaceTree(made, filepath.Join(t.root, "frontend", "dist"), ".gitkeep")
	})
	if err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join(t.root, "frontend", "dist", "app.wasm"))
	if err != nil {
		return fmt.Errorf("building the frontend: %w", err)
	}
	_, _ = fmt.Fprintf(t.out, "  frontend/dist/app.wasm is %.2f MB\n", float64(info.Size())/1e6)
	return nil
}

// copyTree copies the files under from to the same places under to.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		return copyFile(path, filepath.Join(to, rel))
	})
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// replaceTree moves what is in from into to, and removes there what from does not have, but for the file kept.
func replaceTree(from, to, kept string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	old, err := os.ReadDir(to)
	if err != nil {
		return err
	}
	for _, e := range old {
		if e.Name() == kept {
			continue
		}
		if err := os.RemoveAll(filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
