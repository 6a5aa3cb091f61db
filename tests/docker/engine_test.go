// Package docker runs whole clusters in containers: real etcd, revkeeper beside
// each member, and an S3 server, as production has them, and breaks them.
//
// The engine must be on this machine: containers publish their ports on the
// loopback interface and the S3 server keeps its objects in a directory of the
// test. Nothing is pulled.
package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"
)

const (
	// ownerLabel is on everything that a test makes in the engine. Its value
	// tells who made it: host/process/seconds since 1970.
	ownerLabel = "revkeeper.tests.owner"
	// abandonedAfter is longer than any run of this suite.
	abandonedAfter = time.Hour
	// callTimeout bounds one call of the engine.
	callTimeout = time.Minute
)

var connect = sync.OnceValues(func() (*dockertest.Pool, error) {
	pool, err := dockertest.NewPool("")
	if err != nil {
		return nil, err
	}
	pool.Client.SetTimeout(callTimeout)
	if err := pool.Client.Ping(); err != nil {
		return nil, err
	}
	return pool, sweep(pool.Client)
})

// engine returns the Docker engine, cleaned of what earlier runs left behind.
// Without one the test is skipped, but fails where CI is set.
func engine(t testing.TB) *dockertest.Pool {
	t.Helper()
	pool, err := connect()
	if err == nil {
		return pool
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("this test needs a Docker engine, and CI is set: %v", err)
	}
	t.Skipf("SKIPPED, NOT PROVEN: this test needs a Docker engine: %v", err)
	return nil
}

// owner is the value of ownerLabel for this process.
func owner() map[string]string {
	host, _ := os.Hostname()
	return map[string]string{ownerLabel: fmt.Sprintf("%s/%d/%d", host, os.Getpid(), time.Now().Unix())}
}

// abandoned reports whether nobody will clean up what carries the label: its
// process is gone, or it is older than any run. A process on another host, as
// in a container with a name of its own, cannot be looked up.
func abandoned(label, host string, now time.Time, alive func(pid int) bool) bool {
	parts := strings.Split(label, "/")
	if len(parts) != 3 {
		return true
	}
	pid, err := strconv.Atoi(parts[1])
	began, err2 := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || err2 != nil || now.Sub(time.Unix(began, 0)) > abandonedAfter {
		return true
	}
	return parts[0] == host && !alive(pid)
}

func isAlive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

// sweep removes containers and networks of runs that were killed.
func sweep(client *docker.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	host, _ := os.Hostname()
	stale := func(labels map[string]string) bool {
		return abandoned(labels[ownerLabel], host, time.Now(), isAlive)
	}
	containers, err := client.ListContainers(docker.ListContainersOptions{
		Context: ctx, All: true, Filters: map[string][]string{"label": {ownerLabel}},
	})
	if err != nil {
		return err
	}
	for _, c := range containers {
		if stale(c.Labels) {
			if err := remove(ctx, client, c.ID); err != nil {
				return fmt.Errorf("remove container %s of an earlier run: %w", c.ID, err)
			}
		}
	}
	networks, err := client.FilteredListNetworks(docker.NetworkFilterOpts{"label": {ownerLabel: true}})
	if err != nil {
		return err
	}
	for _, n := range networks {
		if stale(n.Labels) {
			if err := client.RemoveNetwork(n.ID); err != nil {
				return fmt.Errorf("remove network %s of an earlier run: %w", n.Name, err)
			}
		}
	}
	return nil
}

// remove ends a container, whatever its state, and removes it with its volumes.
func remove(ctx context.Context, client *docker.Client, id string) error {
	err := client.RemoveContainer(docker.RemoveContainerOptions{Context: ctx, ID: id, Force: true, RemoveVolumes: true})
	var gone *docker.NoSuchContainer
	if errors.As(err, &gone) {
		return nil
	}
	return err
}

func TestAbandoned(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	alive := func(pid int) bool { return pid == 7 }
	for _, tc := range []struct {
		label string
		want  bool
		why   string
	}{
		{"here/7/999000", false, "its test still runs"},
		{"here/8/999000", true, "its process is gone"},
		{"there/8/999000", false, "another host's process cannot be looked up"},
		{"there/8/990000", true, "no test runs for so long"},
		{"here/7/990000", true, "another process got the number"},
		{"", true, "nobody owns it"},
		{"here/x/999000", true, "no process has this number"},
	} {
		if got := abandoned(tc.label, "here", now, alive); got != tc.want {
			t.Errorf("abandoned(%q) = %v, want %v: %s", tc.label, got, tc.want, tc.why)
		}
	}
}
