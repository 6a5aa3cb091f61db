package images

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

func TestBinaryIsBuiltOnceAndRuns(t *testing.T) {
	var paths [4]string
	var group sync.WaitGroup
	for i := range paths {
		group.Go(func() {
			path, err := build("versitygw")
			if err != nil {
				t.Error(err)
			}
			paths[i] = path
		})
	}
	group.Wait()
	before, err := os.Stat(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		if p != paths[0] {
			t.Errorf("one program, two paths: %s and %s", p, paths[0])
		}
	}
	after, err := os.Stat(Binary(t, "versitygw"))
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) {
		t.Error("a program whose pins did not change was built again")
	}
	out, err := exec.Command(paths[0], "--version").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "v1.8.0") && !strings.Contains(strings.ToLower(string(out)), "version") {
		t.Errorf("%s --version: %v\n%s", paths[0], err, out)
	}
}

func TestEveryProgramHasAModule(t *testing.T) {
	for name, p := range programs {
		if _, err := os.Stat(p.module + "/go.mod"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnknownProgram(t *testing.T) {
	if _, err := build("nonesuch"); err == nil {
		t.Error("a program nobody declared was built")
	}
}
