package watcher

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/ports"
	"github.com/revkeeper/revkeeper/tests/poll"
)

// Write makes every kind of change that etcd knows, some of them many times, and
// returns the last revision. It may be called from any goroutine.
func Write(t *testing.T, c *clientv3.Client) int64 {
	ctx := t.Context()
	fail := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	lease, err := c.Grant(ctx, 600)
	fail(err)
	doomed, err := c.Grant(ctx, 600)
	fail(err)
	if t.Failed() {
		return 1
	}
	for i := range 300 {
		key := fmt.Sprintf("key/%03d", i%50)
		_, err := c.Put(ctx, key, strings.Repeat("v", i))
		fail(err)
		switch i % 10 {
		case 1:
			_, err = c.Delete(ctx, key)
		case 2:
			_, err = c.Put(ctx, "leased/"+key, "x", clientv3.WithLease(lease.ID))
		case 3:
			_, err = c.Put(ctx, "doomed/"+key, "x", clientv3.WithLease(doomed.ID))
		case 4:
			_, err = c.Delete(ctx, "key/00", clientv3.WithPrefix())
		case 5:
			_, err = c.Delete(ctx, "nobody") // changes nothing
		case 6:
			_, err = c.Txn(ctx).Then(clientv3.OpPut("a", "1"), clientv3.OpPut("b", "2"), clientv3.OpGet("a"), clientv3.OpDelete("d"), clientv3.OpPut("c", "")).Commit()
		case 7: // put and delete of one key in one revision
			_, err = c.Txn(ctx).Then(
				clientv3.OpTxn(nil, []clientv3.Op{clientv3.OpPut("twice", "1")}, nil),
				clientv3.OpTxn(nil, []clientv3.Op{clientv3.OpDelete("twice")}, nil)).Commit()
		}
		fail(err)
	}
	_, err = c.Revoke(ctx, doomed.ID)
	fail(err)
	_, err = c.Put(ctx, "empty", "")
	fail(err)
	_, err = c.Put(ctx, "huge", strings.Repeat("\x00\xff", 700<<10))
	fail(err)
	_, err = c.Put(ctx, strings.Repeat("\xff", 300), "high")
	fail(err)
	_, err = c.Put(ctx, "\x00", "low")
	fail(err)
	last, err := c.Delete(ctx, strings.Repeat("\xff", 300))
	fail(err)
	if t.Failed() {
		return 1
	}
	return last.Header.Revision
}

// Fill puts n keys under "fill/" and returns the last revision.
func Fill(t *testing.T, c *clientv3.Client, n int) int64 {
	t.Helper()
	var last int64
	for done := 0; done < n; {
		var ops []clientv3.Op
		for ; len(ops) < 100 && done < n; done++ {
			ops = append(ops, clientv3.OpPut(fmt.Sprintf("fill/%0100d", done), "x"))
		}
		answer, err := c.Txn(t.Context()).Then(ops...).Commit()
		if err != nil {
			t.Fatal(err)
		}
		last = answer.Header.Revision
	}
	return last
}

func put(t *testing.T, s Setup, key, value string) {
	t.Helper()
	if _, err := s.Client.Put(t.Context(), key, value); err != nil {
		t.Fatal(err)
	}
}

// compact compacts and waits until the member that serves w has done so.
func compact(t *testing.T, s Setup, w ports.Watch, at int64) {
	t.Helper()
	if _, err := s.Client.Compact(t.Context(), at); err != nil && !errors.Is(err, rpctypes.ErrCompacted) {
		t.Fatal(err)
	}
	eventually(t, fmt.Sprintf("the member is compacted at %d", at), func() bool {
		got, err := w.CompactRevision(t.Context())
		return err == nil && got >= at
	})
}

func open(t *testing.T, s Setup, from int64) ports.Watch {
	t.Helper()
	w, err := s.Watcher.Watch(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	if w.Member() == 0 {
		t.Error("the watch does not say which member serves it")
	}
	return w
}

func reaches(last int64) func(record.Record) bool {
	return func(r record.Record) bool { return r.Main >= last }
}

// collect reads until the newest record of a whole response is the last.
func collect(t *testing.T, w ports.Watch, last func(record.Record) bool) []record.Record {
	t.Helper()
	var all []record.Record
	stop := time.AfterFunc(patience, w.Close)
	defer stop.Stop()
	sequence := record.After(1)
	for {
		changes := mustNext(t, w)
		for _, r := range changes.Records {
			if err := sequence.Next(r); err != nil {
				t.Fatal(err)
			}
			r.KeyValue = bytes.Clone(r.KeyValue)
			all = append(all, r)
		}
		if !changes.Open && last(all[len(all)-1]) {
			return all
		}
	}
}

// putAndDeletedAtOnce reports whether a revision holds a put and a deletion of
// the same key.
func putAndDeletedAtOnce(t *testing.T, records []record.Record) bool {
	t.Helper()
	for i := 1; i < len(records); i++ {
		before, r := records[i-1], records[i]
		a, errA := record.Key(before.KeyValue)
		b, errB := record.Key(r.KeyValue)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if r.Main == before.Main && r.Tombstone && !before.Tombstone && bytes.Equal(a, b) {
			return true
		}
	}
	return false
}

func mustNext(t *testing.T, w ports.Watch) ports.Changes {
	t.Helper()
	changes, err := w.Next()
	if err != nil {
		t.Fatal(err)
	}
	if len(changes.Records) == 0 {
		t.Fatal("changes without a record")
	}
	return changes
}

func wait(t *testing.T, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		t.Fatal("still waiting")
		return nil
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	poll.Until(t, patience, func() string {
		if ok() {
			return ""
		}
		return what
	})
}
