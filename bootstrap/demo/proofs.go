package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/revkeeper/revkeeper/adapters/httpapi/openapi"
)

// etcdLeader returns the name of the member that leads etcd.
func (s *story) etcdLeader(ctx context.Context) (string, error) {
	for _, m := range s.members {
		call, cancel := context.WithTimeout(ctx, 2*time.Second)
		st, err := s.client.Status(call, m.endpoint)
		cancel()
		if err == nil && st.Header.MemberId == st.Leader {
			return m.name, nil
		}
	}
	return "", fmt.Errorf("no etcd member says that it leads")
}

// catalogue asks `revkeeper list`, as a user would.
func (s *story) catalogue(ctx context.Context) (openapi.Catalogue, error) {
	var c openapi.Catalogue
	text, err := output(ctx, s.revkeeper, "list", "--store-url", s.storeURL(), "-o", "json")
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal([]byte(text), &c)
}

func (s *story) countFulls(ctx context.Context) (int, error) {
	c, err := s.catalogue(ctx)
	n := 0
	for _, t := range c.Timelines {
		n += len(t.Fulls)
	}
	return n, err
}

// proveContinuity checks that the new leader went on in the same timeline,
// without a hole and without a full.
func (s *story) proveContinuity(ctx context.Context) error {
	c, err := s.catalogue(ctx)
	if err != nil {
		return err
	}
	fulls, gaps := 0, 0
	for _, t := range c.Timelines {
		fulls += len(t.Fulls)
		gaps += len(t.Gaps) + len(t.Baseless)
	}
	s.say.prove(len(c.Timelines) == 1 && c.Timelines[0].Timeline == s.timeline, "same timeline after the failover",
		fmt.Sprintf("%d timeline(s)", len(c.Timelines)))
	s.say.prove(gaps == 0, "no gap", fmt.Sprintf("%d gaps", gaps))
	s.say.prove(fulls == s.fulls, "no full was needed", fmt.Sprintf("%d before, %d after", s.fulls, fulls))
	return nil
}

// comeBack restores the remembered and the newest revision exactly, and once
// more as a user would.
func (s *story) comeBack(ctx context.Context) error {
	s.writer.stop()
	head := s.writer.revision.Load()
	leading, _ := s.leader(ctx)
	if leading == nil {
		return fmt.Errorf("no sidecar leads")
	}
	if err := leading.flush(ctx); err != nil {
		return err
	}
	live, err := s.client.Get(ctx, "\x00")
	if err != nil {
		return err
	}
	newest := live.Header.Revision
	st, _ := leading.status(ctx)
	s.say.prove(st.Backup.DurableRevision >= head, "every acknowledged write is stored",
		fmt.Sprintf("acknowledged %d, durable %d", head, st.Backup.DurableRevision))
	text, err := output(ctx, s.revkeeper, "list", "--store-url", s.storeURL())
	if err != nil {
		return err
	}
	fmt.Fprintf(s.say.out, "\n$ revkeeper list --store-url %s\n%s\n", s.storeURL(), text)
	for _, revision := range []int64{s.past, newest} {
		if err := s.exactly(ctx, revision); err != nil {
			return err
		}
	}
	return s.asAUser(ctx, newest)
}

// exactly restores a revision with its history and compares etcd's own hash.
func (s *story) exactly(ctx context.Context, revision int64) error {
	c, took, err := s.restore(ctx, fmt.Sprintf("exact-%d", revision), fmt.Sprint(revision), "--keep-revisions", "--force")
	if err != nil {
		return err
	}
	defer c.Close()
	source := s.members[0].endpoint
	want, err := s.client.HashKV(ctx, source, revision)
	if err != nil {
		return fmt.Errorf("ask the source for its hash: %w", err)
	}
	got, err := c.HashKV(ctx, c.Endpoints()[0], revision)
	if err != nil {
		return fmt.Errorf("ask the restored etcd for its hash: %w", err)
	}
	s.say.prove(want.Hash == got.Hash && got.Header.Revision == revision, fmt.Sprintf("revision %d is back exactly", revision),
		fmt.Sprintf("etcd's HashKV: source %d, restored %d; restored in %d ms", want.Hash, got.Hash, took.Milliseconds()))
	return nil
}

// asAUser restores the newest revision for clients, and is one.
func (s *story) asAUser(ctx context.Context, newest int64) error {
	c, took, err := s.restore(ctx, "service", "latest")
	if err != nil {
		return err
	}
	defer c.Close()
	want, err := s.client.Get(ctx, "/registry/", clientv3.WithPrefix(), clientv3.WithRev(newest), clientv3.WithCountOnly())
	if err != nil {
		return err
	}
	got, err := c.Get(ctx, "/registry/", clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return err
	}
	s.say.prove(want.Count == got.Count && got.Header.Revision > newest, "restored for clients",
		fmt.Sprintf("%d keys, revision bumped from %d to %d, in %d ms", got.Count, newest, got.Header.Revision, took.Milliseconds()))
	_, putErr := c.Put(ctx, "/registry/after", "the restore")
	back, getErr := c.Get(ctx, "/registry/after")
	s.say.prove(putErr == nil && getErr == nil && back.Count == 1, "a client reads and writes", "put and get on the restored cluster")
	return nil
}

// restore runs `revkeeper restore` into a fresh directory and starts etcd on it.
func (s *story) restore(ctx context.Context, name, target string, flags ...string) (*clientv3.Client, time.Duration, error) {
	m, err := s.newMember(name)
	if err != nil {
		return nil, 0, err
	}
	m.dir = filepath.Join(s.dir, "restored", name)
	args := append([]string{"restore", "--store-url", s.storeURL(), "--to-revision", target, "--data-dir", m.dir, "--name", m.name,
		"--initial-cluster", m.name + "=" + m.peer, "--initial-advertise-peer-urls", m.peer}, flags...)
	began := time.Now()
	if _, err := output(ctx, s.revkeeper, args...); err != nil {
		return nil, 0, err
	}
	took := time.Since(began)
	if err := s.startMember(m, m.name+"="+m.peer); err != nil {
		return nil, took, err
	}
	s.restored = m
	c, err := connect(m)
	if err != nil {
		return nil, took, err
	}
	return c, took, until(ctx, time.Minute, "the restored etcd to answer", func() bool { return healthy(ctx, c) })
}
