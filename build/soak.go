package main

import "context"

// runSoak kills runs of many changes at any instant, a thousand times, and checks that each is finished or taken back. The tests
// do a sample of it.
func runSoak(ctx context.Context, t *task) error {
	return t.program(ctx, "killing runs", program{
		args: []string{"go", "test", "-run", "^TestCrashLoop$", "-count", "1", "-v", "-timeout", "2h", "./backend/link"},
		env:  []string{"JELLYBIND_TEST_KILLS=1000"}, show: true,
	})
}
