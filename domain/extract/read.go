package extract

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"

	"github.com/revkeeper/revkeeper/domain/fault"
	"github.com/revkeeper/revkeeper/domain/record"
)

// Reader checks the lines of a file, one after the other, and says what they are. A
// line may have been taken out, of a file whose lines carry digests; nothing else may
// differ from what was written. Memory grows with the keys.
type Reader struct {
	header Header
	first  []byte // its line, as it was written
	digest hash.Hash
	seen   map[string]bool
	lines  int64 // read, the header included
	bare   int64 // keys whose lines carry no digest
	last   int64 // revision of the last key
	taken  int64 // keys out of the file
	ended  bool
}

// NewReader returns a Reader of a file that nothing was read of.
func NewReader() *Reader { return &Reader{digest: sha256.New(), seen: map[string]bool{}} }

// Header returns the first line, once it was read.
func (r *Reader) Header() Header { return r.header }

// Line takes the next line, with or without its end. It returns the key that the line
// is of; false for a header, a trailer, and an empty line. One that is not what was
// written is Corrupt, with its number; a file of another version is Unsupported, and
// no such file at all Invalid.
func (r *Reader) Line(line []byte) (Entry, bool, error) {
	r.lines++
	line = bytes.TrimRight(line, "\r\n")
	var err error
	var e Entry
	switch {
	case r.lines == 1:
		err = r.begin(line)
	case len(bytes.TrimSpace(line)) == 0:
	case r.ended:
		err = r.bad("something follows the trailer")
	case bytes.HasPrefix(line, []byte(`{"keys":`)):
		err = r.end(line)
	default:
		e, err = r.entry(line)
		return e, err == nil, err
	}
	return e, false, err
}

func (r *Reader) bad(detail string) error {
	return fault.New(fault.Corrupt, "read keys", fmt.Sprintf("line %d", r.lines), detail).
		WithRemedy("lines may be taken out, and nothing else be changed; extract the keys again")
}

func (r *Reader) begin(line []byte) error {
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(line, &head); err != nil || head.Format != Format {
		return fault.New(fault.Invalid, "read keys", "", "it is no file of `revkeeper extract`").
			WithRemedy("name one that `revkeeper extract --to` wrote, its first line in place")
	}
	if head.Version != FormatVersion {
		return fault.New(fault.Unsupported, "read keys", "", fmt.Sprintf("version %d; this build knows %d", head.Version, FormatVersion)).
			WithRemedy("use the revkeeper that wrote it")
	}
	if err := strictly(line, &r.header); err != nil || r.header.Revision < 1 {
		return r.bad("it is not the header that was written")
	}
	var err error
	r.first, err = json.Marshal(r.header)
	r.digest.Write(append(line, '\n'))
	return err
}

func (r *Reader) entry(line []byte) (Entry, error) {
	var e Entry
	if err := strictly(line, &e); err != nil {
		return e, r.bad(err.Error())
	}
	sum, err := e.sum(r.first)
	switch {
	case err != nil:
		return e, err
	case e.SHA256 == record.Digest{}:
		r.bare++
	case e.SHA256 != sum:
		return e, r.bad("it was changed, or comes from another file: it hashes to " + sum.String())
	}
	switch {
	case len(e.Key) == 0 || !bytes.HasPrefix(e.Key, r.header.Prefix):
		return e, r.bad(fmt.Sprintf("the key %q does not begin with the prefix %q", e.Key, r.header.Prefix))
	case r.seen[string(e.Key)]:
		return e, r.bad(fmt.Sprintf("the key %q is there twice", e.Key))
	case e.Mod < r.last || e.Mod > r.header.Revision || e.Create < 1 || e.Create > e.Mod || e.Ver < 1:
		return e, r.bad(fmt.Sprintf("the key %q is out of order, or its revisions cannot be", e.Key))
	}
	r.seen[string(e.Key)], r.last = true, e.Mod
	r.digest.Write(append(line, '\n'))
	return e, nil
}

func (r *Reader) end(line []byte) error {
	var t Trailer
	if err := strictly(line, &t); err != nil {
		return r.bad(err.Error())
	}
	r.ended = true
	var read record.Digest
	r.digest.Sum(read[:0])
	keys := int64(len(r.seen))
	switch {
	case t.SHA256 == read && t.Keys == keys:
		return nil
	case r.bare > 0:
		return r.bad("the file is not what was written, and its lines carry no digests that would tell which of them are")
	case t.Keys < keys:
		return r.bad(fmt.Sprintf("the file was of %d keys, and has %d", t.Keys, keys))
	}
	r.taken = t.Keys - keys
	return nil
}

// Finish returns how many keys were taken out of the file; Corrupt if its trailer is
// missing.
func (r *Reader) Finish() (taken int64, err error) {
	if r.lines == 0 {
		r.lines++
		return 0, r.begin(nil)
	}
	if !r.ended {
		return 0, r.bad("the file ends here, without its trailer: it was cut short")
	}
	return r.taken, nil
}

// strictly reads JSON that has nothing but what v knows.
func strictly(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("something follows on the line")
	}
	return nil
}
