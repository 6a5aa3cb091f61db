package faults

import (
	"bytes"
	"slices"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/archive/revkeeper"
	"github.com/revkeeper/revkeeper/application/retention"
	"github.com/revkeeper/revkeeper/domain/chain"
	rule "github.com/revkeeper/revkeeper/domain/retention"
	"github.com/revkeeper/revkeeper/domain/schedule"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/fake"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// A real bucket shrinks as planned while the backup goes on, and what stays is the
// cluster's.
func TestRetentionBesideABackup(t *testing.T) {
	etcd := servers.StartEtcd(t, version, 1)
	client := oracle.Connect(t, etcd.Endpoints()...)
	store := fake.NewObjectStore()
	s := startBackup(t, etcd.Endpoints()[0], store)
	var fulls []int64
	for range 4 {
		s.awaitDurable(puts(t, client, "k", 60))
		if _, err := client.Delete(t.Context(), "ka"); err != nil {
			t.Fatal(err)
		}
		ref, err := s.TakeFull(t.Context())
		if err != nil || ref == nil {
			t.Fatalf("%v, %v", ref, err)
		}
		fulls = append(fulls, ref.Last)
	}
	head := puts(t, client, "tail", 30)
	s.awaitDurable(head)
	countedAs(t, store, client, fulls[3])

	keeper := retention.New(retention.Config{
		Rule:  rule.Rule{Policy: rule.Policy{Way: rule.Limit, Limit: 2}, Stale: time.Hour, Frozen: time.Hour, Leftover: time.Hour},
		Limit: 1000, Retry: schedule.Backoff{Min: time.Second, Max: time.Second},
	}, revkeeper.New(store), revkeeper.NewKeeper(store, nil), nil, s.events)
	dry, err := keeper.Plan(t.Context())
	if err != nil || dry.Deleted == 0 {
		t.Fatalf("%+v, %v", dry.Summary, err)
	}
	report, err := keeper.Run(t.Context(), nil)
	if err != nil || report.Deleted < dry.Deleted {
		t.Fatalf("%+v, %v; the dry run said %+v", report.Summary, err, dry.Summary)
	}
	h := catalogue(t, store).Timelines[0]
	if len(h.Fulls) != 2 || h.Fulls[0].Last != fulls[2] || h.Fulls[1].Last != fulls[3] {
		t.Errorf("fulls %+v", h.Fulls)
	}
	head = puts(t, client, "more", 30)
	s.awaitDurable(head)
	for _, rev := range []int64{fulls[2], fulls[3], fulls[3] + 7, head} {
		sameAfterRestore(t, store, client, 1, rev)
	}
}

// Small deltas go once a roll-up holds them, and not before it was read back.
func TestRetentionTakesARollUpForWhatItHolds(t *testing.T) {
	s := newStack(t, 8)
	before := s.deltaKeys()
	if _, err := s.compactor().RollUp(t.Context(), everything); err != nil {
		t.Fatal(err)
	}
	var added []string
	for _, key := range s.deltaKeys() {
		if !slices.Contains(before, key) {
			added = append(added, key)
		}
	}
	if len(added) != 1 {
		t.Fatalf("rolled up into %q", added)
	}
	const ever = 100 * 365 * 24 * time.Hour
	tidy := func(store ports.ObjectStore) rule.Report {
		report, err := retention.New(retention.Config{
			Rule:  rule.Rule{Policy: rule.Policy{Way: rule.Limit, Limit: 1}, Every: ever, Stale: ever, Leftover: time.Hour},
			Limit: 1000, Retry: schedule.Backoff{Min: time.Second, Max: time.Second},
		}, revkeeper.New(store), revkeeper.NewKeeper(store, nil), nil, s.events).Run(t.Context(), nil)
		if err != nil || report.Stopped != "" {
			t.Fatalf("%+v, %v", report.Summary, err)
		}
		return report
	}
	whole := chain.Cover(s.history()).Windows
	damaged := newStack(t, 0).ObjectStore
	for _, key := range s.Keys() {
		s.Corrupt(key, func(content []byte) []byte {
			if _, err := damaged.Stat(t.Context(), key); err == nil {
				s.must(damaged.Delete(t.Context(), key))
			}
			s.must(damaged.Create(t.Context(), key, bytes.NewReader(content), int64(len(content))))
			return content
		})
	}
	damaged.Corrupt(added[0], flip(start))
	if report := tidy(damaged); report.Deleted > 0 {
		t.Errorf("%d objects went for a roll-up that is damaged", report.Deleted)
	}
	if report := tidy(s); report.Deleted != 7 || report.ReadBack == 0 {
		t.Errorf("%+v", report.Summary)
	}
	left := s.deltaKeys()
	if len(left) != 2 || !slices.Contains(left, added[0]) {
		t.Errorf("left are %q", left)
	}
	if now := chain.Cover(s.history()).Windows; !slices.Equal(now, whole) {
		t.Errorf("restorable is %v, it was %v", now, whole)
	}
	for _, rev := range []int64{10, 11, 42, 80, 90} {
		if _, _, err := tryRestore(t, s, 1, rev); err != nil {
			t.Errorf("revision %d: %v", rev, err)
		}
	}
}

// countedAs checks how many keys the full at a revision says live in it.
func countedAs(t *testing.T, store *fake.ObjectStore, client *clientv3.Client, rev int64) {
	t.Helper()
	for _, f := range catalogue(t, store).Timelines[0].Fulls {
		if f.Last != rev {
			continue
		}
		m, err := revkeeper.New(store).Manifest(t.Context(), f.Ref)
		if err != nil {
			t.Fatal(err)
		}
		have, err := client.Get(t.Context(), "\x00", clientv3.WithFromKey(), clientv3.WithRev(rev), clientv3.WithCountOnly())
		if err != nil {
			t.Fatal(err)
		}
		if m.LiveKeys == nil || *m.LiveKeys != have.Count {
			t.Errorf("the manifest says %v live keys, the cluster has %d", m.LiveKeys, have.Count)
		}
	}
}
