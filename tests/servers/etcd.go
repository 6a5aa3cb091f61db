package servers

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/tests/images"
)

// Etcd is a cluster of etcd processes on the loopback interface.
type Etcd struct {
	Members []*EtcdMember
}

// EtcdMember is one etcd process and its data directory. Its methods end the
// test if they fail, and are called from one goroutine.
type EtcdMember struct {
	Name     string
	Endpoint string // the client URL
	PeerURL  string
	DataDir  string

	t       testing.TB
	binary  string
	args    []string
	health  string
	output  syncBuffer
	process *exec.Cmd
	ended   chan struct{}
}

// EtcdOption changes how StartEtcd starts its members.
type EtcdOption func(*etcdOptions)

type etcdOptions struct {
	args   []string
	scheme string
}

// EtcdArgs adds flags to every member's command line.
func EtcdArgs(args ...string) EtcdOption {
	return func(o *etcdOptions) { o.args = append(o.args, args...) }
}

// EtcdTLS makes the members serve clients by TLS with a certificate of pki, and
// accept only clients with a certificate of pki. Peers stay in plain text.
func EtcdTLS(pki *PKI) EtcdOption {
	return func(o *etcdOptions) {
		cert, key := pki.Server()
		o.scheme = "https"
		o.args = append(o.args, "--cert-file", cert, "--key-file", key, "--client-cert-auth", "--trusted-ca-file", pki.CA)
	}
}

// StartEtcd starts a cluster of n members of a version ("etcd35", "etcd36" or
// "etcd37") and waits until it is healthy. The members elect quickly and do not
// sync to disk, which survives SIGKILL. They have ended when the test's cleanup
// is over.
func StartEtcd(t testing.TB, version string, n int, opts ...EtcdOption) *Etcd {
	t.Helper()
	o := etcdOptions{scheme: "http"}
	for _, opt := range opts {
		opt(&o)
	}
	e := &Etcd{}
	var initial []string
	for i := range n {
		m := newEtcdMember(t, version, fmt.Sprintf("m%d", i), o)
		initial = append(initial, m.Name+"="+m.PeerURL)
		e.Members = append(e.Members, m)
	}
	for _, m := range e.Members {
		m.args = append(m.args, "--initial-cluster", strings.Join(initial, ","), "--initial-cluster-state", "new")
		m.start()
	}
	for _, m := range e.Members {
		m.awaitHealth()
	}
	return e
}

func newEtcdMember(t testing.TB, version, name string, o etcdOptions) *EtcdMember {
	t.Helper()
	m := &EtcdMember{
		Name: name, DataDir: filepath.Join(t.TempDir(), name), t: t, binary: images.Binary(t, version),
		Endpoint: o.scheme + "://" + freeAddress(t), PeerURL: "http://" + freeAddress(t), health: "http://" + freeAddress(t),
	}
	m.args = append([]string{
		"--name", name, "--data-dir", m.DataDir,
		"--listen-client-urls", m.Endpoint, "--advertise-client-urls", m.Endpoint,
		"--listen-peer-urls", m.PeerURL, "--initial-advertise-peer-urls", m.PeerURL,
		"--listen-metrics-urls", m.health, "--log-level", "warn", "--unsafe-no-fsync",
		"--heartbeat-interval", "50", "--election-timeout", "500",
	}, o.args...)
	t.Cleanup(func() {
		if m.process != nil {
			m.Kill()
		}
		if t.Failed() {
			t.Logf("etcd %s said:\n%s", name, m.said())
		}
	})
	return m
}

// AddLearner starts one more member. The caller has announced peerURL to the
// cluster as a learner's, and gives the whole cluster as --initial-cluster.
func (e *Etcd) AddLearner(t testing.TB, version string, announce func(peerURL string) error, opts ...EtcdOption) *EtcdMember {
	t.Helper()
	o := etcdOptions{scheme: "http"}
	for _, opt := range opts {
		opt(&o)
	}
	m := newEtcdMember(t, version, fmt.Sprintf("m%d", len(e.Members)), o)
	if err := announce(m.PeerURL); err != nil {
		t.Fatalf("announce a learner: %v", err)
	}
	e.Members = append(e.Members, m)
	var initial []string
	for _, each := range e.Members {
		initial = append(initial, each.Name+"="+each.PeerURL)
	}
	m.args = append(m.args, "--initial-cluster", strings.Join(initial, ","), "--initial-cluster-state", "existing")
	m.start()
	return m
}

// said is the member's output without what awaitHealth had it say: those lines
// would hide why a test failed.
func (m *EtcdMember) said() string {
	var b strings.Builder
	for line := range strings.Lines(m.output.String()) {
		if !strings.Contains(line, "etcdhttp/health.go") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// Endpoints returns every member's client URL.
func (e *Etcd) Endpoints() []string {
	var all []string
	for _, m := range e.Members {
		all = append(all, m.Endpoint)
	}
	return all
}

// PID is the process's id.
func (m *EtcdMember) PID() int { return m.process.Process.Pid }

// Kill ends the member with SIGKILL and waits for its end. It may be called when
// the member has ended.
func (m *EtcdMember) Kill() { m.end(syscall.SIGKILL) }

// Stop ends the member with SIGTERM and waits for its end.
func (m *EtcdMember) Stop() { m.end(syscall.SIGTERM) }

// Pause stops the member's process without ending it: it accepts connections
// and answers nothing. It returns when every thread has stopped, which takes the
// kernel a moment. Resume continues it.
func (m *EtcdMember) Pause() {
	m.t.Helper()
	m.signal(syscall.SIGSTOP)
	for deadline := time.Now().Add(startTimeout); !stopped(m.process.Process.Pid); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			m.t.Fatalf("etcd %s does not stop", m.Name)
		}
	}
}

// Resume continues a paused member.
func (m *EtcdMember) Resume() { m.signal(syscall.SIGCONT) }

// Restart starts an ended member again on its data and waits until it is healthy.
func (m *EtcdMember) Restart() {
	m.t.Helper()
	m.start()
	m.awaitHealth()
}

// Restart starts ended members again, all before it waits for the first, since a
// cluster is healthy only with a quorum.
func (e *Etcd) Restart(members ...*EtcdMember) {
	for _, m := range members {
		m.start()
	}
	for _, m := range members {
		m.awaitHealth()
	}
}

func (m *EtcdMember) signal(s syscall.Signal) {
	m.t.Helper()
	if err := m.process.Process.Signal(s); err != nil {
		m.t.Fatalf("signal etcd %s: %v", m.Name, err)
	}
}

func (m *EtcdMember) end(s syscall.Signal) {
	_ = m.process.Process.Signal(s) // it may have ended by itself
	select {
	case <-m.ended:
	case <-time.After(startTimeout):
		_ = m.process.Process.Kill()
		<-m.ended
	}
}

func (m *EtcdMember) start() {
	m.t.Helper()
	m.process = exec.Command(m.binary, m.args...)
	m.process.Stdout, m.process.Stderr = &m.output, &m.output
	if err := m.process.Start(); err != nil {
		m.t.Fatalf("start etcd %s: %v", m.Name, err)
	}
	ended := make(chan struct{})
	m.ended = ended
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait() // how it ended is in its output
		close(ended)
	}(m.process)
}

// awaitHealth waits until the member takes part in a cluster with a leader.
func (m *EtcdMember) awaitHealth() {
	m.t.Helper()
	if err := m.becomesHealthy(); err != nil {
		m.t.Fatal(err)
	}
}

func (m *EtcdMember) becomesHealthy() error {
	ctx, cancel := context.WithTimeout(m.t.Context(), startTimeout)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.health+"/health", nil)
		if err != nil {
			return err
		}
		if resp, err := client.Do(req); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-m.ended:
			return fmt.Errorf("etcd %s ended:\n%s", m.Name, m.output.String())
		case <-ctx.Done():
			return fmt.Errorf("etcd %s did not become healthy:\n%s", m.Name, m.output.String())
		case <-tick.C:
		}
	}
}
