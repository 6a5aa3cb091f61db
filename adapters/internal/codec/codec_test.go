package codec

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/revkeeper/revkeeper/adapters/internal/zframe"
	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
	"github.com/revkeeper/revkeeper/domain/snapshot"
)

var (
	noon = time.Date(2026, 1, 2, 12, 0, 0, 123456000, time.UTC)
	encs = func() *zstd.Encoder { e, _ := zframe.NewEncoder(1); return e }()
)

func rec(main, sub int64, tombstone bool, value string) record.Record {
	return record.Record{Revision: record.Revision{Main: main, Sub: sub}, Tombstone: tombstone, KeyValue: []byte(value)}
}

// small is three revisions with everything that a record can be.
var small = []record.Record{
	rec(7, 0, false, "\x0a\x01a\x2a\x05value"), rec(7, 1, true, "\x0a\x01b"), rec(7, 2, false, ""),
	rec(8, 0, true, "\x0a\x01\xff"), rec(9, 0, false, "\x0a\x00"),
}

// encode makes a whole delta: one segment, envelope, tail.
func encode(t testing.TB, recs []record.Record) (object []byte, env snapshot.Envelope) {
	t.Helper()
	var body bytes.Buffer
	w := NewSegmentWriter(&body, 0, encs)
	for i, r := range recs {
		at := noon.Add(time.Duration(i) * time.Second)
		if err := w.Append(r, at, at.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	seg, times, tail, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	env = snapshot.Envelope{Epoch: 3, First: seg.First, Last: seg.Last, Records: seg.Records,
		Segments: []snapshot.Segment{seg}, Times: times, Tail: tail, SealedAt: noon}
	env.Digest = snapshot.DeltaDigest(env.Segments)
	object, err = AppendEnvelope(body.Bytes(), env)
	if err != nil {
		t.Fatal(err)
	}
	return object, env
}

// decode reads a delta as the archive does.
func decode(object []byte) (recs []record.Record, env snapshot.Envelope, err error) {
	tail := object[max(0, len(object)-TailSize):]
	n, err := EnvelopeLength(tail, int64(len(object)))
	if err != nil {
		return nil, env, err
	}
	body := len(object) - int(n) - TailSize
	if env, err = ParseEnvelope(object[body:body+int(n)], tail, int64(body)); err != nil {
		return nil, env, err
	}
	dec, err := zframe.NewDecoder()
	if err != nil {
		return nil, env, err
	}
	defer dec.Close()
	in := bytes.NewReader(object[:body])
	for _, seg := range env.Segments {
		err := ReadSegment(in, seg, dec, func(block []record.Record, _, _ time.Time) error {
			recs = append(recs, block...)
			return nil
		})
		if err != nil {
			return recs, env, err
		}
	}
	return recs, env, nil
}

func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var many []record.Record
	for main := int64(1); main < 400; main++ {
		for sub := range 1 + rng.Int64N(4) {
			value := make([]byte, rng.IntN(1000)*rng.IntN(30))
			for i := range value {
				value[i] = byte(rng.IntN(7))
			}
			many = append(many, record.Record{Revision: record.Revision{Main: main, Sub: sub}, Tombstone: rng.IntN(3) == 0, KeyValue: value})
		}
	}
	for _, recs := range [][]record.Record{small, many} {
		object, env := encode(t, recs)
		got, back, err := decode(object)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, env) {
			t.Errorf("envelope\n%+v, want\n%+v", back, env)
		}
		if len(got) != len(recs) {
			t.Fatalf("%d records, want %d", len(got), len(recs))
		}
		for i, r := range recs {
			if g := got[i]; g.Revision != r.Revision || g.Tombstone != r.Tombstone || !bytes.Equal(g.KeyValue, r.KeyValue) {
				t.Fatalf("record %d is %v, want %v", i, g, r)
			}
		}
	}
}

// The bytes of a block and of the canonical digest are the format: a change here
// is a new version of it. The compressed bytes are zstd's business.
func TestGoldenBytes(t *testing.T) {
	var b block
	for _, r := range small {
		b.append(r, noon, noon.Add(time.Second))
	}
	const block = "0006476672e53240" + "0006476672f47480" + // the two times, in microseconds
		"0000000000000007" + "00" + // main and sub of the first record
		"000a" + "0a01612a0576616c7565" + "0103" + "0a0162" + "0000" +
		"0303" + "0a01ff" + "0202" + "0a00"
	if got := hex.EncodeToString(b.finish()); got != block {
		t.Errorf("block\n%s, want\n%s", got, block)
	}
	_, env := encode(t, small)
	// Computed by hand from docs/format.md, not by this program.
	const digest = "ec8cc47981cc6b99f3970bf4aed10d48589f5923a9b0b64364b760f96f861499"
	if got := env.Digest.String(); got != digest {
		t.Errorf("digest %s, want %s", got, digest)
	}
	text, err := AppendEnvelope(nil, snapshot.Envelope{Epoch: 3, First: 7, Last: 9, Records: 5, SealedAt: noon})
	if err != nil {
		t.Fatal(err)
	}
	const envelope = "f06f531414c1f5cbfc3b0d39aced67bfb441b1e4ec7a4ac6537c83ad4bf51042"
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != envelope {
		t.Errorf("the envelope is now %x:\n%q", sum, text)
	}
}

func TestEveryFlippedByteIsRefused(t *testing.T) {
	good, _ := encode(t, small)
	for at := range good {
		for _, mask := range []byte{0x01, 0x80, 0xff} {
			bad := bytes.Clone(good)
			bad[at] ^= mask
			if _, _, err := decode(bad); !errors.Is(err, fault.Corrupt) {
				t.Fatalf("byte %d of %d with %#x: %v", at, len(good), mask, err)
			}
		}
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	good, _ := encode(t, small)
	for n := range len(good) {
		if _, _, err := decode(good[:n]); !errors.Is(err, fault.Corrupt) {
			t.Fatalf("cut after %d of %d: %v", n, len(good), err)
		}
		if _, _, err := decode(good[len(good)-n:]); n > 0 && !errors.Is(err, fault.Corrupt) {
			t.Fatalf("only the last %d of %d: %v", n, len(good), err)
		}
	}
}

func TestWhatDoesNotFollowIsNotWritten(t *testing.T) {
	for name, next := range map[string]record.Record{
		"a hole": rec(11, 0, false, ""), "the middle of a revision": rec(10, 1, false, ""),
		"an ordinal left out": rec(9, 2, false, ""), "backwards": rec(8, 0, false, ""), "again": rec(9, 0, false, ""),
	} {
		w := NewSegmentWriter(&bytes.Buffer{}, 0, encs)
		if err := errors.Join(w.Append(rec(8, 0, false, ""), noon, noon), w.Append(rec(9, 0, false, ""), noon, noon)); err != nil {
			t.Fatal(err)
		}
		if err := w.Append(next, noon, noon); !errors.Is(err, fault.Corrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, _, err := NewSegmentWriter(&bytes.Buffer{}, 0, encs).Finish(); !errors.Is(err, fault.Invalid) {
		t.Errorf("an empty segment: %v", err)
	}
}

func TestAnUnknownEncodingIsUnsupported(t *testing.T) {
	seg := snapshot.Segment{Encoding: "rkf2+zstd"}
	if err := ReadSegment(bytes.NewReader(nil), seg, nil, nil); !errors.Is(err, fault.Unsupported) {
		t.Errorf("err = %v", err)
	}
}

func FuzzParseBlock(f *testing.F) {
	var b block
	for _, r := range small {
		b.append(r, noon, noon)
	}
	f.Add(b.finish())
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, raw []byte) {
		recs, _, _, err := parseBlock(raw)
		if err != nil {
			if !errors.Is(err, fault.Corrupt) {
				t.Errorf("err = %v", err)
			}
			return
		}
		size := 0
		for _, r := range recs {
			size += len(r.KeyValue)
		}
		if len(recs) == 0 || size > len(raw) {
			t.Errorf("%d records of %d bytes out of %d", len(recs), size, len(raw))
		}
	})
}

func FuzzDelta(f *testing.F) {
	good, _ := encode(f, small)
	f.Add(good)
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, object []byte) {
		if _, _, err := decode(object); err != nil && !errors.Is(err, fault.Corrupt) && !errors.Is(err, fault.Unsupported) {
			t.Errorf("err = %v", err)
		}
	})
}

// The checksum over an envelope keeps accidents out, not a forger.
func FuzzEnvelope(f *testing.F) {
	good, env := encode(f, small)
	body := int(env.Segments[0].Length)
	f.Add(good[body:len(good)-TailSize], int64(body))
	f.Add([]byte(`{"segments":[{"length":9223372036854775807},{"length":9223372036854775807}]}`), int64(0))
	f.Fuzz(func(t *testing.T, text []byte, size int64) {
		sum := sha256.Sum256(text)
		tail := append(append(make([]byte, 8), sum[:]...), magic...)
		if _, err := ParseEnvelope(text, tail, size); err != nil && !errors.Is(err, fault.Corrupt) {
			t.Errorf("err = %v", err)
		}
	})
}

// full is a disk without space for a second write.
type full struct{ writes int }

func (f *full) Write(p []byte) (int, error) {
	if f.writes++; f.writes > 1 {
		return 0, errors.New("no space")
	}
	return len(p), nil
}

func TestAWriteThatFailsBesideTheNextBlockIsReported(t *testing.T) {
	disk := &full{}
	w := NewSegmentWriter(disk, 0, encs)
	value, last := string(make([]byte, 300<<10)), int64(0)
	var err error
	for main := int64(1); main < 100 && err == nil; main++ {
		err, last = w.Append(rec(main, 0, false, value), noon, noon), main
	}
	if err == nil || last > 20 {
		t.Errorf("after %d blocks of records: %v", last, err)
	}
	if again := w.Stop(); again == nil {
		t.Error("the error is forgotten")
	}
	if _, _, _, err := w.Finish(); err == nil {
		t.Error("a segment without its second block was finished")
	}
}
