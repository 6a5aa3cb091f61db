//go:build extended

package kubernetes_test

import (
	"sync"
	"testing"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/revkeeper/revkeeper/adapters/heartbeat/kubernetes"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/heartbeat"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// druidReadsMarks looks at the Leases as etcd-druid does for the condition
// BackupReady and for compaction.
func druidReadsMarks(t *testing.T, server *servers.Kubernetes) {
	p := newPlace(t, server)
	p.make(t, "etcd-full-snap", "etcd-delta-snap")
	_, m := p.open(t, server.Admin(), withMarks)
	began := time.Now().Add(-time.Second)
	fullAt := began.Add(-time.Hour)
	for _, c := range []struct {
		why         string
		marks       heartbeat.Marks
		full, delta string // holders; "" for unset
		ready       bool   // the delta's Lease was renewed
	}{
		{"before anything is stored", heartbeat.Marks{}, "", "0", false},
		{"the first full", heartbeat.Marks{Full: 41, FullAt: fullAt}, "41", "0", false},
		{"up to date without a delta", heartbeat.Marks{Full: 41, FullAt: fullAt, Current: true}, "41", "0", true},
		{"a delta", heartbeat.Marks{Full: 41, FullAt: fullAt, Delta: 45, Current: true}, "41", "45", true},
	} {
		if err := m.Publish(t.Context(), c.marks); err != nil {
			t.Fatalf("%s: %v", c.why, err)
		}
		full, delta := p.lease(t, "etcd-full-snap"), p.lease(t, "etcd-delta-snap")
		if got := text(full.Spec.HolderIdentity); got != c.full {
			t.Errorf("%s: the full is %q", c.why, got)
		}
		if got := text(delta.Spec.HolderIdentity); got != c.delta {
			t.Errorf("%s: the delta is %q", c.why, got)
		}
		if c.full != "" && full.Spec.RenewTime.Sub(fullAt).Abs() > time.Microsecond {
			t.Errorf("%s: the full was taken at %v, want %v", c.why, full.Spec.RenewTime, fullAt)
		}
		if renewed := delta.Spec.RenewTime; (renewed != nil) != c.ready || renewed != nil && renewed.Time.Before(began) {
			t.Errorf("%s: the delta was renewed at %v", c.why, renewed)
		}
	}
	behind := heartbeat.Marks{Full: 41, FullAt: fullAt, Delta: 46}
	before := p.lease(t, "etcd-delta-snap").Spec.RenewTime
	if err := m.Publish(t.Context(), behind); err != nil {
		t.Fatal(err)
	}
	if l := p.lease(t, "etcd-delta-snap"); text(l.Spec.HolderIdentity) != "46" || !l.Spec.RenewTime.Equal(before) {
		t.Errorf("a delta of a backup that is not current: %+v, renewed at %s before", l.Spec, before)
	}
	versions := p.lease(t, "etcd-full-snap").ResourceVersion + p.lease(t, "etcd-delta-snap").ResourceVersion
	if err := m.Publish(t.Context(), behind); err != nil {
		t.Fatal(err)
	}
	if again := p.lease(t, "etcd-full-snap").ResourceVersion + p.lease(t, "etcd-delta-snap").ResourceVersion; again != versions {
		t.Errorf("what does not change was written: %s, %s before", again, versions)
	}
}

func marksAreNeverLowered(t *testing.T, server *servers.Kubernetes) {
	p := newPlace(t, server)
	_, m := p.open(t, server.Admin(), withMarks) // makes them
	at := time.Now().Truncate(time.Microsecond)
	publish := func(marks heartbeat.Marks) {
		t.Helper()
		if err := m.Publish(t.Context(), marks); err != nil {
			t.Fatal(err)
		}
	}
	publish(heartbeat.Marks{Full: 100, FullAt: at, Delta: 200})
	publish(heartbeat.Marks{Full: 99, FullAt: at.Add(time.Hour), Delta: 199})
	publish(heartbeat.Marks{Full: 100, FullAt: at.Add(-time.Hour)})
	full, delta := p.lease(t, "etcd-full-snap"), p.lease(t, "etcd-delta-snap")
	if text(full.Spec.HolderIdentity) != "100" || !full.Spec.RenewTime.Equal(&meta.MicroTime{Time: at}) || text(delta.Spec.HolderIdentity) != "200" {
		t.Errorf("full %+v, delta %+v", full.Spec, delta.Spec)
	}
	publish(heartbeat.Marks{Full: 100, FullAt: at.Add(time.Hour)})
	if l := p.lease(t, "etcd-full-snap"); !l.Spec.RenewTime.Equal(&meta.MicroTime{Time: at.Add(time.Hour)}) {
		t.Errorf("the same full, taken again: %+v", l.Spec)
	}

	// A Lease that is no mark stays as it is, and does not keep the other back.
	p.patch(t, "etcd-full-snap", map[string]any{"holderIdentity": "host-1_8e1f"})
	told(t, m.Publish(t.Context(), heartbeat.Marks{Full: 300, FullAt: at, Delta: 300}), fault.Conflict, "name another")
	if got := text(p.lease(t, "etcd-full-snap").Spec.HolderIdentity); got != "host-1_8e1f" {
		t.Errorf("the full's holder is now %q", got)
	}
	if got := text(p.lease(t, "etcd-delta-snap").Spec.HolderIdentity); got != "300" {
		t.Errorf("the delta is %q", got)
	}

	_, nobody := p.open(t, "forged") // asks nobody
	if err := nobody.Publish(t.Context(), heartbeat.Marks{Full: 1, Delta: 1}); err != nil {
		t.Errorf("without names: %v", err)
	}
}

func marksOfTwoLeaders(t *testing.T, server *servers.Kubernetes) {
	p := newPlace(t, server)
	token := server.Identity(t, p.namespace, servers.Rule{Verbs: kubernetes.Verbs()})
	_, a := p.open(t, token, withMarks)
	_, b := p.open(t, token, withMarks)
	var group sync.WaitGroup
	for i, m := range []*kubernetes.Marks{a, b} {
		group.Go(func() {
			for n := int64(1); n <= 10; n++ {
				revision := 10*n + int64(i)
				if err := m.Publish(t.Context(), heartbeat.Marks{Full: revision, FullAt: time.Now(), Delta: revision, Current: true}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for _, name := range []string{"etcd-full-snap", "etcd-delta-snap"} {
		if got := text(p.lease(t, name).Spec.HolderIdentity); got != "101" {
			t.Errorf("%s is %s", name, got)
		}
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
