// Package member runs one etcd member as a child process, for the benchmarks and the making of their data.
package member

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// Name, Advertised and Token fix the cluster and member id, so that they are equal in every run, and in a data directory
// that was restored for it. Where the member listens does not count.
const (
	Name       = "bench"
	Advertised = "127.0.0.1:2380" // host and port of the peer URL
	Token      = "revkeeper-bench"
)

// Config says what to run.
type Config struct {
	// Binary is an etcd server.
	Binary string
	// Dir receives the data directory and etcd's log; it must exist. A data directory that is there is continued.
	Dir string
	// Args and Env ("name=value") are added to etcd's own.
	Args, Env []string
}

// Member is a running etcd.
type Member struct {
	// Endpoint is the client address, host:port on loopback.
	Endpoint string
	// DataDir is etcd's data directory.
	DataDir string

	command *exec.Cmd
	exited  chan struct{}
}

// Start starts the member without fsync and waits until it answers. The caller stops it.
func Start(ctx context.Context, config Config) (*Member, error) {
	client, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	peer, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	const advertised = "http://" + Advertised
	m := &Member{Endpoint: client, DataDir: filepath.Join(config.Dir, "data"), exited: make(chan struct{})}
	m.command = exec.Command(config.Binary, append([]string{
		"--name", Name, "--data-dir", m.DataDir,
		"--initial-cluster", Name + "=" + advertised, "--initial-cluster-token", Token,
		"--initial-advertise-peer-urls", advertised, "--listen-peer-urls", "http://" + peer,
		"--listen-client-urls", "http://" + client, "--advertise-client-urls", "http://" + client,
		"--unsafe-no-fsync", "--quota-backend-bytes", "8589934592", "--log-level", "warn",
	}, config.Args...)...)
	m.command.Env = append(os.Environ(), config.Env...)
	log, err := os.OpenFile(filepath.Join(config.Dir, "etcd.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	m.command.Stdout, m.command.Stderr = log, log
	if err := m.command.Start(); err != nil {
		return nil, fmt.Errorf("start etcd: %w", err)
	}
	go func() {
		m.command.Wait() //nolint:errcheck // how it ended is in the log
		close(m.exited)
	}()
	if err := m.ready(ctx); err != nil {
		m.Stop()
		return nil, fmt.Errorf("etcd in %s did not become ready: %w", config.Dir, err)
	}
	return m, nil
}

// PID is the process's id.
func (m *Member) PID() int { return m.command.Process.Pid }

// Client connects to the member. The caller closes the client.
func (m *Member) Client(ctx context.Context) (*clientv3.Client, error) {
	const unlimited = 1 << 30
	return clientv3.New(clientv3.Config{
		Endpoints: []string{m.Endpoint}, Context: ctx, DialTimeout: 5 * time.Second, MaxCallRecvMsgSize: unlimited,
		Logger: zap.NewNop(),
	})
}

// Stop asks the process to end, kills it if it has not within 20 s, and returns when it is gone. It may be called twice.
func (m *Member) Stop() {
	m.command.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may be gone already
	select {
	case <-m.exited:
	case <-time.After(20 * time.Second):
		m.command.Process.Kill() //nolint:errcheck // it may be gone already
		<-m.exited
	}
}

// ready asks until the member answers a linearizable read, for at most 60 s.
func (m *Member) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client, err := m.Client(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		attempt, done := context.WithTimeout(ctx, 2*time.Second)
		_, err := client.Get(attempt, "ready")
		done()
		if err == nil {
			return nil
		}
		select {
		case <-m.exited:
			return errors.New("it exited, see etcd.log")
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// freeAddress finds a port on loopback that nobody listens on.
func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
