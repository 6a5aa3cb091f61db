package docker

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"

	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"

	"github.com/revkeeper/revkeeper/tests/images"
)

// loggedLines bounds what a container that failed a test is quoted with.
const loggedLines = "300"

// recipe says what to run in a container.
type recipe struct {
	program string   // of tests/images
	name    string   // by which others on the network reach it
	args    []string // the program's
	env     []string
	port    string            // of TCP, published on the loopback interface
	public  string            // as which port; empty for a free one, which the container keeps
	mounts  []string          // host directory:directory
	user    string            // uid:gid; empty for root
	joins   []*docker.Network // the first is the one its port is published from
	aliases []string          // one for each network after the first: its name there
}

// container is a running program. Its methods fail the test if they fail.
type container struct {
	t      testing.TB
	client *docker.Client
	id     string
	recipe
}

// start runs a recipe; the container is gone when the test's cleanup is over,
// and has said what it had to say if the test failed.
func start(t testing.TB, pool *dockertest.Pool, r recipe) *container {
	t.Helper()
	port := docker.Port(r.port + "/tcp")
	if r.public == "" {
		r.public = freePort(t)
	}
	created, err := pool.Client.CreateContainer(docker.CreateContainerOptions{
		Context: t.Context(),
		Name:    r.joins[0].Name + "-" + r.name,
		Config: &docker.Config{
			Image: images.Image(t, pool.Client, r.program), Hostname: r.name, User: r.user,
			Cmd: r.args, Env: r.env, Labels: owner(), ExposedPorts: map[docker.Port]struct{}{port: {}},
		},
		HostConfig: &docker.HostConfig{
			Binds: r.mounts, PortBindings: map[docker.Port][]docker.PortBinding{port: {{HostIP: "127.0.0.1", HostPort: r.public}}},
		},
		NetworkingConfig: &docker.NetworkingConfig{EndpointsConfig: map[string]*docker.EndpointConfig{
			r.joins[0].Name: {Aliases: []string{r.name}},
		}},
	})
	if err != nil {
		t.Fatalf("create container %s: %v", r.name, err)
	}
	c := &container{t: t, client: pool.Client, id: created.ID, recipe: r}
	t.Cleanup(c.end)
	for i, network := range r.joins[1:] {
		c.join(network, r.aliases[i])
	}
	c.restart()
	return c
}

// end removes the container. The test's context is over by then.
func (c *container) end() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.t.Context()), callTimeout)
	defer cancel()
	if c.t.Failed() {
		c.t.Logf("%s said:\n%s", c.name, c.logs(ctx))
	}
	if err := remove(ctx, c.client, c.id); err != nil {
		c.t.Errorf("remove container %s: %v", c.name, err)
	}
}

func (c *container) logs(ctx context.Context) string {
	var said bytes.Buffer
	err := c.client.Logs(docker.LogsOptions{
		Context: ctx, Container: c.id, OutputStream: &said, ErrorStream: &said, Stdout: true, Stderr: true, Tail: loggedLines,
	})
	if err != nil {
		return said.String() + "\n(no more: " + err.Error() + ")"
	}
	return said.String()
}

// restart starts the container, for the first time or after its end.
func (c *container) restart() {
	c.t.Helper()
	if err := c.client.StartContainerWithContext(c.id, nil, c.t.Context()); err != nil {
		c.t.Fatalf("start container %s: %v", c.name, err)
	}
}

// address is where the container's port is published, for as long as it lives.
func (c *container) address() string { return net.JoinHostPort("127.0.0.1", c.public) }

// Containers are published above the ports of tests/servers and below those that
// the kernel gives to whoever asks for any, so that a port is still free after a
// restart.
const (
	lowestPort  = 16000
	highestPort = 31999
)

// freePort returns a port that nobody listens at.
func freePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(lowestPort + rand.IntN(highestPort-lowestPort+1))
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("no free port was found")
	return ""
}

// kill ends the program with SIGKILL.
func (c *container) kill() {
	c.t.Helper()
	if err := c.client.KillContainer(docker.KillContainerOptions{Context: c.t.Context(), ID: c.id, Signal: docker.SIGKILL}); err != nil {
		c.t.Fatalf("kill container %s: %v", c.name, err)
	}
	if _, err := c.client.WaitContainerWithContext(c.id, c.t.Context()); err != nil {
		c.t.Fatalf("wait for the end of container %s: %v", c.name, err)
	}
}

// signal sends the program a signal and does not wait for what it does.
func (c *container) signal(s docker.Signal) {
	c.t.Helper()
	if err := c.client.KillContainer(docker.KillContainerOptions{Context: c.t.Context(), ID: c.id, Signal: s}); err != nil {
		c.t.Fatalf("send %s signal %d: %v", c.name, s, err)
	}
}

// stop ends the program with SIGTERM and returns its exit code.
func (c *container) stop() int {
	c.t.Helper()
	c.signal(docker.SIGTERM)
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	code, err := c.client.WaitContainerWithContext(c.id, ctx)
	if err != nil {
		c.t.Fatalf("wait for the end of container %s: %v", c.name, err)
	}
	return code
}

// pause freezes the program: its port takes connections and answers nothing.
func (c *container) pause() {
	c.t.Helper()
	if err := c.client.PauseContainer(c.id); err != nil {
		c.t.Fatalf("pause container %s: %v", c.name, err)
	}
}

// unpause lets a frozen program go on.
func (c *container) unpause() {
	c.t.Helper()
	if err := c.client.UnpauseContainer(c.id); err != nil {
		c.t.Fatalf("unpause container %s: %v", c.name, err)
	}
}

// join connects the container to one more network under a name.
func (c *container) join(network *docker.Network, alias string) {
	c.t.Helper()
	err := c.client.ConnectNetwork(network.ID, docker.NetworkConnectionOptions{
		Context: c.t.Context(), Container: c.id, EndpointConfig: &docker.EndpointConfig{Aliases: []string{alias}},
	})
	if err != nil {
		c.t.Fatalf("connect %s to %s: %v", c.name, network.Name, err)
	}
}

// leave disconnects the container from a network, as a broken cable would.
func (c *container) leave(network *docker.Network) {
	c.t.Helper()
	err := c.client.DisconnectNetwork(network.ID, docker.NetworkConnectionOptions{Context: c.t.Context(), Container: c.id, Force: true})
	if err != nil {
		c.t.Fatalf("disconnect %s from %s: %v", c.name, network.Name, err)
	}
}
