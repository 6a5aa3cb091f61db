package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/revkeeper/revkeeper/tests/bench/source"
)

// cost is what one process, or several after each other, took from start to end.
type cost struct {
	wall time.Duration
	cpu  time.Duration // user and system
	anon int64         // peak anonymous resident memory, in bytes
}

func (c cost) then(o cost) cost {
	return cost{c.wall + o.wall, c.cpu + o.cpu, max(c.anon, o.anon)}
}

// run runs a command to its end and says what it cost. Nobody else's dirty pages are on its bill: they are written before.
func run(tb testing.TB, command *exec.Cmd) (cost, []byte) {
	tb.Helper()
	syscall.Sync()
	return runNow(tb, command)
}

// runNow is run with whatever dirty pages there are.
func runNow(tb testing.TB, command *exec.Cmd) (cost, []byte) {
	tb.Helper()
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	began := time.Now()
	if err := command.Start(); err != nil {
		tb.Fatal(err)
	}
	peak := watchMemory(command.Process.Pid)
	err := command.Wait()
	c := cost{wall: time.Since(began), anon: peak()}
	if err != nil {
		tb.Fatalf("%v: %v\n%s%s", command.Args, err, &stdout, &stderr)
	}
	c.cpu = command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	return c, stdout.Bytes()
}

// samplePause is between two looks at a process's memory.
const samplePause = 5 * time.Millisecond

// watchMemory looks at a process's anonymous memory until the returned function is called, which returns the peak in bytes.
// The kernel keeps a high-water mark only of memory with mapped files, and of those a database has a gigabyte.
func watchMemory(pid int) func() int64 {
	stop, peak := make(chan struct{}), make(chan int64)
	go func() {
		highest := int64(0)
		defer func() { peak <- highest }()
		status, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return
		}
		defer status.Close()
		ticker := time.NewTicker(samplePause)
		defer ticker.Stop()
		text := make([]byte, 8<<10)
		for {
			n, _ := status.ReadAt(text, 0) // a process that has ended has no memory
			highest = max(highest, anonymous(text[:n]))
			select {
			case <-ticker.C:
			case <-stop:
				return
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-peak
	}
}

// anonymous reads RssAnon out of /proc/<pid>/status, in bytes; 0 if it is not there.
func anonymous(status []byte) int64 {
	_, rest, _ := bytes.Cut(status, []byte("RssAnon:"))
	number, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" "))
	kilobytes, _ := strconv.ParseInt(string(number), 10, 64)
	return kilobytes << 10
}

// orderVariable hands an order to a copy of this test binary, so that memory and processor time are an operation's own.
const orderVariable = "REVKEEPER_BENCH_ORDER"

// order is what a child process is to do.
type order struct {
	Operation string // a name in operations
	Endpoint  string // of etcd, or of what plays it
	Store     string // folder of a local store; of "pack" the database's file
	Dir       string // where to restore to; of the spool otherwise
	Target    int64  // revision to restore, 0 for the newest
	Prove     bool   // compare the restored records with HashKV
	// Defragment and Fold are those of restore.Request.
	Defragment, Fold bool
	Until            int64       // revision to follow the history to
	Hash             source.Hash // to store as a proof
}

// report is what a child process found.
type report struct {
	Took    time.Duration // the operation alone
	Base    time.Duration // of Took: the full
	Deltas  time.Duration // of Took: the deltas
	Hashing time.Duration // of Took: HashKV
	Finish  time.Duration // of Took: membership, log, fsync
	Records int64
	Bytes   int64 // stored
	HashKV  uint32
}

// ours carries out an order in a process of its own.
func ours(tb testing.TB, o order) (cost, report) {
	tb.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		tb.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	command := exec.CommandContext(tb.Context(), self)
	command.Env = append(os.Environ(), orderVariable+"="+string(text))
	c, stdout := run(tb, command)
	var r report
	if err := json.Unmarshal(stdout, &r); err != nil {
		tb.Fatalf("%s printed %q: %v", o.Operation, stdout, err)
	}
	return c, r
}

func TestMain(m *testing.M) {
	text := os.Getenv(orderVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	if err := obey(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// profileVariable names a folder for processor profiles of the child processes; without it none are written.
const profileVariable = "REVKEEPER_BENCH_PROFILES"

func profile(path string) (stop func(), err error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); file.Close() }, nil
}

// obey carries out the order and prints the report.
func obey(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	operation, ok := operations[o.Operation]
	if !ok {
		return fmt.Errorf("no operation %q", o.Operation)
	}
	if dir := os.Getenv(profileVariable); dir != "" {
		stop, err := profile(filepath.Join(dir, fmt.Sprintf("%s-%d.prof", o.Operation, os.Getpid())))
		if err != nil {
			return err
		}
		defer stop()
	}
	began := time.Now()
	r, err := operation(o)
	if err != nil {
		return fmt.Errorf("%s: %w", o.Operation, err)
	}
	if r.Took == 0 {
		r.Took = time.Since(began)
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
