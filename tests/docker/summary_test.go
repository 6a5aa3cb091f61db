package docker

import (
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// outcome is what the checker found in one run of a scenario.
type outcome struct {
	scenario                           string
	gaps, overwritten, lost, unfounded int
	objects                            int
	acknowledged                       int64
	waited                             time.Duration // the longest
	found                              []string      // each in words
}

var outcomes struct {
	mu  sync.Mutex
	all []outcome
}

// report logs what a check found, for this test and for the summary of the run.
// The longest wait begins anew.
func (k *checker) report(t testing.TB, scenario string, f findings) {
	t.Helper()
	k.mu.Lock()
	waited := k.longest
	k.longest = 0
	k.mu.Unlock()
	_, acknowledged := k.acks.count()
	o := outcome{
		scenario: scenario, gaps: len(f.gaps), overwritten: len(f.overwritten), lost: len(f.lost), unfounded: len(f.unfounded),
		objects: len(k.objects.listing()), acknowledged: acknowledged, waited: waited, found: f.all(),
	}
	t.Logf("checked: %s", o)
	outcomes.mu.Lock()
	defer outcomes.mu.Unlock()
	outcomes.all = append(outcomes.all, o)
}

func (o outcome) String() string {
	return fmt.Sprintf("%d gaps, %d overwritten or damaged, %d lost, %d begun without the lead; %d objects, %d revisions acknowledged, the longest wait for the store %s",
		o.gaps, o.overwritten, o.lost, o.unfounded, o.objects, o.acknowledged, o.waited.Round(100*time.Millisecond))
}

// summarize writes a line for each scenario over all its runs.
func summarize(w io.Writer, all []outcome) {
	var names []string
	runs, sums := map[string]int{}, map[string]outcome{}
	for _, o := range all {
		if runs[o.scenario]++; runs[o.scenario] == 1 {
			names = append(names, o.scenario)
		}
		s := sums[o.scenario]
		s.gaps, s.overwritten, s.lost, s.unfounded = s.gaps+o.gaps, s.overwritten+o.overwritten, s.lost+o.lost, s.unfounded+o.unfounded
		s.objects, s.acknowledged, s.waited = max(s.objects, o.objects), max(s.acknowledged, o.acknowledged), max(s.waited, o.waited)
		s.found = append(s.found, o.found...)
		sums[o.scenario] = s
	}
	if len(names) == 0 {
		return
	}
	width := len(slices.MaxFunc(names, func(a, b string) int { return len(a) - len(b) }))
	for _, name := range names {
		_, _ = fmt.Fprintf(w, "summary: %-*s  %d runs: %s\n", width, name, runs[name], sums[name])
		for _, text := range sums[name].found {
			_, _ = fmt.Fprintf(w, "summary: %-*s  %s\n", width, name, text)
		}
	}
}

// TestMain prints the summary, which shows with -v.
func TestMain(m *testing.M) {
	code := m.Run()
	summarize(os.Stdout, outcomes.all)
	os.Exit(code)
}
