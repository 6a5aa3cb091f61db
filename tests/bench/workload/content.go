package workload

import (
	"encoding/base64"
	"math"
	"math/rand/v2"
	"strconv"
)

// The sizes of values in bytes; small objects are commoner than large ones, as sizeSkew says (1 would be an even spread).
const (
	smallest = 900
	largest  = 4200
	sizeSkew = 1.85
)

// end closes the string that a tail or a secret leaves open, and the two objects around it.
const end = `"}}`

// content writes keys and values. Each value has a random source of its own, so a change in how values are written leaves
// the sequence of operations as it was.
type content struct {
	seed    uint64
	written uint64
	pcg     *rand.PCG
	random  *rand.Rand
}

func newContent(seed uint64) *content {
	pcg := rand.NewPCG(seed, 1)
	return &content{seed: seed, pcg: pcg, random: rand.New(pcg)}
}

// next begins a new key or value.
func (c *content) next() {
	c.written++
	c.pcg.Seed(c.seed, c.written)
}

// key gives a name as Kubernetes would keep it in etcd.
func (c *content) key(kind Kind, namespace int) string {
	c.next()
	buf := append(make([]byte, 0, 96), "/registry/"...)
	buf = append(buf, shapes[kind].resource...)
	buf = append(buf, '/')
	buf = append(buf, namespaces[namespace]...)
	return string(c.expand(buf, "/%w-%w-%h-%s"))
}

// value gives an object of the kind, of exactly the size that was drawn for it.
func (c *content) value(kind Kind, key string) []byte {
	c.next()
	size := smallest + int(math.Pow(c.random.Float64(), sizeSkew)*float64(largest-smallest+1))
	shape := &shapes[kind]
	buf := make([]byte, 0, size)
	buf = append(buf, `{"metadata":{"selfLink":"`...)
	buf = append(buf, key...)
	buf = c.expand(buf, metadata)
	buf = c.expand(buf, shape.head)
	if shape.random {
		return c.secret(buf, size)
	}
	limit := size - len(shape.tail) - len(end)
	for {
		part := c.expand(buf, shape.parts[c.random.IntN(len(shape.parts))])
		if len(part) > limit {
			break
		}
		buf = part
	}
	buf = append(buf, shape.tail...)
	return c.pad(buf, size)
}

// secret fills up with random base64, as a certificate or a token in a Secret is.
func (c *content) secret(buf []byte, size int) []byte {
	var raw [48]byte
	for len(buf) < size-len(end) {
		for i := 0; i < len(raw); i += 8 {
			word := c.random.Uint64()
			for j := range 8 {
				raw[i+j] = byte(word >> (8 * j))
			}
		}
		buf = base64.StdEncoding.AppendEncode(buf, raw[:])
	}
	return append(buf[:size-len(end)], end...)
}

// pad fills up with words: every tail leaves a string open.
func (c *content) pad(buf []byte, size int) []byte {
	for len(buf) < size-len(end) {
		buf = append(buf, words[c.random.IntN(len(words))]...)
		buf = append(buf, ' ')
	}
	return append(buf[:size-len(end)], end...)
}

// expand appends the template with each %-verb replaced:
//
//	w word  n namespace  d 0–99  D 0–99999  p port  i IPv4 address  t time  h 8 hex digits  s 5 letters  u UUID  x 32 hex digits
func (c *content) expand(buf []byte, template string) []byte {
	for i := 0; i < len(template); i++ {
		if template[i] != '%' {
			buf = append(buf, template[i])
			continue
		}
		i++
		buf = c.verb(buf, template[i])
	}
	return buf
}

func (c *content) verb(buf []byte, verb byte) []byte {
	r := c.random
	switch verb {
	case 'w':
		return append(buf, words[r.IntN(len(words))]...)
	case 'n':
		return append(buf, namespaces[r.IntN(len(namespaces))]...)
	case 'd':
		return strconv.AppendInt(buf, int64(r.IntN(100)), 10)
	case 'D':
		return strconv.AppendInt(buf, int64(r.IntN(100_000)), 10)
	case 'p':
		return strconv.AppendInt(buf, int64(8000+r.IntN(2000)), 10)
	case 'i':
		buf = append(buf, "10."...)
		buf = strconv.AppendInt(buf, int64(r.IntN(8)), 10)
		buf = append(buf, '.')
		buf = strconv.AppendInt(buf, int64(r.IntN(256)), 10)
		buf = append(buf, '.')
		return strconv.AppendInt(buf, int64(r.IntN(256)), 10)
	case 't':
		buf = append(buf, "2026-0"...)
		buf = strconv.AppendInt(buf, int64(1+r.IntN(9)), 10)
		buf = append(buf, '-')
		buf = c.digits(buf, 1+r.IntN(28))
		buf = append(buf, 'T')
		buf = c.digits(buf, r.IntN(24))
		buf = append(buf, ':')
		buf = c.digits(buf, r.IntN(60))
		buf = append(buf, ':')
		buf = c.digits(buf, r.IntN(60))
		return append(buf, 'Z')
	case 'h':
		return c.hex(buf, 8)
	case 'x':
		return c.hex(buf, 32)
	case 's':
		for range 5 {
			buf = append(buf, "bcdfghjklmnpqrstvwxz2456789"[r.IntN(27)])
		}
		return buf
	case 'u':
		for i, n := range [...]int{8, 4, 4, 4, 12} {
			if i > 0 {
				buf = append(buf, '-')
			}
			buf = c.hex(buf, n)
		}
		return buf
	}
	return append(buf, verb)
}

func (c *content) digits(buf []byte, n int) []byte {
	return append(buf, byte('0'+n/10), byte('0'+n%10))
}

// hex appends n lower-case digits.
func (c *content) hex(buf []byte, n int) []byte {
	for n > 0 {
		bits := c.random.Uint64()
		for range min(n, 16) {
			buf = append(buf, "0123456789abcdef"[bits&15])
			bits >>= 4
			n--
		}
	}
	return buf
}
