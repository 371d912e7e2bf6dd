package main

import "context"

// runBenchmarks runs the packages' benchmarks, one package after another so that they do not disturb each other. Those of
// the window find its binary built.
func runBenchmarks(ctx context.Context, t *task) error {
	if err := t.install(ctx, true, true); err != nil {
		return err
	}
	if err := t.frontend(ctx); err != nil {
		return err
	}
	if err := t.binary(ctx); err != nil {
		return err
	}
	packages := t.args
	if len(packages) == 0 {
		packages = []string{"./..."}
	}
	args := append([]string{"go", "test", "-run", "^$", "-bench", ".", "-benchmem", "-p", "1", "-timeout", "30m"}, packages...)
	return t.program(ctx, "benchmarks", program{args: args, show: true})
}
