package differential

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/application/restore"
	"github.com/revkeeper/revkeeper/tests/inprocess"
	"github.com/revkeeper/revkeeper/tests/oracle"
	"github.com/revkeeper/revkeeper/tests/servers"
)

// check restores a sample's revision and returns everything that is not as the
// source had it.
func (s *source) check(t testing.TB, version string, x *sample) (differences []string, _ restore.Result) {
	t.Helper()
	dir, res := inprocess.RestoreExactly(t, s.store, x.revision)
	differ := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }
	base := res.Plan.Base
	err := view(filepath.Join(dir, "member", "snap", "db"), func(tx *bolt.Tx) error {
		if why := s.book.compare(tx, base.First, x.revision); why != "" {
			differ("%s", why)
		}
		stored, err := leases(tx)
		if err == nil {
			differences = append(differences, s.wrongLeases(t, x, stored)...)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	member, err := servers.TryRestored(t, version, dir)
	if err != nil {
		differ("%v", err)
		return differences, res
	}
	restored := oracle.Connect(t, member.Endpoint)
	if why := oracle.Difference(x.keys, oracle.Keys(t, restored, x.revision)); why != "" {
		differ("%s", why)
	}
	if why := s.attached(t, x, restored); why != "" {
		differ("%s", why)
	}
	if why := s.hashes(t, x, restored, base.First); why != "" {
		differ("%s", why)
	}
	return differences, res
}

// wrongLeases says which leases that keys name are missing or have another TTL than
// was granted. Only of a lease that is gone may nobody have been able to tell; then it
// has the default.
func (s *source) wrongLeases(t testing.TB, x *sample, stored map[int64]int64) (out []string) {
	for _, kv := range x.keys {
		if _, ok := stored[kv.Lease]; kv.Lease != 0 && !ok {
			out = append(out, fmt.Sprintf("lease %x of %q has no record: it would never expire", kv.Lease, kv.Key))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(stored)) {
		ttl := stored[id]
		switch {
		case ttl == s.granted[id]:
		case ttl == restore.DefaultLeaseTTL && oracle.LeaseTTL(t, s.client, id) <= 0:
		default:
			out = append(out, fmt.Sprintf("lease %x has a TTL of %d s, granted were %d", id, ttl, s.granted[id]))
		}
	}
	return out
}

// lasting is the least TTL, in seconds, of a lease that surely outlives the looking.
const lasting = 3600

// attached asks the restored cluster which keys each lease holds.
func (s *source) attached(t testing.TB, x *sample, restored *clientv3.Client) string {
	want := map[int64][]string{}
	for _, kv := range x.keys {
		if s.granted[kv.Lease] >= lasting {
			want[kv.Lease] = append(want[kv.Lease], string(kv.Key))
		}
	}
	for id, keys := range want {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		r, err := restored.TimeToLive(ctx, clientv3.LeaseID(id), clientv3.WithAttachedKeys())
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, k := range r.Keys {
			got = append(got, string(k))
		}
		slices.Sort(got)
		if !slices.Equal(got, keys) {
			return fmt.Sprintf("lease %x is attached to %q, the source had %q", id, got, keys)
		}
	}
	return ""
}

// hashes compares HashKV. What is restored may be compacted less far than the source
// was at any time it was asked; then it is compacted as far.
func (s *source) hashes(t testing.TB, x *sample, restored *clientv3.Client, compacted int64) string {
	for _, compact := range slices.Sorted(maps.Keys(x.hashes)) {
		if compact < compacted {
			continue
		}
		if compact > compacted {
			if _, err := restored.Compact(t.Context(), compact, clientv3.WithCompactPhysical()); err != nil {
				t.Fatal(err)
			}
		}
		got, at := oracle.HashKV(t, restored, x.revision)
		if max(0, at) != compact || got != x.hashes[compact] {
			return fmt.Sprintf("HashKV is %d compacted at %d, the source answered %d compacted at %d", got, at, x.hashes[compact], compact)
		}
		return ""
	}
	return fmt.Sprintf("compacted at %d, the source was never asked so: hashes at %v", compacted, slices.Sorted(maps.Keys(x.hashes)))
}

// describe says how a revision was restored, in few words.
func describe(res restore.Result) string {
	var deltas []string
	for _, d := range res.Plan.Deltas {
		deltas = append(deltas, fmt.Sprintf("%d–%d", d.First, d.Last))
	}
	if n := len(deltas); n > 4 {
		deltas = append(deltas[:2], fmt.Sprintf("%d more", n-4), deltas[n-2], deltas[n-1])
	}
	return fmt.Sprintf("full (%d, %d], deltas %s", res.Plan.Base.First, res.Plan.Base.Last, strings.Join(deltas, ", "))
}
