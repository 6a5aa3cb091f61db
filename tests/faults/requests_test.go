package faults

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/application/backup"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/snapshot"
	"github.com/revkeeper/revkeeper/ports"
)

// Who asks for a snapshot hears at once that the leadership ended, wherever the
// request was.
func TestRequestsEndWithTheLeadership(t *testing.T) {
	for _, tc := range []struct {
		name string
		play func(s *script)
	}{
		{"no session takes it", func(s *script) { s.changes <- ports.Changes{} }}, // the watch breaks, and a pause follows
		{"a session has it", func(*script) {}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(10)
				answers := make(chan error, 2)
				var lost time.Time
				scripted(t, s, newGate(), func(b *backup.Backup, _ *backup.State, _ *recorder) {
					time.Sleep(time.Second)
					tc.play(s)
					synctest.Wait()
					s.set(func() { s.head.Revision = 11 }) // which never arrives
					for _, take := range []func(context.Context) (*snapshot.Ref, error){b.TakeDelta, b.TakeDelta} {
						go func() {
							_, err := take(t.Context())
							answers <- err
						}()
					}
					time.Sleep(time.Millisecond)
					lost = time.Now()
				})
				for range 2 {
					if err := <-answers; !errors.Is(err, fault.Unavailable) {
						t.Errorf("answered %v", err)
					}
				}
				if took := time.Since(lost); took > time.Second {
					t.Errorf("answered %s after the leadership was lost", took)
				}
			})
		})
	}
}
