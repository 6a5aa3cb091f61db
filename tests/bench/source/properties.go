package source

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/protobuf/proto"

	"github.com/revkeeper/revkeeper/tests/bench/workload"
)

// Properties are what the benchmark's figures depend on. Sizes are in bytes.
type Properties struct {
	// DatabaseBytes is the size of the base without the snapshot's trailer.
	DatabaseBytes int64 `json:"databaseBytes"`
	// DatabaseGzip is how many times smaller gzip at level 6 makes the base.
	DatabaseGzip   float64 `json:"databaseGzip"`
	RecordingBytes int64   `json:"recordingBytes"`
	Events         int     `json:"events"`
	Revisions      int     `json:"revisions"`
	// EventBytes is the sum of the marshalled mvccpb.Event messages.
	EventBytes int64 `json:"eventBytes"`
	// EventGzip is how many times smaller gzip at level 6 makes the recording.
	EventGzip float64                `json:"eventGzip"`
	Mix       map[workload.Class]int `json:"mix"`
}

// PerEvent is the mean size of an event in bytes.
func (p Properties) PerEvent() float64 { return float64(p.EventBytes) / float64(p.Events) }

// Share is the part of the stream's operations that are of the class.
func (p Properties) Share(class workload.Class) float64 {
	return float64(p.Mix[class]) / float64(p.Revisions)
}

// order is that in which classes are printed.
var order = []workload.Class{workload.Update, workload.Create, workload.Delete, workload.LeasedPut, workload.Txn}

// String is a table for people.
func (p Properties) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "base        %.1f MB of database, gzip -6 makes it %.2f x smaller\n", float64(p.DatabaseBytes)/1e6, p.DatabaseGzip)
	fmt.Fprintf(&b, "stream      %d events in %d revisions, %.0f bytes of protobuf each, %.1f MB in all\n", p.Events, p.Revisions, p.PerEvent(), float64(p.EventBytes)/1e6)
	fmt.Fprintf(&b, "recording   %.1f MB, gzip -6 makes it %.2f x smaller: %.0f bytes per event\n", float64(p.RecordingBytes)/1e6, p.EventGzip, float64(p.RecordingBytes)/p.EventGzip/float64(p.Events))
	b.WriteString("operations ")
	for _, class := range order {
		fmt.Fprintf(&b, " %s %.1f %%", class, 100*p.Share(class))
	}
	return b.String()
}

// CheckMix refuses a mix that is more than one percentage point off.
func (p Properties) CheckMix() error {
	var problems []error
	for class, want := range workload.Mix() {
		if got := p.Share(class); math.Abs(got-want) > 0.01 {
			problems = append(problems, fmt.Errorf("%.1f %% of the operations are of class %s, not %.0f %%", 100*got, class, 100*want))
		}
	}
	return errors.Join(problems...)
}

// Check refuses data that the published figures are not about: the bounds are those of workload.Full.
func (p Properties) Check() error {
	problems := []error{p.CheckMix()}
	for _, bound := range []struct {
		what         string
		got, low, up float64
	}{
		{"size of the database in MB", float64(p.DatabaseBytes) / 1e6, 300, 320},
		{"gzip ratio of the database", p.DatabaseGzip, 4.3, 4.8},
		{"number of events", float64(p.Events), 300_000, 300_000},
		{"number of revisions", float64(p.Revisions), 262_000, 268_000},
		{"bytes per event", p.PerEvent(), 1_700, 2_000},
	} {
		if bound.got < bound.low || bound.got > bound.up {
			problems = append(problems, fmt.Errorf("%s is %.2f, it should be %.2f to %.2f", bound.what, bound.got, bound.low, bound.up))
		}
	}
	return errors.Join(problems...)
}

// Measure reads the files of a source, about 20 s for workload.Full, and checks that the recording continues the base
// without a gap. It leaves out Mix, which the recording does not show.
func Measure(ctx context.Context, s *Source) (Properties, error) {
	var p Properties
	info, err := os.Stat(s.BasePath())
	if err != nil {
		return p, err
	}
	p.DatabaseBytes = info.Size() - trailerSize
	if p.DatabaseGzip, err = gzipRatio(ctx, s.BasePath(), p.DatabaseBytes); err != nil {
		return p, err
	}
	if info, err = os.Stat(s.RecordingPath()); err != nil {
		return p, err
	}
	p.RecordingBytes = info.Size()
	if p.EventGzip, err = gzipRatio(ctx, s.RecordingPath(), p.RecordingBytes); err != nil {
		return p, err
	}
	return p, p.count(ctx, s)
}

// count reads the recording.
func (p *Properties) count(ctx context.Context, s *Source) error {
	recording, err := s.OpenRecording()
	if err != nil {
		return err
	}
	defer recording.Close()
	for next := s.Base.Revision + 1; ctx.Err() == nil; next++ {
		raw, err := recording.Next()
		if errors.Is(err, io.EOF) {
			if next != s.Last.Revision+1 {
				return fmt.Errorf("the recording ends before revision %d, etcd stood at %d", next, s.Last.Revision)
			}
			return nil
		}
		var response pb.WatchResponse
		if err := errors.Join(err, proto.Unmarshal(raw, &response)); err != nil {
			return fmt.Errorf("recording at revision %d: %w", next, err)
		}
		if response.Header.Revision != next || len(response.Events) == 0 {
			return fmt.Errorf("recording has revision %d with %d events where %d belongs", response.Header.Revision, len(response.Events), next)
		}
		p.Revisions++
		for _, event := range response.Events {
			if event.Kv.ModRevision != next {
				return fmt.Errorf("recording has an event of revision %d in a response of %d", event.Kv.ModRevision, next)
			}
			p.Events++
			p.EventBytes += int64(proto.Size(event))
		}
	}
	return ctx.Err()
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// gzipRatio compresses the first size bytes of a file at level 6, for nothing but the ratio.
func gzipRatio(ctx context.Context, path string, size int64) (float64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	var stored counter
	zip, err := gzip.NewWriterLevel(&stored, 6)
	if err != nil {
		return 0, err
	}
	for rest := size; rest > 0; rest -= chunkSize {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if _, err := io.CopyN(zip, file, min(rest, chunkSize)); err != nil {
			return 0, err
		}
	}
	if err := zip.Close(); err != nil {
		return 0, err
	}
	return float64(size) / float64(stored), nil
}
