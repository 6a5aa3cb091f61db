package etcd

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkeeper/revkeeper/domain/cluster"
)

func TestMembersThatFailedLatelyComeLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(Config{Endpoint: "http://127.0.0.1:1"}, slog.New(slog.DiscardHandler))
		order := func() string {
			members := []cluster.Member{{ID: 1}, {ID: 2}, {ID: 3}}
			p.sort(members, func(m cluster.Member) bool { return m.ID == 2 })
			var ids []cluster.ID
			for _, m := range members {
				ids = append(ids, m.ID)
			}
			return fmt.Sprint(ids)
		}
		for _, step := range []struct {
			what string
			do   func()
			want string
		}{
			{"the preferred one first", func() {}, "[2 1 3]"},
			{"2 failed", func() { p.failed(2) }, "[1 3 2]"},
			{"then 1", func() { time.Sleep(time.Second); p.failed(1) }, "[3 2 1]"},
			{"a minute after 2 failed", func() { time.Sleep(troubleLasts - time.Millisecond) }, "[2 3 1]"},
			{"a minute after 1 failed", func() { time.Sleep(time.Second) }, "[2 1 3]"},
		} {
			step.do()
			if got := order(); got != step.want {
				t.Errorf("%s: got %s, want %s", step.what, got, step.want)
			}
		}
	})
}

func TestAddressesOfMembers(t *testing.T) {
	p := newPool(Config{Endpoint: "https://127.0.0.1:2379"}, slog.New(slog.DiscardHandler))
	p.own = 7
	for _, tc := range []struct {
		name string
		m    cluster.Member
		want string
	}{
		{"our own is where we were told", cluster.Member{ID: 7, ClientURLs: []string{"https://a:1"}}, "https://127.0.0.1:2379"},
		{"the only one", cluster.Member{ID: 1, ClientURLs: []string{"http://127.0.0.1:1"}}, "http://127.0.0.1:1"},
		{"not its loopback", cluster.Member{ID: 1, ClientURLs: []string{"https://127.0.0.1:1", "https://localhost:1", "https://[::1]:1", "https://a:1"}}, "https://a:1"},
		{"the same scheme", cluster.Member{ID: 1, ClientURLs: []string{"http://a:1", "https://a:1"}}, "https://a:1"},
		{"nothing usable", cluster.Member{ID: 1, ClientURLs: []string{"unix://x"}}, ""},
		{"not started yet", cluster.Member{ID: 1}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := p.address(tc.m); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
