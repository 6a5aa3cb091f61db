package cli_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/revkeeper/revkeeper/bootstrap/cli"
)

// TestEveryHelpEndsTheSameWay: with the exit statuses and an example.
func TestEveryHelpEndsTheSameWay(t *testing.T) {
	for _, name := range []string{"", "run", "status", "list", "inspect", "get", "history", "diff", "extract", "drill", "restore", "gc", "pin", "unpin", "timeline", "timeline ack", "timeline retire", "config", "config check", "config show", "version"} {
		t.Run("revkeeper "+name, func(t *testing.T) {
			got := command(t, append(strings.Fields(name), "--help")...)
			if got.code != 0 || got.stderr != "" {
				t.Fatalf("exit %d: %s", got.code, got.stderr)
			}
			status, example := strings.Index(got.stdout, "\nEXIT STATUS\n"), strings.Index(got.stdout, "\nEXAMPLE\n")
			if status < 0 || example < status || !strings.Contains(got.stdout[example:], "  revkeeper "+name) {
				t.Errorf("help ends with\n%s", got.stdout)
			}
			for _, line := range strings.Split(got.stdout[example:], "\n") {
				if strings.HasPrefix(line, "FLAGS") {
					t.Error("something follows the example")
				}
			}
		})
	}
}

// A command that does something by itself says how, also where others are below it.
func TestUsage(t *testing.T) {
	for name, want := range map[string]string{
		"restore":  "  revkeeper restore --to-revision R|latest | --to-time T | --before-delete KEY [flags]\n  revkeeper restore COMMAND\n\n",
		"timeline": "  revkeeper timeline COMMAND\n\n",
		"config":   "  revkeeper config COMMAND\n\n",
		"":         "  revkeeper COMMAND\n\n",
		"get":      "  revkeeper get KEY [flags]\n\n",
		"list":     "  revkeeper list [flags]\n\n",
	} {
		got := command(t, append(strings.Fields(name), "--help")...)
		if !strings.Contains(got.stdout, "USAGE\n"+want) {
			t.Errorf("%s: %s", name, got.stdout)
		}
	}
}

func TestCommandWithTypo(t *testing.T) {
	for _, args := range [][]string{{"lst"}, {"config", "chekc"}, {"lst", "--store", "file:///x"}, {"config", "chekc", "--name", "m1"}} {
		got := command(t, args...)
		if got.code != 2 || !strings.Contains(got.stderr, "find command "+strings.TrimPrefix(args[0], "config")) || !strings.Contains(got.stderr, "did you mean") {
			t.Errorf("%v: exit %d: %s", args, got.code, got.stderr)
		}
	}
	if got := command(t, "--store", "file:///x"); got.code != 2 || !strings.Contains(got.stderr, "unknown flag: --store") {
		t.Errorf("no command at all: exit %d: %s", got.code, got.stderr)
	}
}

func TestVersion(t *testing.T) {
	for _, arg := range []string{"version", "--version"} {
		got := command(t, arg)
		if got.code != 0 || !strings.HasPrefix(got.stdout, "revkeeper v0.0.0-test (bucket format 1, ") || !strings.HasSuffix(got.stdout, ")\n") {
			t.Errorf("%s: exit %d: %s%s", arg, got.code, got.stdout, got.stderr)
		}
	}
}

func TestConfigCheck(t *testing.T) {
	got := command(t, "config", "check", "--endpoint", "http://127.0.0.1:2379", "--store", "file:///backup")
	golden(t, "config-check.txt", got.stdout)
	if got.code != 0 || got.stderr != "" {
		t.Errorf("exit %d: %s", got.code, got.stderr)
	}
	got = command(t, "config", "check", "--endpoint", "127.0.0.1", "--backup-flush-age", "soon", "--role-interval", "1ns")
	golden(t, "config-check-problems.txt", got.stderr)
	if got.code != 2 || got.stdout != "" {
		t.Errorf("exit %d: %s", got.code, got.stdout)
	}
}

func TestConfigShowPrintsEvenWhatIsWrong(t *testing.T) {
	got := command(t, "config", "show", "--name", "m1", "--store", "s3://key:hunter2@bucket")
	if got.code != 2 || !strings.Contains(got.stdout, "name: m1\n") || !strings.Contains(got.stderr, "store.url") {
		t.Errorf("exit %d: %s%s", got.code, got.stdout, got.stderr)
	}
	if strings.Contains(got.stdout+got.stderr, "hunter2") {
		t.Errorf("a secret is shown: %s%s", got.stdout, got.stderr)
	}
}

func TestInterruptedCommand(t *testing.T) {
	b := eventful(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	code := cli.Program{Stdout: &stdout, Stderr: &stderr}.Run(ctx, []string{"list", "--store", b.url()})
	if code != 130 || stderr.String() != "revkeeper: interrupted\n" {
		t.Errorf("exit %d: %s%s", code, stdout.String(), stderr.String())
	}
}
