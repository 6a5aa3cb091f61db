package docker

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ory/dockertest/v3/docker"

	"github.com/revkeeper/revkeeper/tests/servers"
)

const (
	bucket    = "backups"
	prefix    = "cluster"
	accessKey = "revkeeper-test"
	secretKey = "revkeeper-test-secret"
)

// How the sidecars are set: what the invariants speak of.
const (
	pollInterval  = time.Second
	statusTimeout = time.Second
	flushAge      = time.Second
)

// credentials is how everybody reaches the store, as the AWS SDK reads it.
var credentials = []string{"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey}

// peerName is the name that a member's peers know it by.
func peerName(member string) string { return "peer-" + member }

func peerURL(member string) string { return "http://" + peerName(member) + ":2380" }

// directName is the name of a member that its peers reach through a link.
func directName(member string) string { return "direct-" + member }

func etcdRecipe(version, name, initial, state string, front, peers *docker.Network) recipe {
	return recipe{
		program: version, name: name, port: "2379", joins: []*docker.Network{front, peers}, aliases: []string{peerName(name)},
		args: []string{
			"--name", name, "--data-dir", "/data",
			"--listen-client-urls", "http://0.0.0.0:2379", "--advertise-client-urls", "http://" + name + ":2379",
			"--listen-peer-urls", "http://0.0.0.0:2380", "--initial-advertise-peer-urls", peerURL(name),
			"--initial-cluster", initial, "--initial-cluster-state", state, "--log-level", "warn",
			// The machine stays up, so what was written survives SIGKILL.
			"--unsafe-no-fsync",
		},
	}
}

// linkRecipe is controlled through the front network; peers do not go there.
func linkRecipe(member string, front, peers *docker.Network) recipe {
	return recipe{
		program: "link", name: "link-" + member, port: "8080", joins: []*docker.Network{front, peers}, aliases: []string{peerName(member)},
		args: []string{"-listen", ":2380", "-to", directName(member) + ":2380", "-control", ":8080"},
	}
}

func sidecarRecipe(name string, front *docker.Network) recipe {
	return recipe{
		program: "revkeeper", name: "revkeeper-" + name, port: "8080", joins: []*docker.Network{front}, env: credentials,
		args: []string{
			"run", "--name", name, "--endpoint", "http://" + name + ":2379", "--store", storeURL("store:7070"),
			"--listen", "0.0.0.0:8080", "--log-format", "json", "--log-level", "debug",
			"--role-interval", pollInterval.String(), "--role-timeout", statusTimeout.String(), "--backup-flush-age", flushAge.String(),
			// No full by the clock while a test counts fulls.
			"--backup-full-cron=",
			"--store-retry-attempt-timeout", "3s", "--backup-retry-max", "5s",
			"--heartbeat-interval", "1s", "--heartbeat-timeout", "1s", "--heartbeat-etcd-ttl", "5s",
		},
	}
}

// storeDirectory makes the directory that the store serves. It is one of the
// test, since the file system of a container takes no extended attributes of
// users.
func storeDirectory(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	servers.RequireUserXattrs(t, dir)
	// A directory of the served tree is a bucket.
	if err := os.Mkdir(filepath.Join(dir, bucket), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func storeRecipe(dir string, front *docker.Network) recipe {
	return recipe{
		program: "versitygw", name: "store", port: "7070", joins: []*docker.Network{front},
		args:   []string{"--port", ":7070", "--health", "/health", "--keep-alive", "--quiet", "posix", "/objects"},
		env:    []string{"ROOT_ACCESS_KEY=" + accessKey, "ROOT_SECRET_KEY=" + secretKey},
		mounts: []string{dir + ":/objects"},
		user:   fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()), // so that the test can remove what it writes
	}
}

func storeURL(address string) string {
	return fmt.Sprintf("s3://%s/%s?endpoint=http://%s&region=us-east-1&pathStyle=true", bucket, prefix, address)
}
