package main

import "context"

// runBenchmarks runs the packages' benchmarks, one package after another so that they do not disturb each other. Those
// that measure the window find the binaries built and a display.
func runBenchmarks(ctx context.Context, t *task) error {
	if err := t.install(ctx, true, true); err != nil {
		return err
	}
	stop, err := t.virtualDisplay(ctx)
	if err != nil {
		return err
	}
	defer stop()
	for _, build := range []func(context.Context) error{t.frontend, t.binary, t.devBinary} {
		if err := build(ctx); err != nil {
			return err
		}
	}
	packages := t.args
	if len(packages) == 0 {
		packages = []string{"./..."}
	}
	args := append([]string{"go", "test", "-run", "^$", "-bench", ".", "-benchmem", "-p", "1", "-timeout", "30m"}, packages...)
	return t.program(ctx, "benchmarks", program{args: args, show: true})
}
